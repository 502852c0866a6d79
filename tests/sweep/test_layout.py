"""Trials, and batches, over 1, 2, 4 and 8 simulated devices learn what they learn on one, and stopped ones go on."""

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
from assay.sweep import plan
from assay.sweep.layout import layout
from assay.sweep.pack import PackedProgram
from assay.sweep.runner import Runner
from assay.sweep.store import Store
from assay.train.canonical import canonical
from assay.train.loop import Program, program_key

base = canonical(Config(model="mlp(depth=1,width=16)", norm="batch_norm", epochs=1, evals=1, batch_size=100, probe=()))
inits = ("he_normal", "lecun_normal", "he_normal", "he_normal", "lecun_normal", "he_normal")
configs = [dataclasses.replace(base, seed=i, init=init, lr=0.1 * (i + 1)) for i, init in enumerate(inits)]
dataset = load(base.dataset)
host = batches.on_host(dataset)

def made(mapping, devices=None):
    program = Program(program_key(base), dataset, layout(mapping, devices).batch)
    return PackedProgram(program, mapping, host, {"xla_backend_optimization_level": 0}, devices)

def trained(packed, configs, started=None):
    trials = packed.trials(configs)
    carry = packed.start(configs) if started is None else packed.to_device(started, configs)
    carry = packed.advance(carry, trials, 0, packed.program.steps)
    assert {len(leaf.sharding.device_set) for leaf in jax.tree.leaves(carry)} == {packed.devices}
    state = packed.to_host(carry, len(configs)).train_state
    return {f"leaf{i}": leaf for i, leaf in enumerate(jax.tree.leaves((state.params, state.state)))}

vmap, shard8, loop = made("vmap"), made("shard"), made("loop")
data2, data8 = made("data", jax.devices()[:2]), made("data")
started = vmap.to_host(vmap.start(configs), len(configs))
found = {"vmap": trained(vmap, configs, started), "shard8": trained(shard8, configs)}
for count in (1, 2, 4):
    found[f"shard{count}"] = trained(made("shard", jax.devices()[:count]), configs, started)
# One trial, the 100 examples of its batches over devices.
found["loop"], found["data2"] = trained(loop, configs[:1]), trained(data2, configs[:1])
found["data8"], found["data8again"] = trained(data8, configs[:1]), trained(data8, configs[:1])
np.savez(sys.argv[1], **{f"{way}/{name}": value for way, values in found.items() for name, value in values.items()})

class StopsAtSecondLook:
    looks = 0
    def is_set(self):
        self.looks += 1
        return self.looks == 2

never = threading.Event()

def run(store, packed, configs, stop=never):
    runner = Runner(store, packed.mapping, stop, 60, lambda steps: None)
    runner.programs.get = lambda pack: packed  # compiled already
    packed.chunk = 1
    return runner.run(plan.Pack(program_key(base), tuple(configs)))

undisturbed, store = Store(sys.argv[2], "undisturbed"), Store(sys.argv[2], "stopped")
assert run(undisturbed, shard8, configs)
assert not run(store, shard8, configs, StopsAtSecondLook())
assert list((store.folder / "packs").glob("*/*/manifest.json"))
assert run(store, shard8, configs)
for config in configs:
    i = config.trial_id()
    assert store.metrics(i) == undisturbed.metrics(i), i
    assert store.done(i)["final"] == undisturbed.done(i)["final"], i
print("resumed", len(configs))

# Begun on eight devices, gone on with on one.
store, alone = Store(sys.argv[2], "elsewhere"), configs[0].trial_id()
assert not run(store, data8, configs[:1], StopsAtSecondLook())
assert run(store, loop, configs[:1])
assert store.config(alone)["provenance"]["went_on_by"] == "loop on 1 device"
for ours, theirs in zip(store.metrics(alone), undisturbed.metrics(alone), strict=True):
    np.testing.assert_allclose(list(ours.values()), list(theirs.values()), rtol=1e-4)
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
    return done.stdout + done.stderr, ways


def test_one_device_has_the_bits_of_vmap(found):
    _, ways = found
    for name, value in ways["vmap"].items():
        np.testing.assert_array_equal(ways["shard1"][name], value, err_msg=name)


@pytest.mark.parametrize("count", [2, 4, 8])
def test_trials_over_devices_are_close_to_trials_on_one(found, count):
    _, ways = found
    assert ways["vmap"]["leaf0"].shape[0] == TRIALS
    for name, value in ways["vmap"].items():
        # As close as vmap is to solo: batched products of other sizes add up in another order.
        np.testing.assert_allclose(ways[f"shard{count}"][name], value, rtol=1e-4, atol=2e-5, err_msg=name)


def test_a_stopped_pack_goes_on_bit_identical(found):
    assert f"resumed {TRIALS}" in found[0]


def test_a_batch_over_devices_has_the_statistics_of_the_whole_batch(found):
    _, ways = found
    for name, value in ways["loop"].items():
        np.testing.assert_array_equal(ways["data8"][name], ways["data8again"][name], err_msg=name)
        for way in ("data2", "data8"):
            # Batch normalisation by each device's examples would be off by tenths.
            np.testing.assert_allclose(ways[way][name], value, rtol=1e-4, atol=2e-5, err_msg=f"{way} {name}")


def test_going_on_with_other_devices_is_said(found):
    assert "was trained by data on 8 devices and goes on by loop on 1 device" in found[0]
