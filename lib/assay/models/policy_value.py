"""Policy-value network: which move, and who will win (Silver et al. 2017, Nature 550, AlphaGo Zero)."""

from flax import linen as nn
import jax
import jax.numpy as jnp

from assay.models.images import images
from assay.models.kit import Kit


class PolicyValue(nn.Module):
    """The paper's residual tower, small by default: a 3x3 stem, `blocks` of two 3x3 convolutions, then a head.

    Both answers come from one dense layer and one readout, where the paper has a head each: the last of the
    outputs is the value, before its tanh; the others are the logits of the moves.
    The paper's tower is `policy_value(blocks=19,features=256)` with `norm=batch_norm`.

    Attributes:
      features: maps of every convolution.
      width: units of the dense layer.
    """

    kit: Kit
    outputs: int
    blocks: int = 1
    features: int = 16
    width: int = 64

    def __post_init__(self):
        if self.blocks < 0 or self.features < 1 or self.width < 1:
            raise ValueError(
                "blocks must be at least 0, features and width at least 1, "
                f"not {self.blocks}, {self.features} and {self.width}"
            )
        super().__post_init__()

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        kit = self.kit
        x = kit.normalise_act(kit.conv(self.features)(images(x)), train)
        for _ in range(self.blocks):
            y = kit.normalise_act(kit.conv(self.features)(x), train)
            y = kit.normalise(kit.conv(self.features)(y), train)
            # An activation of several pieces makes fewer maps than a convolution has.
            x = kit.act(y + jnp.pad(x, ((0, 0), (0, 0), (0, 0), (0, y.shape[-1] - x.shape[-1]))))
        x = x.reshape(x.shape[0], -1)
        x = kit.normalise_act(kit.dense(self.width)(x), train)
        return kit.readout(self.outputs)(x)
