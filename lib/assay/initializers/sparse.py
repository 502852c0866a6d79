"""Sparse kernels."""

from collections.abc import Sequence
import math
from typing import Any

import jax
import jax.numpy as jnp

from assay.initializers.initializer import fans, flat_normal, Initializer, sampled


def sparse(nonzero: int = 15, std: float = 1.0) -> Initializer:
    """`nonzero` weights of every unit, chosen at random, are N(0, std^2), the others 0 (Martens 2010, 5).

    All of them where fan_in <= nonzero. A convolution's unit has height x width x in / groups weights.

    Raises:
      ValueError: nonzero < 1, or std not positive and finite.
    """
    if nonzero < 1:
        raise ValueError(f"nonzero must be an integer >= 1, not {nonzero!r}")
    if not 0 < std < math.inf:
        raise ValueError(f"std must be a finite number > 0, not {std!r}")

    def draw(key: jax.Array, shape: Sequence[int], dtype: Any) -> jax.Array:
        rows, columns = fans(shape)[0], shape[-1]
        where, what = jax.random.split(key)
        # Sorting noise gives every column a random permutation of its rows.
        kept = jnp.argsort(flat_normal(where, (rows, columns), dtype), axis=0) < nonzero
        weights = std * flat_normal(what, (rows, columns), dtype)
        return jnp.where(kept, weights, 0).reshape(shape)

    return Initializer(sampled(draw))
