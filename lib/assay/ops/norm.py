"""Batch, layer and group normalisation as pure functions.

Statistics are float32 at least, and the variance is the mean squared deviation from the mean (two passes):
the one-pass E[x^2] - E[x]^2 loses everything to cancellation where the mean is large.
"""

from collections.abc import Sequence
import functools

import jax
from jax import Array, lax
import jax.numpy as jnp

from assay.ops.accumulation import accumulator


def moments(x: Array, axes: Sequence[int]) -> tuple[Array, Array]:
    """Mean and (biased) variance over `axes`, which are kept with size 1; float32 at least."""
    x = x.astype(accumulator(x.dtype))
    mean = x.mean(axes, keepdims=True)
    return mean, jnp.square(x - mean).mean(axes, keepdims=True)


def normalise(x: Array, mean: Array, variance: Array, scale: Array, bias: Array, epsilon: float) -> Array:
    """(x - mean) / sqrt(variance + epsilon) * scale + bias.

    Args:
      x: [..., C].
      mean, variance: that broadcast against x.
      scale, bias: [C].
      epsilon: added to the variance, > 0.

    Returns:
      x's shape and dtype.
    """
    lift = lambda a: a.astype(mean.dtype).reshape((1,) * (x.ndim - 1) + a.shape)
    y = (x.astype(mean.dtype) - mean) * (lax.rsqrt(variance + epsilon) * lift(scale)) + lift(bias)
    return y.astype(x.dtype)


def batch_norm(x: Array, scale: Array, bias: Array, epsilon: float = 1e-5) -> tuple[Array, Array, Array]:
    """Normalises each channel over batch and positions (Ioffe & Szegedy 2015, arXiv:1502.03167).

    The gradient is written out (section 3): two sums over the batch where the derived one takes four.

    Args:
      x: [B, ..., C].
      scale, bias: [C].
      epsilon: added to the variance, > 0.

    Returns:
      y of x's shape and dtype; the batch's mean [C] and biased variance [C], float32 at least.
    """
    return _batch_norm(x, scale, bias, epsilon)


@functools.partial(jax.custom_vjp, nondiff_argnums=(3,))
def _batch_norm(x: Array, scale: Array, bias: Array, epsilon: float) -> tuple[Array, Array, Array]:
    mean, variance = moments(x, range(x.ndim - 1))
    return normalise(x, mean, variance, scale, bias, epsilon), mean.reshape(-1), variance.reshape(-1)


def _batch_forward(x: Array, scale: Array, bias: Array, epsilon: float):
    y, mean, variance = _batch_norm(x, scale, bias, epsilon)
    return (y, mean, variance), (x, scale, bias, mean, variance)


def _batch_backward(epsilon: float, residuals, cotangents) -> tuple[Array, Array, Array]:
    x, scale, bias, mean, variance = residuals
    dy, dmean, dvariance = cotangents
    axes, count = tuple(range(x.ndim - 1)), x.size // x.shape[-1]
    lift = lambda a: lax.expand_dims(a, axes)
    centred, dy = x.astype(mean.dtype) - lift(mean), dy.astype(mean.dtype)
    inverse = lax.rsqrt(variance + epsilon)
    dbias, dscale = dy.sum(axes), (dy * centred).sum(axes) * inverse
    # dx is linear in dy, x - mean and 1, with one coefficient per channel each.
    slope = scale.astype(mean.dtype) * inverse
    per_centred = (2 * dvariance - slope * inverse * dscale) / count
    per_one = (dmean - slope * dbias) / count
    dx = dy * lift(slope) + centred * lift(per_centred) + lift(per_one)
    return dx.astype(x.dtype), dscale.astype(scale.dtype), dbias.astype(bias.dtype)


_batch_norm.defvjp(_batch_forward, _batch_backward)


def layer_norm(x: Array, scale: Array, bias: Array, epsilon: float = 1e-5) -> Array:
    """Normalises each example over all of its positions and channels (Ba et al. 2016, arXiv:1607.06450).

    For [B, C] that is over the features; for images [B, H, W, C] over H, W and C, with scale and bias per
    channel (so it is group normalisation with one group, Wu & He 2018, section 3.1).

    Args:
      x: [B, ..., C].
      scale, bias: [C].
      epsilon: added to the variance, > 0.
    """
    return group_norm(x, scale, bias, 1, epsilon)


def group_norm(x: Array, scale: Array, bias: Array, groups: int, epsilon: float = 1e-5) -> Array:
    """Normalises each example over positions and one group of channels (Wu & He 2018, arXiv:1803.08494).

    Args:
      x: [B, ..., C].
      scale, bias: [C].
      groups: number of groups, a divisor of C.
      epsilon: added to the variance, > 0.

    Raises:
      ValueError: C is not divisible by groups.
    """
    channels = x.shape[-1]
    if groups < 1 or channels % groups:
        raise ValueError(f"group_norm: {channels} channels cannot be split into {groups} equal groups")
    grouped = x.reshape(*x.shape[:-1], groups, channels // groups)
    mean, variance = moments(grouped, (*range(1, x.ndim - 1), x.ndim))
    spread = lambda a: jnp.broadcast_to(a, (*a.shape[:-1], channels // groups)).reshape(
        *a.shape[:-2], channels
    )
    return normalise(x, spread(mean), spread(variance), scale, bias, epsilon)
