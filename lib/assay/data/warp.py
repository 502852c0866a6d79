"""Smooth random motions of images: rotation and elastic deformation.

A motion is a function (key, x) -> x on x [B, H, W, C], the same way for the same key; every image draws its own.
Floating-point values are interpolated linearly; whole numbers, such as labels, are those of the nearest pixel.
Outside an image its mirror image goes on, as Ronneberger et al. 2015 (arXiv:1505.04597) extrapolate.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp

Move = Callable[[jax.Array, jax.Array], jax.Array]


def rotation(degrees: float) -> Move:
    """About the centre, by an angle uniform from -degrees to degrees."""
    if not 0 <= degrees <= 180:
        raise ValueError(f"degrees must be from 0 to 180, not {degrees:g}")

    def move(key: jax.Array, x: jax.Array) -> jax.Array:
        angle = jax.random.uniform(key, (x.shape[0], 1, 1), minval=-1.0) * (degrees * jnp.pi / 180)
        row, column = _grid(x)
        cos, sin = jnp.cos(angle), jnp.sin(angle)
        middle = ((x.shape[1] - 1) / 2, (x.shape[2] - 1) / 2)
        row, column = row - middle[0], column - middle[1]
        return _sampled(x, cos * row - sin * column + middle[0], sin * row + cos * column + middle[1])

    return move


def elasticity(std: float, grid: int) -> Move:
    """Displacements of normal distribution on a grid x grid lattice over the image, interpolated bicubically.

    Args:
      std: of a displacement in each direction, in pixels.
      grid: points of the lattice along a side.
    """
    if std < 0 or grid < 2:
        raise ValueError(f"std must be 0 or more and grid at least 2, not {std:g} and {grid}")

    def move(key: jax.Array, x: jax.Array) -> jax.Array:
        coarse = std * jax.random.normal(key, (2, x.shape[0], grid, grid))
        row, column = jax.image.resize(coarse, (2, *x.shape[:3]), "cubic")
        rows, columns = _grid(x)
        return _sampled(x, rows + row, columns + column)

    return move


def _grid(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Row and column of every pixel, float32 [1, H, 1] and [1, 1, W]."""
    height, width = x.shape[1:3]
    rows, columns = (jnp.arange(size, dtype=jnp.float32) for size in (height, width))
    return rows.reshape(1, -1, 1), columns.reshape(1, 1, -1)


def _sampled(x: jax.Array, row: jax.Array, column: jax.Array) -> jax.Array:
    """The values of `x` at the places `row`, `column` [B, H, W]."""
    index = jnp.arange(x.shape[0]).reshape(-1, 1, 1)

    def at(row, column):  # whole numbers, as floats
        i, j = (_mirrored(place.astype(jnp.int32), size) for place, size in zip((row, column), x.shape[1:3]))
        return x.at[index, i, j].get(mode="promise_in_bounds")

    if not jnp.issubdtype(x.dtype, jnp.floating):
        return at(jnp.round(row), jnp.round(column))
    top, left = jnp.floor(row), jnp.floor(column)
    down, right = ((whole - part)[..., None].astype(x.dtype) for whole, part in ((row, top), (column, left)))
    above = at(top, left) * (1 - right) + at(top, left + 1) * right
    below = at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right
    return above * (1 - down) + below * down


def _mirrored(place: jax.Array, size: int) -> jax.Array:
    """Where pixel `place` of an endlessly mirrored line of `size` pixels lies on it; edges are not doubled."""
    there_and_back = max(1, 2 * (size - 1))
    place = jnp.abs(place) % there_and_back
    return jnp.minimum(place, there_and_back - place)
