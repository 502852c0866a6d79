"""Q-network: a number for every action, from pixels (Mnih et al. 2015, Human-level control, Nature 518)."""

from flax import linen as nn
import jax

from assay.models.images import images
from assay.models.kit import Kit


class QNetwork(nn.Module):
    """Convolutions, one dense layer and the readout; small by default, for pictures of a game in JAX.

    The paper's, on 84x84x4 (1,686,180 parameters for 4 actions), is
    `q_network(features=(32,64,64),kernels=(8,4,3),strides=(4,2,1),padding='VALID',width=512)`.

    Attributes:
      features, kernels, strides: of each convolution: maps, size, step.
      padding: of the convolutions, "SAME" or "VALID".
      width: units of the dense layer.
    """

    kit: Kit
    outputs: int
    features: tuple = (16, 32)
    kernels: tuple = (3, 3)
    strides: tuple = (1, 2)
    padding: str = "SAME"
    width: int = 128

    def __post_init__(self):
        if not len(self.features) == len(self.kernels) == len(self.strides):
            raise ValueError(
                "features, kernels and strides must have one number a convolution, "
                f"not {self.features}, {self.kernels} and {self.strides}"
            )
        if any(
            type(n) is not int or n < 1 for n in (*self.features, *self.kernels, *self.strides, self.width)
        ):
            raise ValueError("features, kernels, strides and width must be whole numbers from 1 on")
        if self.padding not in ("VALID", "SAME"):
            raise ValueError(f"padding must be 'VALID' or 'SAME', not {self.padding!r}")
        super().__post_init__()

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        kit, x = self.kit, images(x)
        for features, size, strides in zip(self.features, self.kernels, self.strides):
            if self.padding == "VALID" and min(x.shape[1:3]) < size:
                there = f"{x.shape[1]}x{x.shape[2]}"
                raise ValueError(f"a kernel of {size} does not fit on {there}; write padding='SAME'")
            x = kit.normalise_act(kit.conv(features, (size, size), strides, self.padding)(x), train)
        x = x.reshape(x.shape[0], -1)
        x = kit.normalise_act(kit.dense(self.width)(x), train)
        return kit.readout(self.outputs)(x)
