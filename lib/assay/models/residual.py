"""What residual networks are made of: branches of layers, and shortcuts where the shape changes (He et al. 2016).

To be called inside a module's compact method: the layers become that module's.
"""

import jax
import jax.numpy as jnp

from assay.models.kit import Kit


def basic_branch(kit: Kit, x: jax.Array, features: int, strides: int, train: bool) -> jax.Array:
    """Two 3x3 layers, the second without its activation: `[B, H, W, C]` -> `[B, H', W', width(features)]`."""
    x = kit.normalise_act(kit.conv(features, strides=strides)(x), train)
    return kit.normalise(kit.conv(features)(x), train)


def bottleneck_branch(kit: Kit, x: jax.Array, features: int, strides: int, train: bool) -> jax.Array:
    """1x1, 3x3 and 1x1 layers, the last with 4 times the maps: `[B, H, W, C]` -> `[B, H', W', width(4 features)]`.

    The stride is the 3x3 layer's, as in PyTorch's networks; in the paper it is the first layer's.
    """
    x = kit.normalise_act(kit.conv(features, (1, 1))(x), train)
    x = kit.normalise_act(kit.conv(features, strides=strides)(x), train)
    return kit.normalise(kit.conv(4 * features, (1, 1))(x), train)


def padded_shortcut(x: jax.Array, channels: int, strides: int) -> jax.Array:
    """Option A: every `strides`-th pixel, and zeros in the new channels: `[B, H, W, C]` -> `[B, H', W', channels]`."""
    x = x[:, ::strides, ::strides]
    return jnp.pad(x, ((0, 0), (0, 0), (0, 0), (0, channels - x.shape[-1])))


def projected_shortcut(kit: Kit, x: jax.Array, features: int, strides: int, train: bool) -> jax.Array:
    """Option B: a 1x1 convolution with its normalisation where the shape changes, x itself where it does not."""
    if x.shape[-1] == kit.width(features) and strides == 1:
        return x
    return kit.normalise(kit.conv(features, (1, 1), strides)(x), train)
