"""Two players set stones in turns on a board; who first has a line of them wins."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from assay.data.games.game import Game


class Board(NamedTuple):
    """A position.

    Attributes:
      stones: int8 [rows, columns]: 1 of who is to move, -1 of the other, 0 none.
      lost: whether the other has a line.
    """

    stones: jax.Array
    lost: jax.Array


def lines(rows: int, columns: int, length: int) -> np.ndarray:
    """Every straight line of `length` cells, as numbers of cells row by row: int32 [lines, length]."""
    along = np.arange(length)
    found = []
    for down, right in ((0, 1), (1, 0), (1, 1), (1, -1)):
        for row in range(rows):
            for column in range(columns):
                r, c = row + down * along, column + right * along
                if 0 <= r[-1] < rows and 0 <= c[-1] < columns:
                    found.append(r * columns + c)
    return np.array(found, np.int32)


def board_game(
    rows: int,
    columns: int,
    length: int,
    actions: int,
    cell: Callable[[jax.Array, jax.Array], jax.Array],
    legal: Callable[[jax.Array], jax.Array],
) -> Game:
    """A game on an empty board, won by `length` stones in a straight line, drawn when the board is full.

    Reward: 1 to who makes a line. A picture [rows, columns, 2] shows the mover's stones and the other's.

    Args:
      cell: `(stones, action) -> int32`, the cell that an action sets, cells being counted row by row.
      legal: `(stones) -> bool [actions]`, where the game is not over.
    """
    winning = lines(rows, columns, length)

    def reset(key):
        del key  # there is one way to begin
        return Board(jnp.zeros((rows, columns), jnp.int8), jnp.zeros((), bool))

    def step(board, action):
        stones = board.stones.reshape(-1).at[cell(board.stones, action)].set(1)
        line = jnp.any(jnp.all(stones[winning] == 1, axis=1))
        moved = Board(-stones.reshape(rows, columns), line)
        ended = over(board)
        board = jax.tree.map(lambda old, new: jnp.where(ended, old, new), board, moved)
        return board, jnp.where(line & ~ended, 1.0, 0.0)

    def observe(board):
        planes = jnp.stack([board.stones == 1, board.stones == -1], axis=-1)
        return jnp.where(planes, 255, 0).astype(jnp.uint8)

    def over(board):
        return board.lost | jnp.all(board.stones != 0)

    def may(board):
        return legal(board.stones) & ~over(board)

    def won(board):
        return board.lost

    return Game(actions, 2, rows * columns, reset, step, observe, may, over, won)
