"""Generative adversarial networks: a generator and a discriminator, which are trained against each other."""

from collections.abc import Sequence
import dataclasses
import math

from flax import linen as nn
import jax

from assay.models.images import images
from assay.models.kit import Kit


class _Adversaries(nn.Module):
    """What the task needs of two adversaries: `prior`, `generate`, `discriminate`.

    Neither network ends in a nonlinearity: `generate` gives the image before its link (the sigmoid that takes
    it to 0..1 belongs to the readout, not to the activation that is varied, so the task applies it, as a loss
    does with logits), `discriminate` the logit of "real". The whole network, as initialisation and probes run
    it, is the discriminator on the generator's output: z `[B, latent]` -> `[B, 1]`.

    Attributes:
      outputs: shape of an example.
      latent: numbers in a code z.
      width, depth: of each network.
      critic_width: of the discriminator; None for `width`.
      spectral_norm: the discriminator's kernels, as matrices [everything else, features], are divided by
        their largest singular value (Miyato et al. 2018, arXiv:1802.05957, by one power iteration a training
        step), in place of its normalisation.
    """

    kit: Kit
    outputs: int | Sequence[int]
    latent: int = 100
    width: int = 64
    depth: int = 2
    critic_width: int | None = None
    spectral_norm: bool = False

    def __post_init__(self):
        if isinstance(self.outputs, int):
            raise ValueError("makes examples, not classes or values; train it with --task=adversarial")
        if min(self.latent, self.width, self.depth, self._critics_width()) < 1:
            sizes = f"{self.latent}, {self.width}, {self.depth} and {self._critics_width()}"
            raise ValueError(f"latent, width, depth and critic_width must be at least 1, not {sizes}")
        super().__post_init__()

    def __call__(self, z: jax.Array, train: bool) -> jax.Array:
        return self.discriminate(self.generate(z, train), train)

    def prior(self, x: jax.Array) -> jax.Array:
        """Standard normal codes `[B, latent]`, as many as x `[B, ...]` has examples."""
        return jax.random.normal(self.make_rng("dropout"), (x.shape[0], self.latent))

    def generate(self, z: jax.Array, train: bool) -> jax.Array:
        """Codes `[B, latent]` to examples before their link, `[B, *outputs]`."""
        return self.generator(z, train)

    def discriminate(self, x: jax.Array, train: bool) -> jax.Array:
        """Examples `[B, *outputs]` to logits `[B, 1]`, high for real ones."""
        return self.discriminator(x, train)

    def _critics_width(self) -> int:
        return self.width if self.critic_width is None else self.critic_width

    def _critics_kit(self) -> Kit:
        return dataclasses.replace(self.kit, norm=None) if self.spectral_norm else self.kit


class GAN(_Adversaries):
    """Two multilayer perceptrons of `depth` hidden layers of `width` units.

    Goodfellow et al. 2014 (arXiv:1406.2661); there 1,200 units with ReLU in the generator and maxout in the
    discriminator, for 28x28 digits.
    """

    width: int = 256

    def setup(self):
        self.generator = _Dense(self.kit, self.width, self.depth, False, tuple(self.outputs))
        self.discriminator = _Dense(self._critics_kit(), self._critics_width(), self.depth, self.spectral_norm, (1,))


class DCGAN(_Adversaries):
    """Two convolutional networks in the style of Radford et al. 2016 (arXiv:1511.06434), with 4x4 kernels.

    The generator makes a map of 1 / 2^depth of the image's size and width * 2^(depth - 1) channels and
    doubles it `depth` times by transposed convolutions (what is too much at the right and bottom is cut off),
    halving the channels; the discriminator is its mirror. At 64x64, depth=4 and width=128 are the paper's;
    there the discriminator's first layer has no normalisation.
    """

    DEFAULT_NORM = "batch_norm"

    def setup(self):
        self.generator = _Upwards(self.kit, self.width, self.depth, tuple(self.outputs))
        self.discriminator = _Downwards(self._critics_kit(), self._critics_width(), self.depth, self.spectral_norm)


class _Dense(nn.Module):
    kit: Kit
    width: int
    depth: int
    spectral_norm: bool
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = x.reshape(x.shape[0], -1)
        for _ in range(self.depth):
            x = _layer(self.kit.dense(self.width), x, self.spectral_norm, train)
            x = self.kit.normalise_act(x, train)
        x = _layer(self.kit.readout(math.prod(self.shape)), x, self.spectral_norm, train)
        return x.reshape(-1, *self.shape)


class _Upwards(nn.Module):
    kit: Kit
    width: int
    depth: int
    shape: tuple[int, ...]

    @nn.compact
    def __call__(self, z: jax.Array, train: bool) -> jax.Array:
        if len(self.shape) != 3:
            raise ValueError(f"makes images [H, W, C], not {list(self.shape)}; gan makes any shape")
        kit, (height, width, channels) = self.kit, self.shape
        low = [-(-size // 2**self.depth) for size in (height, width)]
        x = kit.dense(math.prod(low) * self.width * 2 ** (self.depth - 1))(z)
        x = kit.normalise_act(x.reshape(-1, *low, x.shape[-1] // math.prod(low)), train)  # [B, h, w, C]
        for halvings in range(self.depth - 1, 0, -1):
            x = kit.conv_transpose(self.width * 2 ** (halvings - 1), (4, 4))(x)
            x = kit.normalise_act(x, train)
        return kit.conv_transpose(channels, (4, 4), readout=True)(x)[:, :height, :width]


class _Downwards(nn.Module):
    kit: Kit
    width: int
    depth: int
    spectral_norm: bool

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = images(x)
        for halvings in range(self.depth):
            layer = self.kit.conv(self.width * 2**halvings, (4, 4), strides=2)
            x = self.kit.normalise_act(_layer(layer, x, self.spectral_norm, train), train)
        return _layer(self.kit.readout(1), x.reshape(x.shape[0], -1), self.spectral_norm, train)


def _layer(layer: nn.Module, x: jax.Array, spectral_norm: bool, train: bool) -> jax.Array:
    return nn.SpectralNorm(layer)(x, update_stats=train) if spectral_norm else layer(x)
