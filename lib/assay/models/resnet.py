"""CIFAR residual and plain networks of He et al. 2016 (arXiv:1512.03385), section 4.2."""

from flax import linen as nn
import jax

from assay.models.images import images
from assay.models.kit import Kit
from assay.models.residual import basic_branch, padded_shortcut, projected_shortcut


class ResNet(nn.Module):
    """6n+2 layers: a 3x3 stem, three stages of n two-layer blocks, global average pooling, a readout.

    Attributes:
      depth: 6n+2: 8, 14, 20, 32, 44, 56, 110, ...
      width: maps of the first stage, doubled at each of the other two (paper: 16).
      skip: False removes every shortcut and nothing else: the paper's plain network.
      shortcut: where the shape changes, "A" subsamples and pads with zeros, "B" projects by 1x1 convolution.
    """

    DEFAULT_NORM = "batch_norm"

    kit: Kit
    outputs: int
    depth: int = 20
    width: int = 16
    skip: bool = True
    shortcut: str = "A"

    def __post_init__(self):
        if self.depth < 8 or (self.depth - 2) % 6:
            raise ValueError(f"depth must be 6n+2 (8, 14, 20, 32, ...), not {self.depth}")
        if self.width < 1:
            raise ValueError(f"width must be at least 1, not {self.width}")
        if self.shortcut not in ("A", "B"):
            raise ValueError(f"shortcut must be 'A' or 'B', not {self.shortcut!r}")
        super().__post_init__()

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        kit = self.kit
        x = kit.normalise_act(kit.conv(self.width)(images(x)), train)
        for stage in range(3):
            for block in range((self.depth - 2) // 6):
                x = self._block(x, self.width * 2**stage, 2 if stage and not block else 1, train)
        return kit.readout(self.outputs)(x.mean(axis=(1, 2)))

    def _block(self, x: jax.Array, features: int, strides: int, train: bool) -> jax.Array:
        kit = self.kit
        y = basic_branch(kit, x, features, strides, train)
        if self.skip and self.shortcut == "A":
            y += padded_shortcut(x, kit.width(features), strides)
        elif self.skip:
            y += projected_shortcut(kit, x, features, strides, train)
        return kit.act(y)
