"""Holm's step-down procedure over a family of claims (Holm 1979, Scandinavian Journal of Statistics 6:65)."""

import numpy as np


def adjust(p: np.ndarray) -> np.ndarray:
    """Holm's adjusted p-values: a claim is decided at family level alpha where its adjusted p <= alpha.

    Args:
      p: p-values in 0..1, float [..., m]; the last axis is the family.

    Returns:
      float64 [..., m] in 0..1, in the order given.

    Raises:
      ValueError: a value that is not in 0..1.
    """
    p, order, weights = _sorted(p)
    steps = np.minimum(np.maximum.accumulate(weights * np.take_along_axis(p, order, -1), axis=-1), 1.0)
    return _unsorted(steps, order)


def levels(p: np.ndarray, alpha: float) -> np.ndarray:
    """The level at which Holm's procedure compares each p-value, so that an interval can be shown at it.

    Decided claims get the level of their step, alpha / (m - k). The procedure stops at the first claim that
    fails; that claim and all after it share its level. Hence p <= level exactly where `adjust(p) <= alpha`.

    Args:
      p: p-values in 0..1, float [..., m]; the last axis is the family.
      alpha: level of the family, in 0..1.

    Returns:
      float64 [..., m], between alpha / m and alpha, in the order given.

    Raises:
      ValueError: a value that is not in 0..1.
    """
    p, order, weights = _sorted(p)
    size = p.shape[-1]
    passes = np.logical_and.accumulate(np.take_along_axis(p, order, -1) * weights <= alpha, axis=-1)
    step = np.minimum(np.arange(size), passes.sum(-1, keepdims=True))
    return _unsorted(alpha / (size - step), order)


def _sorted(p: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    p = np.asarray(p, np.float64)
    if not np.all((p >= 0) & (p <= 1)):
        raise ValueError("p-values must lie in 0..1")
    return p, np.argsort(p, axis=-1, kind="stable"), np.arange(p.shape[-1], 0, -1, dtype=np.float64)


def _unsorted(values: np.ndarray, order: np.ndarray) -> np.ndarray:
    result = np.empty(order.shape)
    np.put_along_axis(result, order, values, -1)
    return result
