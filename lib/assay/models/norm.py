"""Normalisation layers by name. A constructor returns `make(dtype)`, which makes a linen module, or None."""

from collections.abc import Callable
from typing import Any

from flax import linen as nn
import jax
import jax.numpy as jnp

from assay import ops
from assay.ops.norm import normalise

Make = Callable[[Any], nn.Module]


class BatchNorm(nn.Module):
    """Ioffe & Szegedy 2015. Running statistics live in the collection "batch_stats" as `mean` and `var` [C].

    The running variance averages the batches' biased variances, as flax's does (PyTorch's the unbiased ones).

    Attributes:
      momentum: share of the old running statistics that is kept at a step (flax's convention: 0.9 here is 0.1
        in PyTorch).
      epsilon: added to the variance.
      dtype: of the result; parameters and statistics are float32.
    """

    momentum: float
    epsilon: float
    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        scale, bias = _affine(self, x)
        mean = self.variable("batch_stats", "mean", jnp.zeros, x.shape[-1:], jnp.float32)
        var = self.variable("batch_stats", "var", jnp.ones, x.shape[-1:], jnp.float32)
        x = x.astype(self.dtype)
        if not train:
            lift = lambda a: a.reshape((1,) * (x.ndim - 1) + a.shape)
            return normalise(x, lift(mean.value), lift(var.value), scale, bias, self.epsilon)
        y, batch_mean, batch_var = ops.batch_norm(x, scale, bias, self.epsilon)
        if not self.is_initializing():
            mean.value = self.momentum * mean.value + (1 - self.momentum) * batch_mean
            var.value = self.momentum * var.value + (1 - self.momentum) * batch_var
        return y


class GroupNorm(nn.Module):
    """Wu & He 2018; with one group, layer normalisation over all positions and channels of an example."""

    groups: int
    epsilon: float
    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        return ops.group_norm(x.astype(self.dtype), *_affine(self, x), self.groups, self.epsilon)


def _affine(module: nn.Module, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    scale = module.param("scale", nn.initializers.ones, x.shape[-1:], jnp.float32)
    return scale, module.param("bias", nn.initializers.zeros, x.shape[-1:], jnp.float32)


def none() -> None:
    """No normalisation."""
    return None


def batch_norm(momentum: float = 0.9, epsilon: float = 1e-5) -> Make:
    """Batch normalisation; `momentum` of the running statistics is kept (PyTorch's is 1 minus it)."""
    if not 0 <= momentum <= 1:
        raise ValueError(f"momentum must be between 0 and 1, not {momentum}")
    _positive(epsilon)
    return lambda dtype: BatchNorm(momentum, epsilon, dtype)


def layer_norm(epsilon: float = 1e-5) -> Make:
    """Layer normalisation: each example over all of its positions and channels."""
    _positive(epsilon)
    return lambda dtype: GroupNorm(1, epsilon, dtype)


def group_norm(groups: int = 8, epsilon: float = 1e-5) -> Make:
    """Group normalisation: each example over its positions and one of `groups` equal groups of channels."""
    if groups < 1:
        raise ValueError(f"groups must be at least 1, not {groups}")
    _positive(epsilon)
    return lambda dtype: GroupNorm(groups, epsilon, dtype)


def _positive(epsilon: float) -> None:
    if not epsilon > 0:
        raise ValueError(f"epsilon must be above 0, not {epsilon}")


NORMS: dict[str, Callable[..., Make | None]] = {
    "batch_norm": batch_norm,
    "group_norm": group_norm,
    "layer_norm": layer_norm,
    "none": none,
}
