"""Views of a test image whose logits are averaged: what an evaluation gains without training anything more."""

from collections.abc import Callable

import jax
import jax.numpy as jnp

VIEWS = ("one", "mirrored", "shifted")


def check_views(views: str) -> None:
    """Raises ValueError for a word that names no views."""
    if views not in VIEWS:
        raise ValueError(f"views must be one of {', '.join(VIEWS)}, not {views!r}")


def averaged(views: str, logits: Callable[[jax.Array], jax.Array]) -> Callable[[jax.Array], jax.Array]:
    """Logits `[B, K]` of images `[B, H, W, C]` as the mean over views.

    As in Jordan 2024 (arXiv:2404.00498).

    Args:
      views: "one": the image as it is; "mirrored": it and its mirror image, left to right; "shifted": these two, with
        weight 1/2 together, and the two moved by one pixel up and to the left, and down and to the right.
      logits: of images as they are.

    Raises:
      ValueError: another word; of the function: examples that are no images where there is more than one view.
    """
    check_views(views)
    if views == "one":
        return logits

    def mean(x: jax.Array) -> jax.Array:
        if x.ndim != 4:
            raise ValueError(f"views={views!r} needs images [B, H, W, C], not {list(x.shape)}")
        mirrored = lambda x: (logits(x) + logits(x[:, :, ::-1])) / 2
        if views == "mirrored":
            return mirrored(x)
        _, height, width, _ = x.shape
        around = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
        moved = [mirrored(around[:, i : i + height, i : i + width]) for i in (0, 2)]
        return mirrored(x) / 2 + (moved[0] + moved[1]) / 4

    return mean
