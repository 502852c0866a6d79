"""The network of airbench94 (Jordan 2024, arXiv:2404.00498), the fastest known to learn CIFAR-10 to 94 %."""

from flax import linen as nn
import jax

from assay import ops
from assay.models.images import images
from assay.models.kit import Kit


class AirBench(nn.Module):
    """A 2x2 convolution to 24 maps for whitening, three blocks, the maximum over what is left of the image, a readout.

    A block is a 3x3 convolution, 2x2 max pooling, normalisation, activation, and again a 3x3 convolution, normalisation,
    activation. 1,972,826 parameters on 32x32x3 with 10 outputs and batch normalisation. The original also has a bias in
    place of the first layer's normalisation, keeps the scales of all others at 1, has no bias in the readout, and
    divides the logits by 256.

    Attributes:
      width: maps of the first block (64 there); the other two have four times as many.
      fixed: whether the first convolution's kernel stays as its initialiser made it, as there, where it whitens.
        Weight decay would still shrink it.
    """

    DEFAULT_NORM = "batch_norm(epsilon=1e-12,momentum=0.6)"

    kit: Kit
    outputs: int
    width: int = 64
    fixed: bool = False

    def __post_init__(self):
        if self.width < 1:
            raise ValueError(f"width must be at least 1, not {self.width}")
        super().__post_init__()

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        kit = self.kit
        x = images(x, least=9).astype(kit.dtype)
        x = kit.normalise_act(kit.conv(24, (2, 2), padding="VALID", fixed=self.fixed)(x), train)
        for features in (self.width, 4 * self.width, 4 * self.width):
            x = kit.normalise_act(ops.max_pool(kit.conv(features)(x)), train)
            x = kit.normalise_act(kit.conv(features)(x), train)
        x = ops.max_pool(x, x.shape[1:3]).reshape(x.shape[0], -1)  # [B, 4 * width]
        return kit.readout(self.outputs)(x)
