"""Noise on training examples, or on their real targets, as augmentation: evaluation is without it.

Labels stay. Training with input noise regularises (Bishop 1995, Neural Computation 7:108). Examples are float, images
[B, H, W, C] or vectors [B, D], in the units that the task learns from: standard deviations of the training set, or 0..1.
"""

import math

import jax
import jax.numpy as jnp

from assay.data.batches import Augment, Shown


def gaussian_noise(sigma: float = 0.3) -> Augment:
    """Adds normal noise of standard deviation `sigma` to every number; nothing is clipped."""
    if not 0 <= sigma < math.inf:
        raise ValueError(f"sigma must be at least 0 and finite, not {sigma}")

    def fn(key: jax.Array, x: jax.Array, y: jax.Array, shown: Shown) -> tuple[jax.Array, jax.Array]:
        del shown
        _require_amounts(x)
        return x + jnp.asarray(sigma, x.dtype) * jax.random.normal(key, x.shape, x.dtype), y

    return fn


def salt_pepper(p: float = 0.1) -> Augment:
    """Sets each pixel, with probability `p`, to its channel's lowest or highest value in the batch, in equal shares."""
    if not 0 <= p <= 1:
        raise ValueError(f"p must be from 0 to 1, not {p}")

    def fn(key: jax.Array, x: jax.Array, y: jax.Array, shown: Shown) -> tuple[jax.Array, jax.Array]:
        del shown
        _require_amounts(x)
        # A pixel's channels go together; a vector's numbers each for itself.
        drawn = jax.random.uniform(key, (*x.shape[:-1], 1) if x.ndim == 4 else x.shape)
        axes = tuple(range(x.ndim - 1))
        low, high = jnp.min(x, axes, keepdims=True), jnp.max(x, axes, keepdims=True)
        return jnp.where(drawn < p, jnp.where(drawn < p / 2, low, high), x), y

    return fn


def target_noise(kind: str = "gaussian", std: float = 0.3) -> Augment:
    """Adds noise of mean 0 to real targets, drawn anew whenever an example is seen.

    Args:
      kind: "gaussian", or "laplace": a density that falls as exp(-sqrt(2) |noise| / std).
      std: standard deviation, of both kinds.
    """
    draws = {"gaussian": jax.random.normal, "laplace": lambda *at: jax.random.laplace(*at) / math.sqrt(2)}
    if kind not in draws:
        raise ValueError(f"kind must be gaussian or laplace, not {kind!r}")
    if not 0 <= std < math.inf:
        raise ValueError(f"std must be at least 0 and finite, not {std}")

    def fn(key: jax.Array, x: jax.Array, y: jax.Array, shown: Shown) -> tuple[jax.Array, jax.Array]:
        del shown
        if not jnp.issubdtype(y.dtype, jnp.floating):
            raise ValueError(f"target_noise needs real targets, not labels ({y.dtype})")
        return x, y + jnp.asarray(std, y.dtype) * draws[kind](key, y.shape, y.dtype)

    return fn


def _require_amounts(x: jax.Array) -> None:
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(f"noise needs images or real numbers, not symbols ({x.dtype})")
