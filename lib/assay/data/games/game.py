"""What a game is: its rules as pure functions of one state, to be mapped over many by `jax.vmap`."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax


class Game(NamedTuple):
    """Rules of a game of one player, or of two who move in turns.

    States are pytrees of arrays. That of a finished episode stays as it is, whatever is played, and pays nothing.

    Attributes:
      actions: they are numbered from 0.
      players: 1 or 2.
      longest: moves that an episode has at most.
      reset: `(key) -> state` of a new episode.
      step: `(state, action) -> (state, reward)`: an int32 action that is legal; float32, to who has moved.
      observe: `(state) -> uint8 [H, W, C]`, what the player who is to move sees.
      legal: `(state) -> bool [actions]`.
      over: `(state) -> bool`, whether the episode has ended.
      won: `(state) -> bool`, whether it has ended with a win: of who moved last, if there are two.
    """

    actions: int
    players: int
    longest: int
    reset: Callable[[jax.Array], Any]
    step: Callable[[Any, jax.Array], tuple[Any, jax.Array]]
    observe: Callable[[Any], jax.Array]
    legal: Callable[[Any], jax.Array]
    over: Callable[[Any], jax.Array]
    won: Callable[[Any], jax.Array]
