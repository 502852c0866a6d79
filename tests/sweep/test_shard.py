"""Trials over devices: on 1, 2, 4 and 8 simulated ones a trial learns what it learns alone, and a stopped pack goes on."""

import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

ROOT = pathlib.Path(__file__).parents[2]
TRIALS = 6  # no multiple of 4 or of 8

# Device counts are fixed before JAX starts, so this runs in a process of its own.
SCRIPT = """
import dataclasses, sys, threading
import jax
import numpy as np
jax.config.update("jax_num_cpu_devices", 8)
from assay.config import Config
from assay.data import batches, load
from assay.sweep import plan, programs, runner
from assay.sweep.pack import PackedProgram
from assay.sweep.store import Store
from assay.train.canonical import canonical
from assay.train.loop import Program, program_key

QUICK = {"xla_backend_optimization_level": 0}
base = canonical(Config(model="mlp(depth=1,width=16)", norm="batch_norm", epochs=1, evals=3, batch_size=100))
inits = ("he_normal", "lecun_normal", "he_normal", "he_normal", "lecun_normal", "he_normal")
configs = [dataclasses.replace(base, seed=i, init=init, lr=0.1 * (i + 1)) for i, init in enumerate(inits)]
dataset = load(base.dataset)
program = Program(program_key(base), dataset)

def trained(mapping, devices, started=None):
    packed = PackedProgram(program, mapping, batches.on_host(dataset), QUICK, devices)
    trials = packed.trials(configs)
    carry = packed.to_device(started, configs) if started else packed.start(configs)
    carry = packed.advance(carry, trials, 0, program.steps)
    if mapping == "shard":
        assert {len(leaf.sharding.device_set) for leaf in jax.tree.leaves(carry)} == {len(devices)}
    state = packed.to_host(carry, len(configs)).train_state
    found = {f"params{i}": leaf for i, leaf in enumerate(jax.tree.leaves(state.params))}
    found |= {f"state{i}": leaf for i, leaf in enumerate(jax.tree.leaves(state.state))}
    found |= dict(zip(("diverged_at", "curve"), packed.progress_of(carry)))
    return {name: np.asarray(value)[:len(configs)] for name, value in found.items()}

vmapped = PackedProgram(program, "vmap", batches.on_host(dataset), QUICK)
started = vmapped.to_host(vmapped.start(configs), len(configs))
found = {"vmap": trained("vmap", None, started), "shard8": trained("shard", jax.devices())}
for count in (1, 2, 4):
    found[f"shard{count}"] = trained("shard", jax.devices()[:count], started)
np.savez(sys.argv[1], **{f"{way}/{name}": value for way, values in found.items() for name, value in values.items()})

# Through the runner, stopped after a chunk.
class StopsAtSecondLook:
    looks = 0
    def is_set(self):
        self.looks += 1
        return self.looks == 2

programs.compiler_options = lambda: QUICK
long = [dataclasses.replace(config, epochs=2) for config in configs]
[pack] = plan.packs(long, "shard")
never = threading.Event()
undisturbed, store = Store(sys.argv[2], "undisturbed"), Store(sys.argv[2], "stopped")
trainer = runner.Runner(undisturbed, "shard", never, 60, lambda steps: None)
assert trainer.run(pack)
trainer.store, trainer.stop, trainer.programs.get(pack).chunk = store, StopsAtSecondLook(), 1
assert not trainer.run(pack)
assert list((store.folder / "packs").glob("*/*/manifest.json"))
trainer.stop = never
assert trainer.run(pack)
for config in long:
    i = config.trial_id()
    assert store.metrics(i) == undisturbed.metrics(i), i
    assert store.done(i)["final"] == undisturbed.done(i)["final"], i
print("resumed", len(long))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shard")
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'lib'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-c", SCRIPT, str(folder / "found.npz"), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    ways = {}
    with np.load(folder / "found.npz") as arrays:
        for name in arrays:
            way, _, what = name.partition("/")
            ways.setdefault(way, {})[what] = arrays[name]
    return done.stdout, ways


def test_one_device_has_the_bits_of_vmap(found):
    _, ways = found
    for name, value in ways["vmap"].items():
        np.testing.assert_array_equal(ways["shard1"][name], value, err_msg=name)


@pytest.mark.parametrize("count", [2, 4, 8])
def test_trials_over_devices_are_close_to_trials_on_one(found, count):
    _, ways = found
    assert ways["vmap"]["diverged_at"].shape == (TRIALS,)
    for name, value in ways["vmap"].items():
        # As close as vmap is to solo: batched products of other sizes add up in another order.
        np.testing.assert_allclose(ways[f"shard{count}"][name], value, rtol=1e-4, atol=2e-5, err_msg=name)


def test_a_stopped_pack_goes_on_bit_identical(found):
    assert f"resumed {TRIALS}" in found[0]
