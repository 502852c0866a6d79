"""Noise on training examples as augmentation: labels stay, evaluation is without it.

Training with input noise regularises (Bishop 1995, Neural Computation 7:108). Examples are float, images [B, H, W, C]
or vectors [B, D], in the units that the task learns from: standard deviations of the training set, or 0..1.
"""

from collections.abc import Callable
import math

import jax
import jax.numpy as jnp

Noise = Callable[[jax.Array, jax.Array, jax.Array], tuple[jax.Array, jax.Array]]  # (key, x, y) -> (x, y)


def gaussian_noise(sigma: float = 0.3) -> Noise:
    """Adds normal noise of standard deviation `sigma` to every number; nothing is clipped."""
    if not 0 <= sigma < math.inf:
        raise ValueError(f"sigma must be at least 0 and finite, not {sigma}")

    def fn(key: jax.Array, x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
        _require_amounts(x)
        return x + jnp.asarray(sigma, x.dtype) * jax.random.normal(key, x.shape, x.dtype), y

    return fn


def salt_pepper(p: float = 0.1) -> Noise:
    """Sets each pixel, with probability `p`, to its channel's lowest or highest value in the batch, in equal shares."""
    if not 0 <= p <= 1:
        raise ValueError(f"p must be from 0 to 1, not {p}")

    def fn(key: jax.Array, x: jax.Array, y: jax.Array) -> tuple[jax.Array, jax.Array]:
        _require_amounts(x)
        # A pixel's channels go together; a vector's numbers each for itself.
        drawn = jax.random.uniform(key, (*x.shape[:-1], 1) if x.ndim == 4 else x.shape)
        axes = tuple(range(x.ndim - 1))
        low, high = jnp.min(x, axes, keepdims=True), jnp.max(x, axes, keepdims=True)
        return jnp.where(drawn < p, jnp.where(drawn < p / 2, low, high), x), y

    return fn


def _require_amounts(x: jax.Array) -> None:
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(f"noise needs images or real numbers, not symbols ({x.dtype})")
