"""ImageNet's residual networks (He et al. 2016, arXiv:1512.03385, table 1), with PyTorch's parameter counts."""

from flax import linen as nn
import jax

from assay import ops
from assay.models.images import images
from assay.models.kit import Kit
from assay.models.residual import basic_branch, bottleneck_branch, projected_shortcut

# Depth to the blocks of the four stages, and whether a block is a bottleneck.
STAGES = {
    18: ((2, 2, 2, 2), False),
    34: ((3, 4, 6, 3), False),
    50: ((3, 4, 6, 3), True),
    101: ((3, 4, 23, 3), True),
    152: ((3, 8, 36, 3), True),
}


class ResNetImageNet(nn.Module):
    """7x7 stem with stride 2, 3x3 max pooling, four stages of blocks, global average pooling, a readout.

    Shortcuts are projections where the shape changes (option B). With 1000 outputs: 11,689,512 parameters at depth 18,
    21,797,672 at 34, 25,557,032 at 50, 44,549,160 at 101, 60,192,808 at 152.

    Attributes:
      depth: 18, 34, 50, 101 or 152.
      width: maps of the first stage, doubled at each of the others (paper: 64).
      skip: False removes every shortcut: the paper's plain network.
    """

    DEFAULT_NORM = "batch_norm"

    kit: Kit
    outputs: int
    depth: int = 50
    width: int = 64
    skip: bool = True

    def __post_init__(self):
        if self.depth not in STAGES:
            raise ValueError(f"depth must be one of {', '.join(map(str, STAGES))}, not {self.depth}; resnet takes 6n+2")
        if self.width < 1:
            raise ValueError(f"width must be at least 1, not {self.width}")
        super().__post_init__()

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        kit = self.kit
        x = kit.normalise_act(kit.conv(self.width, (7, 7), strides=2, padding=3)(images(x)), train)
        x = ops.max_pool(x, (3, 3), 2, padding=1)
        for stage, blocks in enumerate(STAGES[self.depth][0]):
            for block in range(blocks):
                x = self._block(x, self.width * 2**stage, 2 if stage and not block else 1, train)
        return kit.readout(self.outputs)(x.mean((1, 2)))

    def _block(self, x: jax.Array, features: int, strides: int, train: bool) -> jax.Array:
        bottleneck = STAGES[self.depth][1]
        y = (bottleneck_branch if bottleneck else basic_branch)(self.kit, x, features, strides, train)
        if self.skip:
            y += projected_shortcut(self.kit, x, 4 * features if bottleneck else features, strides, train)
        return self.kit.act(y)
