"""Residual networks whose normalisation and activation stand before the layer, for CIFAR.

Pre-activation networks: He et al. 2016 (arXiv:1603.05027). Wide ones: Zagoruyko & Komodakis 2016 (arXiv:1605.07146).
"""

from flax import linen as nn
import jax

from assay.models.dropout import check_rate, dropout
from assay.models.images import images
from assay.models.kit import Kit


class PreactResNet(nn.Module):
    """6n+2 layers in two-layer blocks, or 9n+2 in bottlenecks of three; shortcuts are projections where shapes change.

    Attributes:
      depth: 6n+2 (20, 32, 110, ...), or 9n+2 with `bottleneck` (paper: 164 and 1001).
      width: maps of the first stage, doubled at each of the other two; a bottleneck's end has 4 times as many.
      bottleneck: blocks of a 1x1, a 3x3 and a 1x1 layer.
    """

    DEFAULT_NORM = "batch_norm"

    kit: Kit
    outputs: int
    depth: int = 20
    width: int = 16
    bottleneck: bool = False

    def __post_init__(self):
        layers = 9 if self.bottleneck else 6
        if self.depth < 2 + layers or (self.depth - 2) % layers:
            raise ValueError(f"depth must be {layers}n+2 with bottleneck={self.bottleneck}, not {self.depth}")
        if self.width < 1:
            raise ValueError(f"width must be at least 1, not {self.width}")
        super().__post_init__()

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        sizes, multiple = ((1, 3, 1), 4) if self.bottleneck else ((3, 3), 1)
        blocks = (self.depth - 2) // (3 * len(sizes))
        x = self.kit.conv(self.width)(images(x))
        for stage in range(3):
            features = self.width * 2**stage
            layers = [(features, size) for size in sizes]
            layers[-1] = (multiple * features, sizes[-1])
            for block in range(blocks):
                strides = 2 if stage and not block else 1
                # The first block's activation comes before its shortcut branches off (section 3, appendix).
                x = _block(self.kit, x, layers, strides, train, shared=not stage and not block)
        return _readout(self.kit, x, self.outputs, train)


class WideResNet(nn.Module):
    """WRN-d-k: 6n+4 layers in two-layer blocks, `widen` times as wide as the thin network.

    36,479,194 parameters at depth 28 and widen 10, with 10 outputs on 32x32x3.

    Attributes:
      depth: 6n+4: 10, 16, 22, 28, 40, ...
      widen: factor on the maps of the three stages (16, 32, 64).
      dropout: between the two layers of a block; 0 as in most of the paper's tables, 0.3 in its dropout experiments.
    """

    DEFAULT_NORM = "batch_norm"

    kit: Kit
    outputs: int
    depth: int = 28
    widen: int = 10
    dropout: float = 0.0

    def __post_init__(self):
        if self.depth < 10 or (self.depth - 4) % 6:
            raise ValueError(f"depth must be 6n+4 (10, 16, 22, 28, 40, ...), not {self.depth}")
        if self.widen < 1:
            raise ValueError(f"widen must be at least 1, not {self.widen}")
        check_rate(self.dropout)
        super().__post_init__()

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = self.kit.conv(16)(images(x))
        for stage in range(3):
            layers = [(16 * 2**stage * self.widen, 3)] * 2
            for block in range((self.depth - 4) // 6):
                strides = 2 if stage and not block else 1
                x = _block(self.kit, x, layers, strides, train, rate=self.dropout)
        return _readout(self.kit, x, self.outputs, train)


def _block(
    kit: Kit,
    x: jax.Array,
    layers: list[tuple[int, int]],
    strides: int,
    train: bool,
    shared: bool = False,
    rate: float = 0.0,
) -> jax.Array:
    """x plus a branch of layers, each (maps, kernel size); the stride is the first 3x3 layer's.

    A shortcut that changes the shape, or is `shared`, starts after the first activation.
    """
    y = kit.normalise_act(x, train)
    features = layers[-1][0]
    changes = x.shape[-1] != kit.width(features) or strides > 1
    if changes:
        x = kit.conv(features, (1, 1), strides)(y)
    elif shared:
        x = y
    for layer, (maps, size) in enumerate(layers):
        if layer:
            y = dropout(kit.normalise_act(y, train), rate, train)
        y = kit.conv(maps, (size, size), strides if size == 3 else 1)(y)
        strides = 1 if size == 3 else strides
    return x + y


def _readout(kit: Kit, x: jax.Array, outputs: int, train: bool) -> jax.Array:
    return kit.readout(outputs)(kit.normalise_act(x, train).mean((1, 2)))
