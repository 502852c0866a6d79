"""Catch: a ball falls, a paddle is to meet it (Mnih et al. 2014, arXiv 1406.6247, section 4.2)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from assay.data.games.game import Game


class Sky(NamedTuple):
    """int32 places: the ball's row (0 is the top) and column, the paddle's column."""

    row: jax.Array
    column: jax.Array
    paddle: jax.Array


def catch(rows: int = 10, columns: int = 5) -> Game:
    """The ball starts in a random column and falls a row a move; the paddle starts in the middle.

    Actions: left, stay, right. Reward: 1 where the ball meets the paddle in the last row, -1 where it does not.
    A picture [rows, columns, 1] shows both as white pixels.

    Raises:
      ValueError: the ball falls too fast for the paddle to reach the sides.
    """
    if columns < 2 or rows < columns // 2 + 1:
        found = f"rows={rows}, columns={columns}"
        raise ValueError(f"catch needs 2 columns or more, and more rows than half of them, not {found}")

    def reset(key):
        return Sky(jnp.int32(0), jax.random.randint(key, (), 0, columns), jnp.int32(columns // 2))

    def step(sky, action):
        paddle = jnp.clip(sky.paddle + action - 1, 0, columns - 1)
        moved = Sky(sky.row + 1, sky.column, paddle)
        reward = jnp.where(over(moved), jnp.where(won(moved), 1.0, -1.0), 0.0)
        ended = over(sky)
        return jax.tree.map(lambda old, new: jnp.where(ended, old, new), sky, moved), jnp.where(
            ended, 0.0, reward
        )

    def observe(sky):
        picture = jnp.zeros((rows, columns, 1), jnp.uint8)
        return picture.at[sky.row, sky.column].set(255).at[rows - 1, sky.paddle].set(255)

    def legal(sky):
        del sky
        return jnp.ones(3, bool)

    def over(sky):
        return sky.row >= rows - 1

    def won(sky):
        return over(sky) & (sky.column == sky.paddle)

    return Game(3, 1, rows - 1, reset, step, observe, legal, over, won)
