"""Kernels without chance: zeros, a constant, the identity."""

from collections.abc import Sequence
import math
from typing import Any

import jax
import jax.numpy as jnp

from assay.initializers.initializer import Initializer, split_shape
from assay.initializers.initializer import zeros as zeros_sampler


def zeros() -> Initializer:
    """All weights 0: every unit of a layer stays equal to its neighbours."""
    return Initializer(zeros_sampler)


def constant(value: float) -> Initializer:
    """All weights `value`.

    Raises:
      ValueError: value not finite.
    """
    if not math.isfinite(value):
        raise ValueError(f"value must be a finite number, not {value!r}")
    return Initializer(jax.nn.initializers.constant(value))


def identity(groups: int = 1) -> Initializer:
    """Output channel i is input channel i (Le, Jaitly & Hinton 2015; Zagoruyko & Komodakis 2017: Dirac).

    A dense kernel is the identity matrix. A convolution's kernel is the identity at the tap (size - 1) // 2,
    which lies on the output's own pixel with SAME padding and stride 1, and 0 elsewhere. If in != out,
    surplus inputs are dropped and surplus outputs are 0.

    Args:
      groups: groups of the convolutions. Inside each group, output i is input i; surplus as above. Only the
        user knows it: the shape (h, w, 4, 8) is four channels to eight, or eight to eight in two groups.

    Raises:
      ValueError: groups < 1; in the kernel, output channels that are no multiple of groups.
    """
    if groups < 1:
        raise ValueError(f"groups must be an integer >= 1, not {groups!r}")

    def kernel(key: jax.Array, shape: Sequence[int], dtype: Any = jnp.float32) -> jax.Array:
        del key
        window, inputs, outputs = split_shape(shape)
        if not window:
            return jnp.eye(inputs, outputs, dtype=dtype)
        if outputs % groups:
            raise ValueError(f"identity needs a multiple of {groups} output channels, not {outputs}")
        matrix = jnp.tile(jnp.eye(inputs, outputs // groups, dtype=dtype), (1, groups))  # [in / groups, out]
        tap = tuple((size - 1) // 2 for size in window)
        return jnp.zeros(shape, dtype).at[tap].set(matrix)

    return Initializer(kernel)
