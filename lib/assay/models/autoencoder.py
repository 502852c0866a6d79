"""Autoencoders: an encoder to a short code and a decoder that mirrors it, dense or convolutional."""

from collections.abc import Sequence
import math

from flax import linen as nn
import jax

from assay.models.images import images
from assay.models.kit import Kit


class Encoder(nn.Module):
    """`[B, ...]` -> `[B, code]`."""

    kit: Kit
    hidden: Sequence[int]
    code: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = x.reshape(x.shape[0], -1)
        for width in self.hidden:
            x = self.kit.normalise_act(self.kit.dense(width)(x), train)
        return self.kit.readout(self.code)(x)


class Decoder(nn.Module):
    """`[B, code]` -> `[B, *outputs]`."""

    kit: Kit
    hidden: Sequence[int]
    outputs: Sequence[int]

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        for width in self.hidden:
            x = self.kit.normalise_act(self.kit.dense(width)(x), train)
        return self.kit.readout(math.prod(self.outputs))(x).reshape(x.shape[0], *self.outputs)


class Autoencoder(nn.Module):
    """Fully connected, with a linear code: Hinton & Salakhutdinov 2006 (Science 313, figure 1).

    The default is their 9-layer network for MNIST, 784-1000-500-250-30 and back: 2,837,314 parameters.
    `autoencoder(hidden=())` is the linear hourglass, whose best code spans the principal components (Baldi &
    Hornik 1989).

    Attributes:
      outputs: shape of an example; a number for vectors.
      hidden: widths of the encoder's hidden layers; the decoder has them in reverse.
      code: width of the code. Neither it nor the output has an activation.
    """

    kit: Kit
    outputs: int | Sequence[int]
    hidden: tuple = (1000, 500, 250)
    code: int = 30

    def __post_init__(self):
        _check_widths("hidden", self.hidden, self.code)
        super().__post_init__()

    def setup(self):
        outputs = (self.outputs,) if isinstance(self.outputs, int) else tuple(self.outputs)
        self.encoder = Encoder(self.kit, self.hidden, self.code)
        self.decoder = Decoder(self.kit, self.hidden[::-1], outputs)

    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        return self.decode(self.encode(x, train), train)

    def encode(self, x: jax.Array, train: bool) -> jax.Array:
        """`[B, ...]` -> `[B, code]`."""
        return self.encoder(x, train)

    def decode(self, code: jax.Array, train: bool) -> jax.Array:
        """`[B, code]` -> `[B, *outputs]`."""
        return self.decoder(code, train)


class ConvEncoder(nn.Module):
    """`[B, H, W, C]` -> `[B, code]`."""

    kit: Kit
    maps: Sequence[int]
    code: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = images(x)
        for features in self.maps:
            x = self.kit.normalise_act(self.kit.conv(features, _KERNEL, strides=2)(x), train)
        return self.kit.readout(self.code)(x.reshape(x.shape[0], -1))


class ConvDecoder(nn.Module):
    """`[B, code]` -> `[B, H, W, C]`."""

    kit: Kit
    maps: Sequence[int]
    outputs: Sequence[int]

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        kit, (*size, channels) = self.kit, self.outputs
        # Of the maps that the encoder makes; a transposed convolution doubles the rows, so an odd one goes.
        sizes = [[-(-n // 2**level) for n in size] for level in range(len(self.maps) + 1)]
        rows, columns = sizes.pop()
        x = kit.normalise_act(kit.dense(rows * columns * self.maps[-1])(x), train)
        x = x.reshape(x.shape[0], rows, columns, self.maps[-1])
        for features in self.maps[-2::-1]:
            rows, columns = sizes.pop()
            x = kit.conv_transpose(features, _KERNEL)(x)[:, :rows, :columns]
            x = kit.normalise_act(x, train)
        rows, columns = size
        return kit.conv_transpose(channels, _KERNEL, readout=True)(x)[:, :rows, :columns]


class ConvAutoencoder(nn.Module):
    """Convolutions of stride 2 down to a code, transposed ones back up: 112,639 parameters on 28x28x1.

    Kernels are 4x4, which overlap evenly at stride 2 (Odena et al. 2016, doi:10.23915/distill.00003).

    Attributes:
      outputs: shape of an image.
      maps: of the encoder's layers; the decoder has them in reverse.
      code: width of the code. Neither it nor the output has an activation.
    """

    kit: Kit
    outputs: Sequence[int]
    maps: tuple = (16, 32)
    code: int = 30

    def __post_init__(self):
        _check_widths("maps", self.maps, self.code)
        if not self.maps:
            raise ValueError("maps must hold at least one number, as in (16,32)")
        super().__post_init__()

    def setup(self):
        self.encoder = ConvEncoder(self.kit, self.maps, self.code)
        self.decoder = ConvDecoder(self.kit, self.maps, tuple(self.outputs))

    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        return self.decode(self.encode(x, train), train)

    def encode(self, x: jax.Array, train: bool) -> jax.Array:
        """`[B, H, W, C]` -> `[B, code]`."""
        return self.encoder(x, train)

    def decode(self, code: jax.Array, train: bool) -> jax.Array:
        """`[B, code]` -> `[B, H, W, C]`."""
        return self.decoder(code, train)


_KERNEL = (4, 4)


def _check_widths(name: str, widths: tuple, code: int) -> None:
    if not all(type(width) is int and width > 0 for width in widths):
        raise ValueError(f"{name} must hold whole numbers from 1 on, as in (16,32), not {widths!r}")
    if code < 1:
        raise ValueError(f"code must be at least 1, not {code}")
