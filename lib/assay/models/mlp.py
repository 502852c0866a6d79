"""Multilayer perceptron."""

from flax import linen as nn
import jax

from assay.models.kit import Kit


class MLP(nn.Module):
    """`depth` hidden layers of `width` units and a linear readout: 784-100-10 is `mlp(depth=1,width=100)`."""

    kit: Kit
    outputs: int
    depth: int = 2
    width: int = 100

    def __post_init__(self):
        if self.depth < 0 or self.width < 1:
            raise ValueError(f"depth must be at least 0 and width at least 1, not {self.depth} and {self.width}")
        super().__post_init__()

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = x.reshape(x.shape[0], -1)  # [B, H * W * C]
        for _ in range(self.depth):
            x = self.kit.normalise_act(self.kit.dense(self.width)(x), train)
        return self.kit.readout(self.outputs)(x)
