"""Networks over a window of characters: embedded, then fully connected or convolved (Bengio et al. 2003)."""

from flax import linen as nn
import jax
import jax.numpy as jnp

from assay.models.kit import Kit


class CharMLP(nn.Module):
    """`depth` hidden layers of `width` units over the embedded characters of a window, and a linear readout.

    The feed-forward language model of Bengio et al. 2003 (JMLR 3:1137, section 2) on characters, without its
    optional direct connections: one embedding for all positions, concatenated.

    Attributes:
      embed: numbers that a character becomes, 0 for none (a character is one of `outputs` units).
      depth, width: of the hidden layers.
      context: how many of the window's last characters are read, 0 for all: of `char_mlp(context=1,depth=0,embed=0)`,
        the logits are a table of pairs, so that it can learn the bigram model and no more.
    """

    kit: Kit
    outputs: int
    embed: int = 16
    depth: int = 1
    width: int = 128
    context: int = 0

    def __post_init__(self):
        if min(self.embed, self.depth, self.context) < 0 or self.width < 1:
            found = f"{self.embed}, {self.depth}, {self.context} and {self.width}"
            raise ValueError(f"embed, depth and context must be at least 0 and width at least 1, not {found}")
        super().__post_init__()

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = one_hot(x, self.outputs, self.kit)  # [B, T, outputs]
        if self.context > x.shape[1]:
            raise ValueError(f"context={self.context} is more than the window of {x.shape[1]} characters")
        x = x[:, -self.context :]
        if self.embed:
            x = self.kit.normalise(self.kit.dense(self.embed)(x), train)
        x = x.reshape(x.shape[0], -1)  # [B, T * embed]
        for _ in range(self.depth):
            x = self.kit.normalise_act(self.kit.dense(self.width)(x), train)
        return self.kit.readout(self.outputs)(x)


class TextConv(nn.Module):
    """`depth` convolutions of `width` maps along the embedded text, unpadded, and a linear readout of what is left.

    Attributes:
      embed: numbers that a character becomes.
      depth, width: of the convolutions, each with its activation.
      kernel: characters that a convolution sees.
    """

    kit: Kit
    outputs: int
    embed: int = 16
    depth: int = 2
    width: int = 64
    kernel: int = 3

    def __post_init__(self):
        if min(self.embed, self.depth, self.width, self.kernel) < 1:
            found = f"{self.embed}, {self.depth}, {self.width} and {self.kernel}"
            raise ValueError(f"embed, depth, width and kernel must be at least 1, not {found}")
        super().__post_init__()

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = one_hot(x, self.outputs, self.kit)  # [B, T, outputs]
        if (least := 1 + self.depth * (self.kernel - 1)) > x.shape[1]:
            needed = f"{self.depth} convolutions of {self.kernel} characters need a window of {least}"
            raise ValueError(f"{needed}, not {x.shape[1]}")
        x = self.kit.normalise(self.kit.dense(self.embed)(x), train)
        x = x[:, :, None]  # [B, T, 1, embed]: a text is an image one pixel wide
        for _ in range(self.depth):
            x = self.kit.conv(self.width, (self.kernel, 1), padding="VALID")(x)
            x = self.kit.normalise_act(x, train)
        return self.kit.readout(self.outputs)(x.reshape(x.shape[0], -1))


def one_hot(x: jax.Array, symbols: int, kit: Kit) -> jax.Array:
    """Character numbers `[B, T]` as `[B, T, symbols]`; distributions over characters `[B, T, symbols]` stay.

    Raises:
      ValueError: x is neither.
    """
    if jnp.issubdtype(x.dtype, jnp.integer) and x.ndim == 2:
        return jax.nn.one_hot(x, symbols, dtype=kit.dtype)
    if jnp.issubdtype(x.dtype, jnp.floating) and x.ndim == 3 and x.shape[-1] == symbols:
        return x.astype(kit.dtype)
    raise ValueError(f"takes text, int32 [B, T], not {x.dtype} {list(x.shape)}")
