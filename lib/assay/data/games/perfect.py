"""Perfect play of a small board game for two, by going through all of its positions."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from assay.data.games.game import Game

CELLS = 20  # 3**20 positions have numbers in 32 bits
CHUNK = 1024  # positions a call


class Table(NamedTuple):
    """Every position that can be reached from the start, finished ones included.

    Attributes:
      keys: uint32 [N], sorted: `key` of what the mover sees.
      values: int8 [N]: 1 where the mover wins under perfect play of both, 0 a draw, -1 where the mover loses.
      best: bool [N, actions]: the moves that keep the value; none where the game is over.
    """

    keys: np.ndarray
    values: np.ndarray
    best: np.ndarray


def key(observation: jax.Array) -> jax.Array:
    """The number of a position: `[H, W, 2]` -> uint32, a digit to base 3 a cell."""
    own, other = observation.reshape(-1, 2).T != 0
    digits = own.astype(jnp.uint32) + 2 * other.astype(jnp.uint32)
    return jnp.sum(digits * 3 ** np.arange(len(own), dtype=np.uint32), dtype=jnp.uint32)


def best_moves(table: Table, observations: jax.Array) -> jax.Array:
    """Moves of perfect play: what the movers see `[B, H, W, 2]` -> bool `[B, actions]`."""
    return jnp.asarray(table.best)[jnp.searchsorted(jnp.asarray(table.keys), jax.vmap(key)(observations))]


def solve(game: Game) -> Table:
    """Minimax over the positions move by move: first all that can be reached, then their values from the end.

    Raises:
      ValueError: not a board for two of at most 20 cells.
    """
    start = jax.tree.map(lambda leaf: np.asarray(leaf)[None], game.reset(jax.random.key(0)))
    cells = np.prod(jax.eval_shape(game.observe, jax.tree.map(lambda leaf: leaf[0], start)).shape[:2])
    if game.players != 2 or cells > CELLS:
        raise ValueError(f"perfect play is computed for two players on at most {CELLS} cells, not {cells}")
    expand = jax.jit(jax.vmap(lambda state: _expand(game, state)))
    levels, states = [], start
    while len(states[0]):
        found = _chunked(expand, states)
        keys = found.child_keys[found.legal]
        _, first, child = np.unique(keys, return_index=True, return_inverse=True)
        states = jax.tree.map(lambda leaf: leaf[found.legal][first], found.children)
        levels.append((found, child))
    values, solved = np.zeros(0, np.int8), []
    for found, child in reversed(levels):
        after = np.full(found.legal.shape, -2, np.int8)
        after[found.legal] = -values[child]
        values = np.where(found.over, np.where(found.won, -1, 0), after.max(axis=1)).astype(np.int8)
        solved.append((found.key, values, found.legal & (after == values[:, None])))
    keys, values, best = (np.concatenate(arrays) for arrays in zip(*solved))
    order = np.argsort(keys)
    return Table(keys[order], values[order], best[order])


class _Expanded(NamedTuple):
    key: Any
    over: Any
    won: Any
    legal: Any
    children: Any
    child_keys: Any


def _expand(game: Game, state: Any) -> _Expanded:
    children, _ = jax.vmap(lambda action: game.step(state, action))(jnp.arange(game.actions))
    child_keys = jax.vmap(lambda child: key(game.observe(child)))(children)
    return _Expanded(
        key(game.observe(state)), game.over(state), game.won(state), game.legal(state), children, child_keys
    )


def _chunked(function: Any, states: Any) -> Any:
    """Applies a compiled function to any number of states."""
    count = len(states[0])
    parts = []
    for first in range(0, count, CHUNK):
        part = jax.tree.map(
            lambda leaf: np.resize(leaf[first : first + CHUNK], (CHUNK, *leaf.shape[1:])), states
        )
        parts.append(jax.device_get(function(part)))
    return jax.tree.map(lambda *leaves: np.concatenate(leaves)[:count], *parts)
