"""VGG networks (Simonyan & Zisserman 2015, table 1, configurations A, B, D and E)."""

from flax import linen as nn
import jax

from assay import ops
from assay.models.dropout import check_rate, dropout
from assay.models.images import images
from assay.models.kit import Kit
from assay.models.residual import padded_shortcut

# Depth to the 3x3 convolutions of the five blocks; a block ends in 2x2 max pooling.
BLOCKS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}


class VGG(nn.Module):
    """Five blocks of 3x3 convolutions with 2x2 max pooling, two dense layers with dropout, the readout.

    132,863,336 parameters at depth 11 and 138,357,544 at 16, with 1000 outputs and 224x224x3. Images of any size: an
    odd border is pooled as it is. For images of 32 pixels and less, `dense=512` or `dense=0` fits.

    Attributes:
      depth: layers with weights: 11, 13, 16 or 19.
      width: maps of the first block; the others have 2, 4, 8 and 8 times as many.
      dense: units of each of the two dense layers; 0 leaves both out.
      dropout: chance that a unit of the dense layers is left out.
      skip: adds the shortcut of He et al. 2016 around every block's convolutions, new channels filled with zeros
        (option A), which has no parameters.
    """

    kit: Kit
    outputs: int
    depth: int = 16
    width: int = 64
    dense: int = 4096
    dropout: float = 0.5
    skip: bool = False

    def __post_init__(self):
        if self.depth not in BLOCKS:
            raise ValueError(f"depth must be 11, 13, 16 or 19, not {self.depth}")
        if self.width < 1 or self.dense < 0:
            raise ValueError(f"width must be at least 1 and dense at least 0, not {self.width} and {self.dense}")
        check_rate(self.dropout)
        super().__post_init__()

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        kit = self.kit
        x = images(x).astype(kit.dtype)
        for layers, multiple in zip(BLOCKS[self.depth], (1, 2, 4, 8, 8)):
            x = ops.max_pool(self._block(x, layers, multiple * self.width, train), padding="SAME")
        x = x.reshape(x.shape[0], -1)  # [B, 7 * 7 * 512]
        for _ in range(2 if self.dense else 0):
            x = kit.normalise_act(kit.dense(self.dense)(x), train)
            x = dropout(x, self.dropout, train)
        return kit.readout(self.outputs)(x)

    def _block(self, x: jax.Array, layers: int, features: int, train: bool) -> jax.Array:
        kit, shortcut = self.kit, x
        for layer in range(layers):
            x = kit.normalise(kit.conv(features)(x), train)
            if self.skip and layer == layers - 1:
                x += padded_shortcut(shortcut, kit.width(features), 1)
            x = kit.act(x)
        return x
