"""Losses by name: most are numbers per example; a task may have losses of its own form."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from assay.spec import SpecError
from assay.tasks.adversarial.losses import least_squares, minimax, non_saturating, wasserstein_gp

Loss = Callable[[jax.Array, jax.Array], jax.Array]
AnyLoss = Loss | Any  # what an entry of LOSSES makes


def cross_entropy(smoothing: float = 0.0) -> Loss:
    """Softmax cross-entropy; label smoothing as in Szegedy et al. 2016 (arXiv:1512.00567), section 7.

    Targets in the logits' shape are probabilities of single bits (pixels): the logistic cross-entropy, summed.

    Args:
      smoothing: share of the target spread evenly over all classes, in [0, 1).

    Returns:
      `(logits [B, K], labels [B]) -> [B]`, also with positions between, `[B, H, W, K]` and `[B, H, W]`; or
      `(logits [B, ...], targets [B, ...]) -> [B]`.
    """
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing must be in [0, 1), not {smoothing}")

    def loss(logits, targets):
        if targets.ndim == logits.ndim:
            return _sum(optax.sigmoid_binary_cross_entropy(logits, targets))
        if smoothing == 0:
            return optax.softmax_cross_entropy_with_integer_labels(logits, targets)
        smooth = optax.smooth_labels(jax.nn.one_hot(targets, logits.shape[-1]), smoothing)
        return optax.softmax_cross_entropy(logits, smooth)

    loss.predicted = jax.nn.sigmoid
    return loss


def squared_error() -> Loss:
    """Sum of (logit - target)^2, unscaled; labels are one-hot targets (Hui & Belkin 2021, arXiv:2006.07322).

    Returns:
      As of `cross_entropy`.
    """

    def loss(logits, targets):
        if targets.ndim == logits.ndim:
            return _sum(jnp.square(logits - targets))
        return jnp.sum(jnp.square(logits - jax.nn.one_hot(targets, logits.shape[-1])), -1)

    return loss


def absolute_error() -> Loss:
    """Sum of |logit - target|, minimal at the median; labels are one-hot targets.

    Returns:
      As of `cross_entropy`.
    """

    def loss(logits, targets):
        if targets.ndim == logits.ndim:
            return _sum(jnp.abs(logits - targets))
        return jnp.sum(jnp.abs(logits - jax.nn.one_hot(targets, logits.shape[-1])), -1)

    return loss


def own() -> None:
    """The loss that belongs to the task."""
    return None


def per_example(loss: AnyLoss) -> Loss:
    """The loss as a function of (logits, targets).

    Raises:
      SpecError: it has another form.
    """
    if not callable(loss):
        raise SpecError("this task takes a loss of (logits, targets), as cross_entropy and squared_error are")
    return loss


def predicted(loss: Loss) -> Callable[[jax.Array], jax.Array]:
    """The function from logits to the values that they stand for, where targets are in the logits' shape.

    The sigmoid for cross_entropy; a loss has it as an attribute `predicted`, and without one logits are the values.
    """
    return getattr(loss, "predicted", lambda logits: logits)


def _sum(x: jax.Array) -> jax.Array:
    return jnp.sum(x.reshape(x.shape[0], -1), axis=-1)


LOSSES = {
    "absolute_error": absolute_error,
    "cross_entropy": cross_entropy,
    "least_squares": least_squares,
    "minimax": minimax,
    "non_saturating": non_saturating,
    "own": own,
    "squared_error": squared_error,
    "wasserstein_gp": wasserstein_gp,
}
