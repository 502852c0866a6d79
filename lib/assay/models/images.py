"""What a convolutional network asks of its input."""

import jax


def images(x: jax.Array, least: int = 1, otherwise: str = "") -> jax.Array:
    """Gives x back if it is images `[B, H, W, C]` of at least `least` x `least` pixels.

    Raises:
      ValueError: it is not; the message on too small images ends in `otherwise`.
    """
    if x.ndim != 4:
        raise ValueError(f"takes images [B, H, W, C], not {list(x.shape)}; an mlp takes any shape")
    if min(x.shape[1:3]) < least:
        raise ValueError(f"images must be at least {least}x{least} pixels, not {x.shape[1]}x{x.shape[2]}{otherwise}")
    return x
