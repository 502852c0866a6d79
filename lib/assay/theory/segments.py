"""The pieces of a network along a straight line of inputs, exactly: no grid, no sampling."""

from collections.abc import Sequence

import numpy as np

from assay.theory.layers import Layer, relu

# A unit counts as zero where its value is this share of its largest on the line, or less; points of the line that are
# this near are one.
ROUNDING = 1e-11


def breakpoints(of: Sequence[Layer], start: Sequence[float], end: Sequence[float], slope: float = 0.0) -> np.ndarray:
    """Where some unit of the hidden layers `of` switches between two inputs.

    Layer by layer: between two neighbouring breakpoints of the layers below, a pre-activation is affine, so its zero is
    that of the line through its two ends.

    Args:
      start, end: inputs `[in]`.
      slope: of the activation below zero: 0 for ReLU.

    Returns:
      Ascending float64 positions, 0 < t < 1, of the inputs start + t (end - start); without repetitions.
    """
    t = np.array([0.0, 1.0])
    start, end = np.asarray(start, float), np.asarray(end, float)
    values = start + t[:, None] * (end - start)  # [points, units]
    for kernel, bias in of:
        z = values @ kernel + bias
        finer = _merged(np.concatenate([t, *zeros(t, z)]))
        t, values = finer, relu(_interpolated(finer, t, z), slope)
    return t[1:-1]


def pieces(of: Sequence[Layer], start: Sequence[float], end: Sequence[float], slope: float = 0.0) -> int:
    """The number of pieces of the line on which no unit switches."""
    return len(breakpoints(of, start, end, slope)) + 1


def zeros(t: np.ndarray, z: np.ndarray) -> list[np.ndarray]:
    """For every function, where it changes its sign inside a piece.

    Args:
      t: `[points]`, ascending; z: `[points, functions]`, affine between neighbouring points.
    """
    z = np.where(np.abs(z) <= ROUNDING * np.abs(z).max(axis=0, initial=0.0), 0.0, z)
    below, above = z[:-1], z[1:]
    found = []
    for unit in range(z.shape[1]):
        at = np.flatnonzero(below[:, unit] * above[:, unit] < 0)
        share = below[at, unit] / (below[at, unit] - above[at, unit])
        found.append(t[at] + share * (t[at + 1] - t[at]))
    return found


def _merged(t: np.ndarray) -> np.ndarray:
    """The points in order, without repetitions; 0 and 1 stay."""
    t = np.sort(t)
    t = t[np.append(True, np.diff(t) > ROUNDING)]
    t[-1] = 1.0
    return t


def _interpolated(at: np.ndarray, t: np.ndarray, z: np.ndarray) -> np.ndarray:
    """The functions z `[points, functions]`, affine between t, at further points."""
    return np.stack([np.interp(at, t, column) for column in z.T], axis=1)
