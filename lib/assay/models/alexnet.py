"""AlexNet (Krizhevsky, Sutskever & Hinton 2012), without its local response normalisation, which has no parameters."""

from flax import linen as nn
import jax
import jax.numpy as jnp

from assay import ops
from assay.models.dropout import check_rate, dropout
from assay.models.images import images
from assay.models.kit import Kit


class AlexNet(nn.Module):
    """Five convolutions, three 3x3 max poolings with stride 2, two dense layers with dropout, the readout.

    62,378,344 parameters with one stream and 60,965,224 with two, at 1000 outputs and 224 or 227 pixels.

    Attributes:
      form: "imagenet", the paper's, for images of at least 64 pixels: a first layer of 11x11 with stride 4, no padding
        but what its windows lack (224 pixels become 227); "cifar", for small images: a first layer of 5x5 with stride
        1, and poolings that keep the borders, so that 32 pixels end as 4.
      streams: 2 splits the channels of the second, fourth and fifth convolution into two groups, as on two GPUs.
      width: of the smallest unit: the convolutions have 1.5, 4, 6, 6 and 4 times as many maps, the dense layers 64
        times as many units (paper: 64).
      dropout: chance that a unit of the dense layers is left out.
    """

    kit: Kit
    outputs: int
    form: str = "imagenet"
    streams: int = 1
    width: int = 64
    dropout: float = 0.5

    def __post_init__(self):
        if self.form not in ("imagenet", "cifar"):
            raise ValueError(f"form must be 'imagenet' or 'cifar', not {self.form!r}")
        if self.streams not in (1, 2):
            raise ValueError(f"streams must be 1 or 2, not {self.streams}")
        if self.width < 1 or self.width % (2 * self.streams):
            raise ValueError(f"width must be a positive multiple of {2 * self.streams}, not {self.width}")
        check_rate(self.dropout)
        super().__post_init__()

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        kit, width, streams = self.kit, self.width, self.streams
        x = kit.normalise_act(self._first(x), train)
        x = self._pool(x)
        x = kit.normalise_act(kit.conv(4 * width, (5, 5), groups=streams)(x), train)
        x = self._pool(x)
        for features, groups in ((6 * width, 1), (6 * width, streams), (4 * width, streams)):
            x = kit.normalise_act(kit.conv(features, groups=groups)(x), train)
        x = self._pool(x)
        x = x.reshape(x.shape[0], -1)  # [B, 6 * 6 * 256]
        for _ in range(2):
            x = kit.normalise_act(kit.dense(64 * width)(x), train)
            x = dropout(x, self.dropout, train)
        return kit.readout(self.outputs)(x)

    def _first(self, x: jax.Array) -> jax.Array:
        features = 3 * self.width // 2
        if self.form == "cifar":
            return self.kit.conv(features, (5, 5))(images(x))
        x = images(x, least=64, otherwise="; write alexnet(form='cifar')")
        missing = [(11 - size) % 4 for size in x.shape[1:3]]
        x = jnp.pad(x, ((0, 0), *((number // 2, number - number // 2) for number in missing), (0, 0)))
        return self.kit.conv(features, (11, 11), strides=4, padding="VALID")(x)

    def _pool(self, x: jax.Array) -> jax.Array:
        return ops.max_pool(x, (3, 3), 2, padding="VALID" if self.form == "imagenet" else "SAME")
