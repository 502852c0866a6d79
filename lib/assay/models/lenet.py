"""LeNet-5 in its modern form (LeCun et al. 1998; layer sizes as in d2l.ai): 61,706 parameters on 28x28x1."""

from flax import linen as nn
import jax

from assay import ops
from assay.models.images import images
from assay.models.kit import Kit


class LeNet(nn.Module):
    """Two 5x5 convolutions (6 and 16 maps), each with 2x2 average pooling, then dense 120, 84 and the readout.

    Images are padded by 2, which makes 28x28 the original's 32x32.
    """

    kit: Kit
    outputs: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        kit = self.kit
        x = images(x, least=12)
        x = kit.normalise_act(kit.conv(6, (5, 5), padding=2)(x), train)
        x = ops.avg_pool(x)
        x = kit.normalise_act(kit.conv(16, (5, 5), padding="VALID")(x), train)
        x = ops.avg_pool(x)
        x = x.reshape(x.shape[0], -1)  # [B, 5 * 5 * 16]
        for width in (120, 84):
            x = kit.normalise_act(kit.dense(width)(x), train)
        return kit.readout(self.outputs)(x)
