"""Multilayer perceptron."""

from flax import linen as nn
import jax
from jax import lax

from assay.models.dropout import check_rate, dropout
from assay.models.kit import Kit


class MLP(nn.Module):
    """`depth` hidden layers of `width` units and a linear readout: 784-100-10 is `mlp(depth=1,width=100)`.

    Attributes:
      growth: a hidden layer's width over that of the layer before, 2 for widths that double; widths are rounded.
      dropout: share of every hidden layer's units left out in training (Srivastava et al. 2014: 0.5).
      input_dropout: likewise of the inputs (there: 0.2).
      alpha: whether dropout is SELU's alpha dropout, for inputs of mean 0 and variance 1.
      skip: whether a shortcut goes around every hidden layer but the first, from pre-activation to pre-activation (He et
        al. 2016, arXiv:1603.05027). Their sum is divided by sqrt(2), which keeps the variance: the layer's weights
        make the two uncorrelated.
    """

    kit: Kit
    outputs: int
    depth: int = 2
    width: int = 100
    growth: float = 1.0
    dropout: float = 0.0
    input_dropout: float = 0.0
    alpha: bool = False
    skip: bool = False

    def __post_init__(self):
        if self.depth < 0 or self.width < 1:
            raise ValueError(f"depth must be at least 0 and width at least 1, not {self.depth} and {self.width}")
        if not self.growth > 0 or self.depth and self.widths[-1] < 1:
            raise ValueError(f"growth must leave every layer a unit at least, not {self.growth:g}")
        if self.skip and self.growth != 1:
            raise ValueError(f"skip adds layers of one width: growth must be 1, not {self.growth:g}")
        check_rate(self.dropout)
        check_rate(self.input_dropout, "input_dropout")
        super().__post_init__()

    @property
    def widths(self) -> list[int]:
        """Units of every hidden layer."""
        return [round(self.width * self.growth**layer) for layer in range(self.depth)]

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = dropout(x.reshape(x.shape[0], -1), self.input_dropout, train, self.alpha)  # [B, H * W * C]
        for layer, width in enumerate(self.widths):
            y = self.kit.dense(width)(x)
            # Without the barrier XLA fuses the chain of all sums so far into every layer: cost grows as depth squared.
            z = lax.optimization_barrier((z + y) * 0.5**0.5) if self.skip and layer else y
            x = dropout(self.kit.normalise_act(z, train), self.dropout, train, self.alpha)
        return self.kit.readout(self.outputs)(x)
