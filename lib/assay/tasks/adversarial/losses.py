"""Losses of two networks that are trained against each other."""

from collections.abc import Callable
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp


class AdversarialLoss(NamedTuple):
    """What two adversaries minimise, as numbers per example of logits `[B]`; high logits say "real".

    Attributes:
      discriminator: `(logits of real examples, logits of generated ones) -> [B]`.
      generator: `(logits of generated examples) -> [B]`.
      boundary: logits above it are answers "real".
      penalty: weight of the mean of (|gradient of the logit by the example| - 1)^2 at points drawn uniformly
        on the lines between real and generated examples (Gulrajani et al. 2017, arXiv:1704.00028, eq. 3).
    """

    discriminator: Callable[[jax.Array, jax.Array], jax.Array]
    generator: Callable[[jax.Array], jax.Array]
    boundary: float = 0.0
    penalty: float = 0.0


def minimax() -> AdversarialLoss:
    """The game's value, log D(x) + log(1 - D(G(z))): Goodfellow et al. 2014 (arXiv:1406.2661), eq. 1."""
    return non_saturating()._replace(generator=lambda fake: -jax.nn.softplus(fake))


def non_saturating() -> AdversarialLoss:
    """As `minimax`, but the generator maximises log D(G(z)) (Goodfellow et al. 2014, section 3)."""
    return AdversarialLoss(
        discriminator=lambda real, fake: jax.nn.softplus(-real) + jax.nn.softplus(fake),
        generator=lambda fake: jax.nn.softplus(-fake),
    )


def least_squares() -> AdversarialLoss:
    """Half the squared distance to 1 for real, 0 for generated (Mao et al. 2017, arXiv:1611.04076, eq. 9)."""
    return AdversarialLoss(
        discriminator=lambda real, fake: (jnp.square(real - 1) + jnp.square(fake)) / 2,
        generator=lambda fake: jnp.square(fake - 1) / 2,
        boundary=0.5,
    )


def wasserstein_gp(penalty: float = 10.0) -> AdversarialLoss:
    """The critic's estimate of the Wasserstein-1 distance, with a penalty (Gulrajani et al. 2017, eq. 3).

    A critic's level is arbitrary, so that answers by the sign of its logit, as `discriminator_error` counts
    them, mean little; `ranking_error` compares logits.
    """
    if not 0 < penalty < math.inf:
        raise ValueError(f"penalty must be above 0 and finite, not {penalty}")
    return AdversarialLoss(lambda real, fake: fake - real, lambda fake: -fake, penalty=penalty)
