"""Orthogonal kernels, uniform under the Haar measure."""

from collections.abc import Sequence
import math
from typing import Any

import jax

from assay.initializers.initializer import Initializer, sampled


def _split_gain(gain: float | str) -> tuple[float, bool]:
    """(scale, use_gain) for gain = number | "activation"."""
    if gain == "activation":
        return 1.0, True
    if isinstance(gain, str) or not 0 < gain < math.inf:
        raise ValueError(f"gain must be a finite number > 0 or 'activation', not {gain!r}")
    return float(gain), False


def orthogonal(gain: float | str = 1.0) -> Initializer:
    """gain times a random matrix with orthonormal columns, or rows if those are fewer (Saxe et al. 2014).

    A convolution's kernel is the matrix [height x width x in / groups, out]. The mean square of a weight is
    gain^2 / max(rows, columns), so that a layer with more outputs than inputs keeps the length of the signal,
    not the variance of a unit.

    Args:
      gain: a number, or "activation": the gain of the activation that follows.

    Raises:
      ValueError: gain neither positive and finite nor "activation".
    """
    scale, use_gain = _split_gain(gain)
    return Initializer(sampled(jax.nn.initializers.orthogonal(scale)), use_gain=use_gain)


def delta_orthogonal(gain: float | str = 1.0) -> Initializer:
    """Convolutions with orthonormal rows at the centre tap and 0 elsewhere (Xiao et al. 2018).

    The tap is (size - 1) // 2, so that with SAME padding and stride 1 the layer multiplies the length of
    every pixel's vector by gain; with groups > 1 it does not. A dense kernel has no taps and is `orthogonal`.

    Args:
      gain: a number, or "activation": the gain of the activation that follows.

    Raises:
      ValueError: gain neither positive and finite nor "activation"; in the kernel, a convolution with more
        inputs than outputs, which cannot keep lengths.
    """
    scale, use_gain = _split_gain(gain)

    def draw(key: jax.Array, shape: Sequence[int], dtype: Any) -> jax.Array:
        if len(shape) == 2:
            return jax.nn.initializers.orthogonal(scale)(key, shape, dtype)
        if len(shape) > 2 and shape[-2] > shape[-1]:
            raise ValueError(f"delta_orthogonal needs in <= out channels, not {shape[-2]} -> {shape[-1]};"
                             " use orthogonal")
        return jax.nn.initializers.delta_orthogonal(scale, dtype=dtype)(key, shape, dtype)

    return Initializer(sampled(draw), use_gain=use_gain)
