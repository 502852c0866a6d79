"""Dropout (Srivastava et al. 2014): in training, units are zero with a chance and the others as much larger."""

from flax import linen as nn
import jax


def check_rate(rate: float, what: str = "dropout") -> None:
    """Refuses a chance that is none.

    Raises:
      ValueError: rate is not in [0, 1).
    """
    if not 0 <= rate < 1:
        raise ValueError(f"{what} must be in [0, 1), not {rate}")


def dropout(x: jax.Array, rate: float, train: bool) -> jax.Array:
    """Each number of x is 0 with chance `rate` in training; to be called inside a module's compact method."""
    return nn.Dropout(rate, deterministic=not train)(x)
