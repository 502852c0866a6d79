"""Dropout (Srivastava et al. 2014): in training, units are zero with a chance and the others as much larger.

Alpha dropout (Klambauer et al. 2017, arXiv:1706.02515) keeps the mean 0 and variance 1 that SELU makes for itself.
"""

from flax import linen as nn
import jax
import jax.numpy as jnp

_LIMIT = -1.7580993408473766  # SELU's at minus infinity: -1.0507009873554805 * 1.6732632423543772


def check_rate(rate: float, what: str = "dropout") -> None:
    """Refuses a chance that is none.

    Raises:
      ValueError: rate is not in [0, 1).
    """
    if not 0 <= rate < 1:
        raise ValueError(f"{what} must be in [0, 1), not {rate}")


def dropout(x: jax.Array, rate: float, train: bool, alpha: bool = False) -> jax.Array:
    """Each number of x is 0 with chance `rate` in training; to be called inside a module's compact method.

    Args:
      alpha: alpha dropout instead.
    """
    return AlphaDropout(rate)(x, train) if alpha else nn.Dropout(rate, deterministic=not train)(x)


class AlphaDropout(nn.Module):
    """In training, units take SELU's lower limit with chance `rate`, and an affine map restores mean 0 and variance 1.

    Klambauer et al. 2017, section 2, "New dropout technique": with q = 1 - rate and the limit l, the map is a x + b,
    a = (q + l^2 q (1 - q))^(-1/2), b = -a l (1 - q). Shape unchanged.
    """

    rate: float

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        if not train or not self.rate:
            return x
        kept = 1 - self.rate
        slope = (kept + _LIMIT**2 * kept * self.rate) ** -0.5
        keep = jax.random.bernoulli(self.make_rng("dropout"), kept, x.shape)
        return slope * jnp.where(keep, x, jnp.asarray(_LIMIT, x.dtype)) - slope * _LIMIT * self.rate
