"""The decks' small strided network: 16-32-32 strided convolutions, dropout, dense 32.

23,882 parameters on 28x28x1 and 27,754 on 32x32x3 (10 classes, VALID padding).
"""

from flax import linen as nn
import jax

from assay.models.dropout import check_rate, dropout
from assay.models.images import images
from assay.models.kit import Kit


class StridedCNN(nn.Module):
    """Strides of 2 in place of pooling: 5x5x16, 5x5x32, 3x3x32, then dropout, dense 32, readout.

    padding: "VALID" as in the decks, or "SAME" for images too small for it (below 21x21).
    """

    kit: Kit
    outputs: int
    dropout: float = 0.5
    padding: str = "VALID"

    def __post_init__(self):
        if self.padding not in ("VALID", "SAME"):
            raise ValueError(f"padding must be 'VALID' or 'SAME', not {self.padding!r}")
        check_rate(self.dropout)
        super().__post_init__()

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        kit = self.kit
        x = images(x, least=21 if self.padding == "VALID" else 1, otherwise="; write strided_cnn(padding='SAME')")
        for features, size in ((16, 5), (32, 5), (32, 3)):
            x = kit.conv(features, (size, size), strides=2, padding=self.padding)(x)
            x = kit.normalise_act(x, train)
        x = x.reshape(x.shape[0], -1)
        x = dropout(x, self.dropout, train)
        x = kit.normalise_act(kit.dense(32)(x), train)
        return kit.readout(self.outputs)(x)
