"""All convolutional networks and their bases (Springenberg, Dosovitskiy, Brox & Riedmiller 2015, tables 1-3)."""

from flax import linen as nn
import jax

from assay import ops
from assay.models.dropout import check_rate, dropout
from assay.models.images import images
from assay.models.kit import Kit

BASES = {"A": (5,), "B": (5, 1), "C": (3, 3)}  # kernel sizes of the convolutions before a pooling
VARIANTS = ("base", "strided", "convpool", "all")


class AllCNN(nn.Module):
    """Two blocks that halve the image, a 3x3 and two 1x1 convolutions, and the mean over what is left (6x6 of 32x32).

    Parameters on 32x32x3 with 10 outputs: base and strided A 839,242, B 885,610, C 954,730; convpool and all 415,008
    more (All-CNN-C 1,369,738). The paper's table 3 prints about 0.9, 1 and 1.3 M for the bases: that of C is not the
    sum of its table 1. The last layer has no activation here.

    Attributes:
      base: the block's convolutions: "A" 5x5, "B" 5x5 and 1x1, "C" 3x3 and 3x3.
      variant: how a block ends: "base" in 3x3 max pooling with stride 2; "strided" without it, its last convolution
        has stride 2; "convpool" in a further 3x3 convolution and the pooling; "all" in a 3x3 convolution with stride 2
        in place of the pooling.
      width: maps of the first block; all later layers have twice as many (paper: 96).
      dropout, input_dropout: chance that a number is left out after each block, and of the image.
    """

    kit: Kit
    outputs: int
    base: str = "C"
    variant: str = "all"
    width: int = 96
    dropout: float = 0.5
    input_dropout: float = 0.2

    def __post_init__(self):
        if self.base not in BASES:
            raise ValueError(f"base must be 'A', 'B' or 'C', not {self.base!r}")
        if self.variant not in VARIANTS:
            raise ValueError(f"variant must be one of {', '.join(map(repr, VARIANTS))}, not {self.variant!r}")
        if self.width < 1:
            raise ValueError(f"width must be at least 1, not {self.width}")
        check_rate(self.dropout)
        check_rate(self.input_dropout, "input_dropout")
        super().__post_init__()

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        kit = self.kit
        x = dropout(images(x, least=9), self.input_dropout, train)
        for features in (self.width, 2 * self.width):
            x = dropout(self._block(x, features, train), self.dropout, train)
        x = kit.normalise_act(kit.conv(2 * self.width, padding="VALID")(x), train)
        x = kit.normalise_act(kit.conv(2 * self.width, (1, 1))(x), train)
        return kit.conv_readout(self.outputs)(x).mean((1, 2))

    def _block(self, x: jax.Array, features: int, train: bool) -> jax.Array:
        pooled = self.variant in ("base", "convpool")
        sizes = BASES[self.base] + ((3,) if self.variant in ("convpool", "all") else ())
        for layer, size in enumerate(sizes, start=1):
            strides = 2 if layer == len(sizes) and not pooled else 1
            x = self.kit.normalise_act(self.kit.conv(features, (size, size), strides)(x), train)
        return ops.max_pool(x, (3, 3), 2, padding="SAME") if pooled else x
