"""A small Breakout, with the mechanics of MinAtar's (Young & Tian 2019, arXiv 1903.03176)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from assay.data.games.game import Game


class Court(NamedTuple):
    """int32 places and directions (-1 or 1); `bricks` bool [rows, columns]; `lost` whether the ball is."""

    row: jax.Array
    column: jax.Array
    down: jax.Array
    right: jax.Array
    last_row: jax.Array
    last_column: jax.Array
    paddle: jax.Array
    bricks: jax.Array
    lost: jax.Array
    moves: jax.Array


def breakout(rows: int = 8, columns: int = 6, wall: int = 2, longest: int = 200) -> Game:
    """A ball that moves diagonally breaks the bricks that it meets; it bounces off them, sides and paddle.

    The ball starts below the wall, in a random column and direction, falling; the paddle in the middle of the
    last row. Actions: left, stay, right. Reward: 1 a brick. The episode ends when the ball is lost, when the
    wall is gone (which wins), or after `longest` moves. A picture [rows, columns, 3] shows the paddle in red,
    the ball in green (its place a move ago darker, so that one picture shows where it flies) and the bricks in
    blue. Unlike MinAtar's, the wall is not rebuilt, and a brick counts also right after another.

    Raises:
      ValueError: a court without room between wall and paddle.
    """
    if columns < 3 or wall < 1 or rows < wall + 4 or longest < 1:
        found = f"columns={columns}, wall={wall}, rows={rows}, longest={longest}"
        raise ValueError(
            f"breakout needs columns >= 3, wall >= 1, rows >= wall + 4 and longest >= 1, not {found}"
        )

    def reset(key):
        where, which = jax.random.split(key)
        column = jax.random.randint(where, (), 0, columns)
        right = jax.random.randint(which, (), 0, 2) * 2 - 1
        bricks = jnp.zeros((rows, columns), bool).at[1 : wall + 1].set(True)
        row, middle = jnp.int32(wall + 1), jnp.int32(columns // 2)
        zero, lost = jnp.int32(0), jnp.zeros((), bool)
        return Court(row, column, jnp.int32(1), right, row, column, middle, bricks, lost, zero)

    def step(court, action):
        paddle = jnp.clip(court.paddle + action - 1, 0, columns - 1)
        row, column = court.row + court.down, court.column + court.right
        side = (column < 0) | (column >= columns)
        column = jnp.clip(column, 0, columns - 1)
        top = row < 0
        row = jnp.maximum(row, 0)
        brick = court.bricks[row, column]
        ground = row == rows - 1
        met = ground & (court.column == paddle)  # straight above: the ball is reflected
        corner = ground & ~met & (column == paddle)  # on its way: it goes back whence it came
        right = jnp.where(side, -court.right, court.right)
        moved = Court(
            row=jnp.where(brick | met | corner, court.row, row),
            column=column,
            down=jnp.where(top | brick | met | corner, -court.down, court.down),
            right=jnp.where(corner, -right, right),
            last_row=court.row,
            last_column=court.column,
            paddle=paddle,
            bricks=court.bricks.at[row, column].set(False),
            lost=ground & ~met & ~corner,
            moves=court.moves + 1,
        )
        ended = over(court)
        reward = jnp.where(brick & ~ended, 1.0, 0.0)
        return jax.tree.map(lambda old, new: jnp.where(ended, old, new), court, moved), reward

    def observe(court):
        blue = jnp.where(court.bricks, 255, 0).astype(jnp.uint8)
        picture = jnp.zeros((rows, columns, 3), jnp.uint8).at[:, :, 2].set(blue)
        picture = (
            picture.at[court.last_row, court.last_column, 1].set(128).at[court.row, court.column, 1].set(255)
        )
        return picture.at[rows - 1, court.paddle, 0].set(255)

    def legal(court):
        del court
        return jnp.ones(3, bool)

    def over(court):
        return court.lost | (court.moves >= longest) | ~jnp.any(court.bricks)

    def won(court):
        return ~jnp.any(court.bricks)

    return Game(3, 1, longest, reset, step, observe, legal, over, won)
