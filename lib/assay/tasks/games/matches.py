"""Matches of two players of a game for two, many at a time."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from assay.data.games import Game

# (key, states [B, ...]) -> int32 [B]: a move in each; what is said where a game is over does not matter.
Player = Callable[[jax.Array, Any], jax.Array]


def uniform(key: jax.Array, among: jax.Array) -> jax.Array:
    """One of the actions for which `among` `[B, actions]` holds, all alike: int32 `[B]`."""
    return jax.random.categorical(key, jnp.where(among, 0.0, -jnp.inf)).astype(jnp.int32)


def match(
    game: Game, player: Player, opponent: Player, states: Any, second: jax.Array, key: jax.Array
) -> jax.Array:
    """How the player fares: float32 `[B]`: 1 won, 0 drawn, -1 lost.

    Args:
      states: of new games `[B, ...]`.
      second: bool `[B]`, the games that the opponent begins.
    """
    step = jax.vmap(game.step)
    key, first = jax.random.split(key)
    opened, _ = step(states, opponent(first, states))
    states = jax.vmap(lambda s, a, b: jax.tree.map(lambda x, y: jnp.where(s, x, y), a, b))(
        second, opened, states
    )

    def turn(round, carry):
        states, score = carry
        mine, theirs = jax.random.split(jax.random.fold_in(key, round))
        states, won = step(states, player(mine, states))
        states, lost = step(states, opponent(theirs, states))
        return states, score + won - lost

    return jax.lax.fori_loop(0, (game.longest + 1) // 2, turn, (states, jnp.zeros(len(second))))[1]


def positions(
    game: Game, player: Player, opponent: Player, states: Any, second: jax.Array, key: jax.Array
) -> Any:
    """Every position of some games between two players.

    Args:
      states, second, key: as for `match`.

    Returns:
      int8 `[B, longest + 1, rows, columns]`: 1 for stones of who began, -1 for the other's; after the end the
      last position is repeated.
    """

    def ply(states, turn):
        mine, theirs = jax.random.split(jax.random.fold_in(key, turn))
        action = jnp.where((turn % 2 == 0) != second, player(mine, states), opponent(theirs, states))
        states, _ = jax.vmap(game.step)(states, action)
        return states, _stones(game, states)

    _, seen = jax.lax.scan(ply, states, jnp.arange(game.longest))
    return jnp.concatenate([_stones(game, states)[:, None], jnp.swapaxes(seen, 0, 1)], axis=1)


def _stones(game: Game, states: Any) -> jax.Array:
    own, other = jnp.moveaxis((jax.vmap(game.observe)(states) > 0).astype(jnp.int8), -1, 0)
    even = jnp.sum(own, axis=(1, 2)) == jnp.sum(other, axis=(1, 2))  # who began is to move
    return jnp.where(even[:, None, None], own - other, other - own)
