"""Residual networks without normalisation, by their initialisation (Zhang, Dauphin & Ma 2019, arXiv:1901.09321)."""

import dataclasses

from flax import linen as nn
import jax
import jax.numpy as jnp

from assay.models.images import images
from assay.models.kit import Kit
from assay.models.residual import padded_shortcut


class FixupResNet(nn.Module):
    """The CIFAR residual network of 6n+2 layers (`resnet`, option A) with Fixup.

    The rules, for L blocks of two layers: the last layer of a block and the readout begin at zero; the first layer of
    a block begins as the initialiser has it, times L^(-1/2); a scalar bias stands before every convolution, activation
    and the readout, a scalar factor at each block's end. The paper takes `he_normal`; LSUV undoes the factors. (In its
    code the scalars learn at a tenth of the rate; here at the same.)

    Attributes:
      depth: 6n+2: 8, 14, 20, 32, 44, 56, 110, ...
      width: maps of the first stage, doubled at each of the other two.
    """

    kit: Kit
    outputs: int
    depth: int = 20
    width: int = 16

    def __post_init__(self):
        if self.depth < 8 or (self.depth - 2) % 6:
            raise ValueError(f"depth must be 6n+2 (8, 14, 20, 32, ...), not {self.depth}")
        if self.width < 1:
            raise ValueError(f"width must be at least 1, not {self.width}")
        if self.kit.norm is not None:
            raise ValueError("stands in for a normalisation, so norm must be none; resnet takes one")
        super().__post_init__()

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        del train  # neither normalisation nor dropout
        kit, blocks = self.kit, (self.depth - 2) // 6
        x = kit.act(self._shift(kit.conv(self.width, bias=False)(images(x))))
        for stage in range(3):
            for block in range(blocks):
                strides = 2 if stage and not block else 1
                x = self._block(x, self.width * 2**stage, strides, scale=(3 * blocks) ** -0.5)
        return _times(kit, 0.0).readout(self.outputs)(self._shift(x.mean((1, 2))))

    def _block(self, x: jax.Array, features: int, strides: int, scale: float) -> jax.Array:
        kit, first, last = self.kit, _times(self.kit, scale), _times(self.kit, 0.0)
        y = first.conv(features, strides=strides, bias=False)(self._shift(x))
        y = kit.act(self._shift(y))
        y = last.conv(features, bias=False)(self._shift(y))
        y = self._shift(Factor()(y))
        return kit.act(y + padded_shortcut(x, kit.width(features), strides))

    def _shift(self, x: jax.Array) -> jax.Array:
        return Shift(self.kit.initializer.bias)(x)


class Shift(nn.Module):
    """x plus one learnt number, which begins as a bias."""

    bias_init: jax.nn.initializers.Initializer

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        bias = self.param("bias", self.bias_init, (1,), jnp.float32)
        return x + bias.reshape((1,) * x.ndim).astype(x.dtype)


class Factor(nn.Module):
    """x times one learnt number, which begins at 1."""

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        scale = self.param("scale", nn.initializers.ones, (1,), jnp.float32)
        return x * scale.reshape((1,) * x.ndim).astype(x.dtype)


def _times(kit: Kit, factor: float) -> Kit:
    """The kit with its initial kernels multiplied by a factor."""
    kernel = kit.initializer.kernel

    def scaled(key, shape, dtype):
        return kernel(key, shape, dtype) * jnp.asarray(factor, dtype)

    return dataclasses.replace(kit, initializer=kit.initializer._replace(kernel=scaled))
