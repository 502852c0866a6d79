"""Kit: the only source of layers, so that no nonlinearity and no kernel of a model can be forgotten in an ablation."""

from collections.abc import Callable, Sequence
import dataclasses
from typing import Any

from flax import linen as nn
import jax
import jax.numpy as jnp

from assay import ops
from assay.activations import Activation
from assay.initializers import Initializer
from assay.models.local import ConvLocal


class ConvTranspose(nn.Module):
    """`ops.conv_transpose` with a kernel [kh, kw, in, features] and a bias: `[B, H, W, in]` -> `[B, H', W', features]`."""

    features: int
    kernel_size: Sequence[int]
    strides: int
    padding: str
    use_bias: bool
    kernel_init: Callable[..., jax.Array]
    bias_init: Callable[..., jax.Array]
    dtype: Any

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        shape = (*self.kernel_size, x.shape[-1], self.features)
        kernel = self.param("kernel", self.kernel_init, shape, jnp.float32).astype(self.dtype)
        y = ops.conv_transpose(x.astype(self.dtype), kernel, strides=self.strides, padding=self.padding)
        if not self.use_bias:
            return y
        bias = self.param("bias", self.bias_init, (self.features,), jnp.float32).astype(self.dtype)
        return y + bias.reshape(1, 1, 1, -1)


class Activate(nn.Module):
    """The nonlinearity: `[..., pieces * features]` -> `[..., features]`."""

    activation: Activation

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        if self.activation.init is None:
            return self.activation.fn(x)
        init = self.activation.init
        params = self.param("coefficients", lambda key: init(x.shape[-1] // self.activation.pieces))
        return self.activation.fn(x, jax.tree.map(lambda leaf: leaf.astype(x.dtype), params))


@dataclasses.dataclass(frozen=True)
class Kit:
    """What every layer of a network has in common: the things an ablation varies.

    Attributes:
      activation: the nonlinearity, with its gain.
      initializer: of kernels and biases.
      norm: makes a normalisation module of a dtype, or None for no normalisation.
      dtype: of the arithmetic; parameters are float32 always.
    """

    activation: Activation
    initializer: Initializer
    norm: Callable[[Any], nn.Module] | None = None
    dtype: Any = jnp.float32

    def width(self, features: int) -> int:
        """Channels that a layer must make so that `features` come out of the activation (maxout takes several)."""
        return features * self.activation.pieces

    def dense(self, features: int) -> nn.Module:
        """A fully connected layer before an activation: `[B, in]` -> `[B, width(features)]`."""
        return self._dense(self.width(features), use_bias=self.norm is None)

    def readout(self, features: int) -> nn.Module:
        """The last layer, which no activation follows: `[B, in]` -> `[B, features]`."""
        return self._dense(features, use_bias=True)

    def conv(
        self,
        features: int,
        kernel_size: Sequence[int] = (3, 3),
        strides: int = 1,
        padding: str | int = "SAME",
        groups: int = 1,
        bias: bool = True,
        fixed: bool = False,
    ) -> nn.Module:
        """A convolution before an activation: `[B, H, W, C]` -> `[B, H', W', width(features)]`.

        Where a normalisation follows, its shift is the bias.

        Args:
          bias: False for no bias even where no normalisation follows.
          fixed: whether the kernel has no gradient and so stays as the initialiser made it.
        """
        use_bias = bias and self.norm is None
        return self._conv(self.width(features), kernel_size, strides, padding, groups, use_bias, fixed)

    def conv_local(
        self,
        features: int,
        kernel_size: Sequence[int] = (3, 3),
        strides: int = 1,
        padding: str | int = "SAME",
    ) -> nn.Module:
        """`conv` without weight sharing: every position has a kernel and a bias of its own."""
        return ConvLocal(
            self.width(features),
            tuple(kernel_size),
            strides=strides,
            padding=padding,
            use_bias=self.norm is None,
            kernel_init=self._kernel,
            bias_init=self.initializer.bias,
            dtype=self.dtype,
        )

    def conv_readout(
        self, features: int, kernel_size: Sequence[int] = (1, 1), padding: str | int = "SAME"
    ) -> nn.Module:
        """The last layer of a network that makes an image or a map: `[B, H, W, C]` -> `[B, H', W', features]`."""
        return self._conv(features, kernel_size, 1, padding, 1, True)

    def conv_transpose(
        self,
        features: int,
        kernel_size: Sequence[int] = (2, 2),
        strides: int = 2,
        padding: str = "SAME",
        readout: bool = False,
    ) -> nn.Module:
        """A transposed convolution: `[B, H, W, C]` -> `[B, H', W', width(features)]`.

        Args:
          readout: no activation follows, so that `features` come out, with a bias.
        """
        return ConvTranspose(
            features if readout else self.width(features),
            tuple(kernel_size),
            strides=strides,
            padding=padding,
            use_bias=readout or self.norm is None,
            kernel_init=self._kernel,
            bias_init=self.initializer.bias,
            dtype=self.dtype,
        )

    def normalise(self, x: jax.Array, train: bool) -> jax.Array:
        """The normalisation, if there is one; shape unchanged."""
        return x if self.norm is None else self.norm(self.dtype)(x, train)

    def act(self, x: jax.Array) -> jax.Array:
        """The activation: `[..., width(features)]` -> `[..., features]`."""
        return Activate(self.activation)(x)

    def normalise_act(self, x: jax.Array, train: bool) -> jax.Array:
        """Normalisation, then activation."""
        return self.act(self.normalise(x, train))

    def _dense(self, features: int, use_bias: bool) -> nn.Module:
        return nn.Dense(
            features,
            use_bias=use_bias,
            kernel_init=self._kernel,
            bias_init=self.initializer.bias,
            dtype=self.dtype,
        )

    def _conv(self, features, kernel_size, strides, padding, groups, use_bias, fixed=False) -> nn.Module:
        return nn.Conv(
            features,
            tuple(kernel_size),
            strides=strides,
            padding=padding,
            feature_group_count=groups,
            use_bias=use_bias,
            kernel_init=self._kernel,
            bias_init=self.initializer.bias,
            dtype=self.dtype,
            conv_general_dilated=_with_fixed_kernel if fixed else ops.conv_general_dilated,
        )

    def _kernel(self, key: jax.Array, shape: Sequence[int], dtype: Any) -> jax.Array:
        kernel = self.initializer.kernel(key, shape, dtype)
        return kernel * jnp.asarray(self.activation.gain, dtype) if self.initializer.use_gain else kernel


def _with_fixed_kernel(x: jax.Array, kernel: jax.Array, *arguments: Any, **settings: Any) -> jax.Array:
    return ops.conv_general_dilated(x, jax.lax.stop_gradient(kernel), *arguments, **settings)
