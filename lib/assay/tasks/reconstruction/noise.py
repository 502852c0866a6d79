"""Noise on images, by name: `(key, x, level) -> x` for float32 `[B, H, W, C]` from 0 to 1."""

import jax
import jax.numpy as jnp


def gaussian(key: jax.Array, x: jax.Array, level: float) -> jax.Array:
    """Adds normal noise of standard deviation `level` to every value; clips to 0..1 as an image file does."""
    return jnp.clip(x + level * jax.random.normal(key, x.shape, x.dtype), 0, 1)


def salt_pepper(key: jax.Array, x: jax.Array, level: float) -> jax.Array:
    """Sets each pixel, with probability `level`, to black or white (in equal shares)."""
    drawn = jax.random.uniform(key, (*x.shape[:-1], 1), x.dtype)
    return jnp.where(drawn < level, (drawn < level / 2).astype(x.dtype), x)


def mask(key: jax.Array, x: jax.Array, level: float) -> jax.Array:
    """Sets each pixel to black with probability `level` (Vincent et al. 2008: an exact share instead)."""
    kept = jax.random.bernoulli(key, 1 - level, (*x.shape[:-1], 1))
    return jnp.where(kept, x, jnp.zeros((), x.dtype))


NOISES = {"gaussian": gaussian, "mask": mask, "salt_pepper": salt_pepper}
