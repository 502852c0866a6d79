"""LeNet-5 (LeCun et al. 1998) and its modern form (layer sizes as in d2l.ai): 61,706 parameters on 28x28x1.

Left out of the original: the sparse connections between its first maps and the second (2,416 weights here, 1,516
there) and the radial basis functions at its end. Its nonlinearity is `lecun_tanh`, that of d2l.ai `sigmoid`.
"""

from flax import linen as nn
import jax

from assay import ops
from assay.models.images import images
from assay.models.kit import Kit


class LeNet(nn.Module):
    """Two 5x5 convolutions (6 and 16 maps), each with 2x2 average pooling, then dense 120, 84 and the readout.

    Images are padded by 2, which makes 28x28 the original's 32x32.

    Attributes:
      pooling: "mean"; or "learned", the subsampling layers of the original: each mean is multiplied by a coefficient
        of its map, a bias is added, and the activation follows (12 and 32 parameters).
      shared: False gives every position of the two convolutions weights of its own: the same receptive fields without
        weight sharing.
    """

    kit: Kit
    outputs: int
    pooling: str = "mean"
    shared: bool = True

    def __post_init__(self):
        if self.pooling not in ("mean", "learned"):
            raise ValueError(f"pooling must be 'mean' or 'learned', not {self.pooling!r}")
        super().__post_init__()

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        kit = self.kit
        x = images(x, least=12)
        for maps, padding in ((6, 2), (16, "VALID")):
            conv = kit.conv if self.shared else kit.conv_local
            x = kit.normalise_act(conv(maps, (5, 5), padding=padding)(x), train)
            x = self._pool(x, maps, train)
        x = x.reshape(x.shape[0], -1)  # [B, 5 * 5 * 16]
        for width in (120, 84):
            x = kit.normalise_act(kit.dense(width)(x), train)
        return kit.readout(self.outputs)(x)

    def _pool(self, x: jax.Array, maps: int, train: bool) -> jax.Array:
        x = ops.avg_pool(x)
        if self.pooling == "mean":
            return x
        # One coefficient and one bias a map: a 1x1 convolution in as many groups as maps.
        return self.kit.normalise_act(self.kit.conv(maps, (1, 1), groups=maps)(x), train)
