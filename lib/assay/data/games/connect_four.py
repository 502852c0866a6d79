"""Connect four: stones fall down columns; small by default, so that perfect play can be computed."""

import jax.numpy as jnp

from assay.data.games.board import board_game
from assay.data.games.game import Game


def connect_four(rows: int = 4, columns: int = 4, length: int = 4) -> Game:
    """An action is a column; the stone falls onto those that lie there; `length` in a line win.

    The board that is sold has 6 rows and 7 columns. On 4x4 there are 161,029 positions (John Tromp's table), and
    perfect play ends in a draw.

    Raises:
      ValueError: a line that does not fit.
    """
    if length < 2 or length > max(rows, columns) or min(rows, columns) < 1:
        raise ValueError(f"a line of {length} does not fit on {rows} rows and {columns} columns")

    def cell(stones, action):
        free = jnp.sum((stones[:, action] == 0).astype(jnp.int32))
        return (free - 1) * columns + action

    return board_game(
        rows=rows,
        columns=columns,
        length=length,
        actions=columns,
        cell=cell,
        legal=lambda stones: stones[0] == 0,
    )
