"""Losses of classification, per example."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

Loss = Callable[[jax.Array, jax.Array], jax.Array]


def cross_entropy(smoothing: float = 0.0) -> Loss:
    """Softmax cross-entropy; label smoothing as in Szegedy et al. 2016 (arXiv:1512.00567), section 7.

    Args:
      smoothing: share of the target spread evenly over all classes, in [0, 1).

    Returns:
      `(logits [B, K], labels [B]) -> [B]`.
    """
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing must be in [0, 1), not {smoothing}")
    if smoothing == 0:
        return optax.softmax_cross_entropy_with_integer_labels

    def loss(logits, labels):
        targets = optax.smooth_labels(jax.nn.one_hot(labels, logits.shape[-1]), smoothing)
        return optax.softmax_cross_entropy(logits, targets)

    return loss


def squared_error() -> Loss:
    """Sum over classes of (logit - one-hot target)^2, as in Hui & Belkin 2021 (arXiv:2006.07322), unscaled.

    Returns:
      `(logits [B, K], labels [B]) -> [B]`.
    """
    return lambda logits, labels: jnp.sum(jnp.square(logits - jax.nn.one_hot(labels, logits.shape[-1])), -1)


LOSSES = {"cross_entropy": cross_entropy, "squared_error": squared_error}
