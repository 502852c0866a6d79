"""Replay: a memory of the newest items, drawn from uniformly (Lin 1992; Mnih et al. 2015)."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Replay(NamedTuple):
    """A ring of items.

    Attributes:
      items: a pytree of arrays `[capacity, ...]`.
      added: int32, how many items have ever been added; the next goes to place `added % capacity`.
    """

    items: Any
    added: jax.Array


def empty(capacity: int, item: Any) -> Replay:
    """An empty memory for items of the shapes and dtypes of `item`."""
    zeros = jax.tree.map(lambda leaf: jnp.zeros((capacity, *leaf.shape), leaf.dtype), item)
    return Replay(zeros, jnp.int32(0))


def add(replay: Replay, items: Any, valid: jax.Array) -> Replay:
    """Adds those of the items `[n, ...]` for which `valid` `[n]` holds, in order, in place of the oldest.

    Raises:
      ValueError: n exceeds the capacity.
    """
    capacity = len(jax.tree.leaves(replay.items)[0])
    if len(valid) > capacity:
        raise ValueError(f"a replay of {capacity} cannot take {len(valid)} items at a time; make it larger")
    count = jnp.cumsum(valid.astype(jnp.int32))
    place = jnp.where(valid, (replay.added + count - 1) % capacity, capacity)  # beyond the end: dropped
    kept = jax.tree.map(lambda old, new: old.at[place].set(new, mode="drop"), replay.items, items)
    return Replay(kept, replay.added + count[-1])


def sample(replay: Replay, key: jax.Array, count: int) -> Any:
    """`count` items, drawn with replacement from those held; zeros where none is."""
    capacity = len(jax.tree.leaves(replay.items)[0])
    held = jnp.clip(replay.added, 1, capacity)
    place = jax.random.randint(key, (count,), 0, held)
    return jax.tree.map(lambda leaf: leaf[place], replay.items)
