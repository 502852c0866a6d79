"""A packed trial is the solo trial, whatever its neighbours do, and packs are planned so that little is compiled."""

import dataclasses

import jax
import numpy as np
import pytest

from assay.config import Config
from assay.data import batches, load
from assay.spec import SpecError
from assay.sweep import plan
from assay.sweep.pack import PackedProgram
from assay.train.canonical import canonical
from assay.train.loop import Program, program_key

BASE = canonical(Config(model="mlp(depth=2,width=16)", epochs=2, evals=4, batch_size=100))


def variations():
    changes = (
        {"seed": 1, "init": "he_normal"},
        {"seed": 2, "lr": 0.02},
        {"seed": 1},
        {"seed": 3, "init": "he_normal", "lr": 0.3},
    )
    return [canonical(dataclasses.replace(BASE, **change)) for change in changes]


def results(configs, mapping):
    dataset = load(BASE.dataset)
    packed = PackedProgram(Program(program_key(configs[0]), dataset), mapping, batches.put_on_device(dataset), {})
    trials, carry = packed.trials(configs), packed.start(configs)
    carry = packed.advance(carry, trials, 0, 5)
    probe = packed.probe(carry, trials, 5)
    carry = packed.advance(carry, trials, 5, packed.program.steps)
    diverged_at, curve = packed.progress_of(carry)
    parameters = [np.asarray(leaf).reshape(len(configs), -1) for leaf in jax.tree.leaves(carry.train_state.params)]
    named = {"params": np.concatenate(parameters, axis=1), "curve": curve, "diverged_at": diverged_at}
    assert packed.parameters(carry) == named["params"].shape[1]
    return named | packed.finish(carry) | probe


@pytest.fixture(scope="module")
def solo():
    each = [results([config], "loop") for config in variations()]
    return {name: np.concatenate([one[name] for one in each]) for name in each[0]}


def test_map_gives_the_bits_of_the_solo_trial(solo):
    packed = results(variations(), "map")
    for name, value in solo.items():
        np.testing.assert_array_equal(packed[name], value, err_msg=name)


def test_vmap_is_close_to_the_solo_trial(solo):
    packed = results(variations(), "vmap")
    assert packed["params"].shape == solo["params"].shape
    # A batched matrix product adds up in another order: float32 rounding, grown over 22 steps.
    np.testing.assert_allclose(packed["params"], solo["params"], atol=2e-5)
    np.testing.assert_allclose(packed["test_loss"], solo["test_loss"], rtol=1e-4)


@pytest.mark.parametrize("mapping", ["map", "vmap"])
def test_a_diverging_neighbour_changes_no_bit(mapping):
    base = dataclasses.replace(BASE, activation="relu", loss="squared_error", lr=0.02)
    calm = [dataclasses.replace(base, seed=seed) for seed in (1, 2)]
    wild = dataclasses.replace(base, seed=3, lr=1e18)
    beside_calm = results([*calm, dataclasses.replace(base, seed=3)], mapping)
    beside_wild = results([*calm, wild], mapping)
    assert beside_wild["diverged_at"][2] > 0 and (beside_wild["diverged_at"][:2] == -1).all()
    for name in beside_calm:
        np.testing.assert_array_equal(beside_wild[name][:2], beside_calm[name][:2], err_msg=name)


def test_programs_are_shared_by_data_axes_and_take_turns():
    activations = [canonical(dataclasses.replace(BASE, activation=name)) for name in ("tanh", "relu")]
    grid = [dataclasses.replace(c, seed=seed, init=init) for c in activations for init in ("zeros", "he_normal") for seed in range(3)]
    packs = plan.packs(grid, "loop")
    assert [len(pack.configs) for pack in packs] == [1] * 12
    assert [pack.configs[0].activation for pack in packs[:4]] == ["tanh", "relu", "tanh", "relu"]
    assert sorted(pack.configs[0].trial_id() for pack in packs) == sorted(config.trial_id() for config in grid)
    stacked = plan.packs(grid, "vmap")
    assert [len(pack.configs) for pack in stacked] == [6, 6]
    assert len({pack.key for pack in stacked}) == 2


def test_large_programs_are_cut_into_packs():
    grid = [dataclasses.replace(BASE, seed=seed) for seed in range(plan.PACK_SIZE + 1)]
    assert [len(pack.configs) for pack in plan.packs(grid, "map")] == [plan.PACK_SIZE, 1]


def test_packs_are_small_enough_for_all_that_run_at_once_and_stay_as_they_are_when_some_are_finished():
    grid = [dataclasses.replace(BASE, seed=seed) for seed in range(61)]
    packs = plan.packs(grid, "vmap", at_once=16)
    assert [len(pack.configs) for pack in packs] == [4] * 15 + [1]
    left = {config.trial_id() for config in grid[2:58]}
    assert plan.unfinished(packs, left) == [
        packs[0]._replace(configs=tuple(grid[2:4])), *packs[1:14], packs[14]._replace(configs=tuple(grid[56:58])),
    ]  # fmt: skip


@pytest.mark.parametrize("mapping", ["loop", "vmap", "shard"])
def test_every_part_of_a_study_has_work(mapping):
    grid = [dataclasses.replace(BASE, seed=seed) for seed in range(61)]
    parts = [plan.share(grid, mapping, plan.part(f"{i}/16")) for i in range(16)]
    assert max(map(len, parts)) <= 4 and sum(map(bool, parts)) >= 15
    assert sorted(config.seed for part in parts for config in part) == list(range(61))


def test_pack_choices():
    assert plan.mapping("auto") == ("loop" if jax.default_backend() == "cpu" else "auto")
    assert plan.mapping("map") == "map"
    with pytest.raises(SpecError, match="--pack must be auto, loop, map, vmap, shard or data, not 'all'"):
        plan.mapping("all")
