"""What becomes of trials under the engine of this process: they fail, diverge, are packed."""

import dataclasses
import shutil
import threading

import jax
import numpy as np
import pytest

from assay.config import Config
from assay.spec import build, SpecError
from assay.sweep import engines, provenance
from assay.sweep.engines import ENGINES, Options
from assay.sweep.engines.engine import failed, work
from assay.sweep.engines.ray import _at_once
from assay.sweep.pack import PackedProgram
from assay.sweep.plan import Pack
from assay.sweep.runner import pack_id, Runner
from assay.sweep.store import Store
from assay.train.canonical import canonical
from assay.train.loop import program_key

TINY = Config(model="mlp(depth=1,width=8)", epochs=1, evals=2, batch_size=100)


def grid(**changes):
    return [canonical(dataclasses.replace(TINY, seed=seed, **changes)) for seed in range(3)]


BROKEN = """
import jax
from assay.activations import Activation

def explode():
    @jax.custom_jvp
    def fn(x):
        return jax.pure_callback(_explode, jax.ShapeDtypeStruct(x.shape, x.dtype), x, vmap_method="sequential")
    fn.defjvp(lambda x, dx: (fn(*x), dx[0]))
    return Activation(fn, gain=1.0)

def _explode(x):
    raise RuntimeError("the user's own code broke")
"""


def test_a_trial_that_fails_is_named_and_the_others_finish(tmp_path, monkeypatch):
    (tmp_path / "tests_engine_broken.py").write_text(BROKEN)
    monkeypatch.syspath_prepend(tmp_path)
    configs = grid()
    bad = canonical(dataclasses.replace(TINY, activation="tests_engine_broken:explode"))
    store = Store(tmp_path, "study")
    outcome = engines.run([bad, *configs], store, Options())
    assert not outcome.stopped and len(outcome.failures) == 1
    assert f"trial {bad.trial_id()} (" in outcome.failures[0] and "\n" not in outcome.failures[0]
    assert "the user's own code broke" in (tmp_path / "study" / bad.trial_id() / "error.txt").read_text()
    assert store.done(bad.trial_id()) is None
    assert all(store.done(config.trial_id()) for config in configs)


def test_an_engine_that_is_not_there_is_one_line(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("importlib.util.find_spec", lambda name: None)
        for name, module in (("ray", "ray"), ("slurm", "submitit")):
            with pytest.raises(SpecError, match=rf"engine {name}: {module} is not installed: ./launch.sh installs it"):
                build(ENGINES, name, "engine")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SpecError, match="engine slurm: Could not detect"):
        engines.run(grid()[:1], Store(tmp_path, "study"), Options(engine=build(ENGINES, "slurm", "engine")))


def test_of_a_lost_pack_the_finished_trials_have_not_failed(tmp_path):
    done, *others = grid()
    store = Store(tmp_path, "study")
    engines.run([done], store, Options())
    lost = failed(store, Pack(program_key(done), (done, *others)), RuntimeError("lost")).failures
    assert len(lost) == 2 and not any(done.trial_id() in line for line in lost)
    assert not (tmp_path / "study" / done.trial_id() / "error.txt").exists()


def test_a_checkpoint_without_its_trial_is_begun_anew(tmp_path):
    config = grid()[0]
    store, stop = Store(tmp_path, "study"), threading.Event()
    stopping = Runner(store, "loop", stop, 0.0, lambda steps: stop.set())
    assert not stopping.run(Pack(program_key(config), (config,)))
    (tmp_path / "study" / config.trial_id() / "config.json").unlink()
    assert not engines.run([config], store, Options()).failures
    assert store.done(config.trial_id())


def test_a_checkpoint_of_an_earlier_start_is_not_gone_on_with(tmp_path, monkeypatch):
    config = grid()[0]
    pack, store, stop = Pack(program_key(config), (config,)), Store(tmp_path, "study"), threading.Event()
    assert not Runner(store, "loop", stop, 0.0, lambda steps: stop.set()).run(pack)
    folder = store.pack_dir(pack_id(pack.configs))
    saved = tmp_path / "saved"
    shutil.copytree(folder, saved)
    # The code changes, and what begins anew is killed before its first checkpoint.
    other = dict(provenance.provenance()) | {"assay_code": "other"}
    monkeypatch.setattr(provenance, "provenance", lambda: other)
    with pytest.raises(InterruptedError):
        Runner(store, "loop", threading.Event(), 60.0, interrupted).run(pack)
    assert not folder.exists()
    shutil.copytree(saved, folder)  # even if it were there
    runner = Runner(store, "loop", threading.Event(), 60.0, lambda steps: None)
    assert runner._resumed(runner.programs.get(pack), pack, folder) is None


def interrupted(steps):
    raise InterruptedError


