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
    ) -> nn.Module:
        """A convolution before an activation: `[B, H, W, C]` -> `[B, H', W', width(features)]`.

        Where a normalisation follows, its shift is the bias.
        """
        return nn.Conv(
            self.width(features),
            tuple(kernel_size),
            strides=strides,
            padding=padding,
            feature_group_count=groups,
            use_bias=self.norm is None,
            kernel_init=self._kernel,
            bias_init=self.initializer.bias,
            dtype=self.dtype,
            conv_general_dilated=ops.conv_general_dilated,
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

    def _kernel(self, key: jax.Array, shape: Sequence[int], dtype: Any) -> jax.Array:
        kernel = self.initializer.kernel(key, shape, dtype)
        return kernel * jnp.asarray(self.activation.gain, dtype) if self.initializer.use_gain else kernel
