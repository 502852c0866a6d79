"""A convolution without weight sharing."""

from collections.abc import Callable
import math
from typing import Any

from flax import linen as nn
import jax
import jax.numpy as jnp

from assay import ops
from assay.ops.local import positions


class ConvLocal(nn.Module):
    """`ops.conv_local` with a kernel [H', W', kh * kw * in, features] and a bias [H', W', features].

    `[B, H, W, in]` -> `[B, H', W', features]`. Every position's kernel is drawn as that of a convolution,
    [kh, kw, in, features], whose fans it has; flax's `nn.ConvLocal` would count the positions in.
    """

    features: int
    kernel_size: tuple[int, int]
    strides: int
    padding: str | int
    use_bias: bool
    kernel_init: Callable[..., jax.Array]
    bias_init: Callable[..., jax.Array]
    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        outputs = positions(x.shape[1:3], self.kernel_size, self.strides, self.padding)
        window = (*self.kernel_size, x.shape[-1], self.features)

        def draw(key):
            keys = jax.random.split(key, math.prod(outputs))
            kernels = jax.vmap(lambda key: self.kernel_init(key, window, jnp.float32))(keys)
            return kernels.reshape(*outputs, -1, self.features)

        kernel = self.param("kernel", draw).astype(self.dtype)
        x = x.astype(self.dtype)
        y = ops.conv_local(x, kernel, self.kernel_size, strides=self.strides, padding=self.padding)
        if not self.use_bias:
            return y
        bias = self.param("bias", self.bias_init, (*outputs, self.features), jnp.float32).astype(self.dtype)
        return y + bias[None]
