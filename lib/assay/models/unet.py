"""U-Net (Ronneberger, Fischer & Brox 2015, arXiv:1505.04597): a contracting and an expanding path with skips."""

from flax import linen as nn
import jax
import jax.numpy as jnp

from assay import ops
from assay.models.images import images
from assay.models.kit import Kit


class UNet(nn.Module):
    """Images `[B, H, W, C]` to class scores of their pixels `[B, H', W', outputs]`; 23 convolutions at depth 4.

    On each level two 3x3 convolutions; 2x2 max pooling down, 2x2 up-convolutions (with an activation, as in the
    authors' released network) up, where the maps of the same level on the way down are concatenated.

    Attributes:
      width: maps of the first level, doubled with each level down (paper: 64).
      depth: number of poolings (paper: 4).
      padding: "VALID" as in the paper: H' = H - 12 * 2**depth + 8, so 572 -> 388 at depth 4, where maps are cropped
        to their centre before they are concatenated; "SAME": H' = H, which 2**depth must divide.
      skip: False removes every concatenation and nothing else.
      dropout: rate at the end of the contracting path, after its two deepest levels (the authors' network: 0.5).
    """

    kit: Kit
    outputs: int
    width: int = 64
    depth: int = 4
    padding: str = "SAME"
    skip: bool = True
    dropout: float = 0.5

    def __post_init__(self):
        if self.depth < 1 or self.width < 1:
            raise ValueError(f"depth and width must be at least 1, not {self.depth} and {self.width}")
        if self.padding not in ("VALID", "SAME"):
            raise ValueError(f"padding must be 'VALID' or 'SAME', not {self.padding!r}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), not {self.dropout}")
        super().__post_init__()

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        kit, kept = self.kit, []
        self._check(images(x).shape[1:3])
        for level in range(self.depth + 1):
            x = self._level(x, level, train)
            if level >= self.depth - 1:
                x = nn.Dropout(self.dropout, deterministic=not train)(x)
            if level < self.depth:
                kept.append(x)
                x = ops.max_pool(x)
        for level in reversed(range(self.depth)):
            x = kit.normalise_act(kit.conv_transpose(self.width * 2**level, (2, 2), 2)(x), train)
            if self.skip:
                x = jnp.concatenate([centre(kept[level], x.shape[1:3]), x], axis=-1)
            x = self._level(x, level, train)
        return kit.conv_readout(self.outputs)(x)

    def _level(self, x: jax.Array, level: int, train: bool) -> jax.Array:
        for _ in range(2):
            x = self.kit.normalise_act(self.kit.conv(self.width * 2**level, padding=self.padding)(x), train)
        return x

    def _check(self, sizes: tuple[int, ...]) -> None:
        unit = 2**self.depth
        # VALID: a deepest map of n pixels comes from unit (n + 8) - 4 pixels and becomes unit (n - 4) + 4.
        least = 12 * unit - 4 if self.padding == "VALID" else unit
        for size in sizes:
            if size < least or (size - least) % unit:
                below = max(size - (size - least) % unit, least)
                raise ValueError(
                    f"padding={self.padding!r} at depth={self.depth} takes images of {least}, {least + unit}, "
                    f"{least + 2 * unit}, ... pixels a side, not {sizes[0]}x{sizes[1]}; "
                    f"nearest are {below} and {below + unit}"
                )


def centre(x: jax.Array, size: tuple[int, ...]) -> jax.Array:
    """The middle of `x` `[B, H, W, ...]`, of `size` = (rows, columns)."""
    row, column = ((have - want) // 2 for have, want in zip(x.shape[1:3], size))
    return x[:, row : row + size[0], column : column + size[1]]
