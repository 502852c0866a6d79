"""Replay against a NumPy ring."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from assay.tasks.games import replay


def test_the_newest_items_stay_in_a_ring():
    random = np.random.default_rng(0)
    memory, kept = replay.empty(5, jnp.zeros(2)), []
    add = jax.jit(replay.add)
    for turn in range(6):
        items, valid = random.normal(size=(3, 2)).astype(np.float32), random.random(3) < 0.7
        memory = add(memory, jnp.asarray(items), jnp.asarray(valid))
        kept += list(items[valid])
        ring = np.zeros((5, 2), np.float32)
        for place, item in enumerate(kept):
            ring[place % 5] = item
        np.testing.assert_array_equal(memory.items, ring)
        assert memory.added == len(kept)
    assert len(kept) > 5  # it has wrapped around


def test_drawn_are_all_that_are_held_and_nothing_else():
    memory = replay.empty(8, jnp.int32(0))
    assert replay.sample(memory, jax.random.key(0), 3).tolist() == [0, 0, 0]
    memory = replay.add(memory, jnp.arange(1, 6), jnp.ones(5, bool))
    assert set(replay.sample(memory, jax.random.key(0), 200).tolist()) == {1, 2, 3, 4, 5}
    memory = replay.add(memory, jnp.arange(6, 11), jnp.ones(5, bool))
    assert set(replay.sample(memory, jax.random.key(0), 200).tolist()) == set(range(3, 11))


def test_more_than_it_holds_is_refused():
    with pytest.raises(ValueError, match="a replay of 2 cannot take 3"):
        replay.add(replay.empty(2, jnp.int32(0)), jnp.arange(3), jnp.ones(3, bool))
