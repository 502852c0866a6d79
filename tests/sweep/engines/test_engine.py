"""Studies that are killed, stopped, rerun, split over processes or fail in part; all with real processes and signals."""

import contextlib
import dataclasses
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import pytest

from assay.config import Config
from assay.sweep import engines
from assay.sweep.engines import Options
from assay.sweep.store import Store
from assay.train.canonical import canonical

ROOT = pathlib.Path(__file__).parents[3]
ARGUMENTS = [
    "--activation=tanh,relu", "--init=he_normal", "--seeds=2", "--model=mlp(depth=4,width=128)", "--batch_size=4",
    "--probe=(0,500,-1)", "--checkpoint_seconds=0",
]  # fmt: skip


EPOCHS = "--epochs=160"  # of 275 steps: long enough to be killed twenty times


def command(runs, *more):
    return [sys.executable, "-m", "experiments.init_activation", f"--runs={runs}", *ARGUMENTS, *more]


def environment():
    return os.environ | {"PYTHONPATH": f"{ROOT / 'lib'}{os.pathsep}{ROOT}"}


def launch(runs, *more):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(command(runs, *more), cwd=ROOT, env=environment(), **pipes)


def finished(runs, *more):
    process = launch(runs, *more)
    output, _ = process.communicate(timeout=300)
    return process.returncode, output


def results(runs):
    """Everything a study leaves that must not depend on interruptions: metrics byte for byte, done.json but its clock."""
    found = {}
    for done in sorted(pathlib.Path(runs).glob("init_activation/*/done.json")):
        record = json.loads(done.read_text())
        # The clock; and the hashes of what holds it, or holds the checkout's commit.
        del record["seconds"], record["sha256"], record["config_sha256"]
        found[done.parent.name] = record, (done.parent / "metrics.jsonl").read_bytes()
    return found


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    runs = tmp_path_factory.mktemp("undisturbed")
    code, output = finished(runs, EPOCHS)
    assert code == 0, output
    return results(runs)


def latest_change(runs):
    """When each file of a study under way was written; one that goes while it is looked at does not count."""
    found = {}
    for folder, _, names in os.walk(runs):
        for path in (pathlib.Path(folder, name) for name in names):
            with contextlib.suppress(FileNotFoundError):
                found[path] = path.stat().st_mtime_ns
    return found


def wait_for_training(process, runs):
    """Until a run that has just been launched writes something of a trial, or ends."""
    before, deadline = latest_change(runs), time.monotonic() + 120
    while process.poll() is None and time.monotonic() < deadline:
        new = [path for path, at in latest_change(runs).items() if before.get(path) != at]
        if any(path.name != "lock" for path in new):
            return
        time.sleep(0.01)


def test_killed_at_twenty_random_moments_ends_bit_identical(undisturbed, tmp_path):
    moments = random.Random(20261121)
    for kill in range(20):
        process = launch(tmp_path, EPOCHS)
        # Most of a life is start-up; the moments that matter begin with the first sign of training.
        wait_for_training(process, tmp_path)
        time.sleep(moments.uniform(0, 0.25))
        process.kill()
        output, _ = process.communicate()
        assert process.returncode == -signal.SIGKILL, f"ended before kill {kill}: {output}"
    code, output = finished(tmp_path, EPOCHS)
    assert code == 0, output
    assert results(tmp_path) == undisturbed
    assert not list((tmp_path / "init_activation" / "packs").glob("*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_by_a_signal_it_says_so_and_resumes(undisturbed, tmp_path, number):
    process = launch(tmp_path, EPOCHS)
    wait_for_training(process, tmp_path)
    time.sleep(0.3)
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 75, output
    assert "stopped; the same command goes on where this one was" in output
    assert list((tmp_path / "init_activation" / "packs").glob("*/*/manifest.json"))
    code, output = finished(tmp_path, EPOCHS)
    assert code == 0, output
    assert results(tmp_path) == undisturbed


def test_worker_processes_give_the_same_bits_and_stop_together(undisturbed, tmp_path):
    process = launch(tmp_path, EPOCHS, "--engine=processes(workers=2)")
    wait_for_training(process, tmp_path)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 75, output
    code, output = finished(tmp_path, EPOCHS, "--engine=processes(workers=2)")
    assert code == 0, output
    assert results(tmp_path) == undisturbed


def test_a_full_disk_is_one_line_and_nothing_is_lost(undisturbed, small_disk):
    folder = small_disk(200)
    code, output = finished(folder, EPOCHS)
    lines = [line for line in output.splitlines() if not line.startswith("4 trials:")]
    assert code == 1 and len(lines) == 1 and "the disk is full" in lines[0], output
    small_disk(64 * 1024)
    code, output = finished(folder, EPOCHS)
    assert code == 0, output
    assert results(folder) == undisturbed


def test_two_runs_of_one_study_do_not_mix(tmp_path):
    first = launch(tmp_path, EPOCHS)
    wait_for_training(first, tmp_path)
    code, output = finished(tmp_path, EPOCHS)
    first.kill()
    first.communicate()
    assert code == 1 and str(first.pid) in output, output


# In this process: what needs no signal.

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
