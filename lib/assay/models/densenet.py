"""DenseNet (Huang, Liu, van der Maaten & Weinberger 2017, arXiv:1608.06993)."""

from flax import linen as nn
import jax
import jax.numpy as jnp

from assay import ops
from assay.models.dropout import check_rate, dropout
from assay.models.images import images
from assay.models.kit import Kit

# Depth to the layers of the four blocks, each a bottleneck (table 1, and 161 from section 4).
IMAGENET = {121: (6, 12, 24, 16), 161: (6, 12, 36, 24), 169: (6, 12, 32, 32), 201: (6, 12, 48, 32)}


class DenseNet(nn.Module):
    """Blocks in which every layer takes the maps of all layers before it; transitions of 1x1 and 2x2 mean pooling.

    Parameters on 32x32x3 with 10 outputs: 1,019,722 for L = 40, k = 12; 769,162 for BC with L = 100, k = 12. On
    224x224x3 with 1000: 7,978,856 for depth 121, k = 32.

    Attributes:
      depth: L = 3n+4, or 6n+4 with `bottleneck`; 121, 161, 169 or 201 in the ImageNet form.
      growth: k, the maps that a layer adds.
      bottleneck: B, a 1x1 layer of 4k maps before every 3x3 layer.
      compression: C, the share of the maps that a transition keeps (theta; 0.5 in DenseNet-BC).
      form: "cifar": three blocks after a 3x3 stem of 16 maps (2k with bottleneck); "imagenet": four blocks after a 7x7
        stem of 2k maps with stride 2 and 3x3 max pooling.
      dropout: after every convolution but the first; 0.2 in the paper where the data are not augmented, else 0.
    """

    DEFAULT_NORM = "batch_norm"

    kit: Kit
    outputs: int
    depth: int = 40
    growth: int = 12
    bottleneck: bool = False
    compression: float = 1.0
    form: str = "cifar"
    dropout: float = 0.0

    def __post_init__(self):
        if self.form not in ("cifar", "imagenet"):
            raise ValueError(f"form must be 'cifar' or 'imagenet', not {self.form!r}")
        if self.growth < 1:
            raise ValueError(f"growth must be at least 1, not {self.growth}")
        if not 0 < self.compression <= 1:
            raise ValueError(f"compression must be above 0 and at most 1, not {self.compression}")
        check_rate(self.dropout)
        self._blocks()
        super().__post_init__()

    def _blocks(self) -> tuple[int, ...]:
        """Layers (bottlenecks count once) of every block."""
        if self.form == "imagenet":
            if self.depth not in IMAGENET or not self.bottleneck:
                known = ", ".join(map(str, IMAGENET))
                raise ValueError(f"the ImageNet form has bottleneck=True and a depth of {known}, not {self.depth}")
            return IMAGENET[self.depth]
        layers = 6 if self.bottleneck else 3
        if self.depth < 4 + layers or (self.depth - 4) % layers:
            raise ValueError(f"depth must be {layers}n+4 with bottleneck={self.bottleneck}, not {self.depth}")
        return ((self.depth - 4) // layers,) * 3

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        kit = self.kit
        x = self._stem(x, train)
        for block, layers in enumerate(self._blocks()):
            if block:
                maps = int(self.compression * (x.shape[-1] // kit.activation.pieces))
                x = ops.avg_pool(self._layer(x, maps, (1, 1), train))
            for _ in range(layers):
                y = self._layer(x, 4 * self.growth, (1, 1), train) if self.bottleneck else x
                x = jnp.concatenate([x, self._layer(y, self.growth, (3, 3), train)], -1)
        return kit.readout(self.outputs)(kit.normalise_act(x, train).mean((1, 2)))

    def _stem(self, x: jax.Array, train: bool) -> jax.Array:
        kit = self.kit
        if self.form == "cifar":
            return kit.conv(2 * self.growth if self.bottleneck else 16)(images(x, least=4))
        x = images(x, least=32, otherwise="; write densenet(form='cifar')")
        x = kit.normalise_act(kit.conv(2 * self.growth, (7, 7), strides=2, padding=3)(x), train)
        return ops.max_pool(x, (3, 3), 2, padding=1)

    def _layer(self, x: jax.Array, features: int, size: tuple[int, int], train: bool) -> jax.Array:
        """Normalisation, activation, convolution."""
        x = self.kit.conv(features, size)(self.kit.normalise_act(x, train))
        return dropout(x, self.dropout, train)