def test_ray_is_asked_for_what_its_cluster_has():
    with pytest.raises(SpecError, match="a pack is to have 64 CPUs and 0 GPUs, and the cluster has 2 CPUs and 0 GPUs"):
        _at_once(64, 0, {"CPU": 2.0})
    assert _at_once(1, 0.5, {"CPU": 16.0, "GPU": 4.0}) == 8
    assert _at_once(0.3, 0, {"CPU": 1.0}) == 3
    assert _at_once(0, 0, {}) == 1


def test_a_diverged_trial_is_a_result(tmp_path):
    configs = grid(activation="relu", loss="squared_error", lr=1e18)
    store = Store(tmp_path, "study")
    assert engines.run(configs, store, Options()) == engines.Outcome()
    for config in configs:
        done = store.done(config.trial_id())
        assert done["status"] == "diverged" and 0 < done["diverged_at"] < done["steps"]
        assert done["final"]["test_error"] == 1.0 and done["final"]["test_loss"] is None
        assert store.metrics(config.trial_id())[-1] == {"step": done["diverged_at"], "diverged": True}


@pytest.mark.parametrize("pack", ["map", "vmap"])
def test_stacked_packs_store_what_solo_trials_store(tmp_path, pack):
    configs = grid()
    solo, packed = Store(tmp_path, "solo"), Store(tmp_path, "packed")
    engines.run(configs, solo, Options())
    engines.run(configs, packed, Options(pack=pack))
    for config in configs:
        ours, theirs = (store.metrics(config.trial_id()) for store in (packed, solo))
        assert [set(line) for line in ours] == [set(line) for line in theirs]
        if pack == "map":
            assert ours == theirs
        final = packed.done(config.trial_id())["final"]
        assert final["test_loss"] == pytest.approx(solo.done(config.trial_id())["final"]["test_loss"], rel=1e-4)
        assert final["parameters"] == solo.done(config.trial_id())["final"]["parameters"] == 8 * 64 + 8 + 90


def test_metrics_hold_evaluations_and_probes_in_order(tmp_path):
    config = canonical(dataclasses.replace(TINY, model="mlp(depth=2,width=8)", probe=(0, 4, -1), evals=3))
    store = Store(tmp_path, "study")
    engines.run([config], store, Options())
    lines = store.metrics(config.trial_id())
    steps = store.done(config.trial_id())["steps"]
    assert [line["step"] for line in lines if "probe" in line] == [0, 4, steps]
    assert [line["step"] for line in lines if "probe" not in line] == [0, steps // 3, 2 * steps // 3, steps]
    probe = lines[0]["probe"]
    assert probe["layer"] == ["Activate_0", "Activate_1"] and probe["kernel"] == ["Dense_0", "Dense_1", "Dense_2"]
    assert len(probe["activation_std"]) == 2 and probe["gradient_ratio"][-1] is None


def test_steps_to_target_is_the_first_evaluation_that_reaches_it(tmp_path):
    config = canonical(dataclasses.replace(TINY, epochs=10, evals=20, target_error=0.3))
    store = Store(tmp_path, "study")
    engines.run([config], store, Options())
    lines = [line for line in store.metrics(config.trial_id()) if "train_error" in line]
    first = next(line["step"] for line in lines if line["train_error"] <= 0.3)
    assert store.done(config.trial_id())["final"]["steps_to_target"] == first > 0


def test_a_pack_that_memory_has_no_room_for_is_halved(tmp_path, monkeypatch, caplog):
    with pytest.raises(jax.errors.JaxRuntimeError) as refused:
        jax.block_until_ready(jax.numpy.zeros(2**46, np.uint8))
    whole, calls = PackedProgram.advance, []

    def advance(self, carry, trials, first, last):
        calls.append((carry.diverged_at.size, first))
        if carry.diverged_at.size > 2:
            raise refused.value
        return whole(self, carry, trials, first, last)

    monkeypatch.setattr(PackedProgram, "advance", advance)
    store, configs = Store(tmp_path, "study"), [dataclasses.replace(grid()[0], seed=seed) for seed in range(4)]
    assert engines.run(configs, store, Options(pack="vmap")) == engines.Outcome()
    assert all(store.done(config.trial_id()) for config in configs)
    assert list(dict.fromkeys(size for size, _ in calls)) == [4, 2]
    assert "the device's memory has no room for 4 trials of mlp(depth=1,width=8) at once; halved" in caplog.text
    # Stopped and begun again, the halves go on where they were.
    stop, again = threading.Event(), Store(tmp_path, "again")
    pack = Pack(program_key(configs[0]), tuple(configs))
    assert work(Runner(again, "vmap", stop, 0.0, lambda steps: stop.set()), pack).stopped
    calls.clear()
    assert engines.run(configs, again, Options(pack="vmap")) == engines.Outcome()
    assert {size for size, _ in calls} == {2} and calls[0][1] > 0
