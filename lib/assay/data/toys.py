"""Synthetic two-class problems in the plane, as TensorFlow Playground defines them.

Source: `src/dataset.ts` of github.com/tensorflow/playground (Smilkov & Carter 2016): coordinates in about
[-6, 6], `noise` as its slider divided by 100. Its classes -1 and 1 are 0 and 1 here. For every set: float32
[N, 2], n points in all, half for training and a quarter each for validation and test; the same (noise, n)
gives the same points.
"""

from collections.abc import Callable
import pathlib

import numpy as np

from assay.data.dataset import complete, Dataset, hold_out, Parts, Source, Split

_POINTS_SEED = 1
_RADIUS = 5.0


def _toy(draw: Callable[..., tuple[np.ndarray, np.ndarray]], noise: float, n: int) -> Source:
    if not 0 <= noise <= 0.5:
        raise ValueError(f"noise must be from 0 to 0.5, not {noise:g}")
    if n < 16:
        raise ValueError(f"n (points in all three splits) must be at least 16, not {n}")

    def read(spec: str, data_dir: pathlib.Path) -> Dataset:
        del data_dir  # computed
        x, y = draw(np.random.RandomState(_POINTS_SEED), noise, n)  # frozen stream, see hold_out
        rest, test = hold_out(Split(x.astype(np.float32), y.astype(np.int32)), n // 4)
        train, validation = hold_out(rest, n // 4)
        note = "synthetic points in the plane, as in TensorFlow Playground"
        return complete(spec, Parts(train, validation, test, 2, note))

    return read


def xor(noise: float = 0.0, n: int = 2000) -> Source:
    """Class 1 where both coordinates have one sign, so not linearly separable; noise shakes the labels."""
    return _toy(_xor, noise, n)


def _xor(random: np.random.RandomState, noise: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    x = random.uniform(-_RADIUS, _RADIUS, (n, 2))
    x += np.where(x > 0, 0.3, -0.3)  # a gap along both axes
    seen = x + random.uniform(-_RADIUS, _RADIUS, (n, 2)) * noise  # the label is of the shaken point
    return x, seen[:, 0] * seen[:, 1] >= 0


def circle(noise: float = 0.0, n: int = 2000) -> Source:
    """A disc of radius 2.5 (class 1) inside a ring from 3.5 to 5 (class 0); noise shakes the labels."""
    return _toy(_circle, noise, n)


def _circle(random: np.random.RandomState, noise: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    inner = np.arange(n) < n // 2
    radius = np.where(inner, random.uniform(0, 0.5, n), random.uniform(0.7, 1, n)) * _RADIUS
    angle = random.uniform(0, 2 * np.pi, n)
    x = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)  # [N, 2]
    seen = x + random.uniform(-_RADIUS, _RADIUS, (n, 2)) * noise
    return x, np.hypot(seen[:, 0], seen[:, 1]) < _RADIUS * 0.5


def gauss(noise: float = 0.0, n: int = 2000) -> Source:
    """Gaussian clouds at (2, 2) (class 1) and (-2, -2) (class 0), of variance 0.5 + 7 noise."""
    return _toy(_gauss, noise, n)


def _gauss(random: np.random.RandomState, noise: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    y = np.arange(n) < n // 2
    deviation = np.sqrt(0.5 + 7 * noise)
    return np.where(y, 2.0, -2.0)[:, None] + deviation * random.standard_normal((n, 2)), y


def gauss_posterior(x, noise: float = 0.0):
    """Probability `[N]` of class 1 at points `[N, 2]` (of NumPy or JAX) of `gauss`, by Bayes' rule.

    Classes are equally frequent and their clouds differ by their mean alone, so the log odds are linear in x.
    """
    log_odds = 4 * x.sum(-1) / (0.5 + 7 * noise)
    return 1 / (1 + np.e**-log_odds)


def spiral(noise: float = 0.0, n: int = 2000) -> Source:
    """Two arms of 1.75 turns, half a turn apart; noise moves points by up to `noise` in each coordinate."""
    return _toy(_spiral, noise, n)


def _spiral(random: np.random.RandomState, noise: float, n: int) -> tuple[np.ndarray, np.ndarray]:
    arm = n - n // 2
    along = np.tile(np.arange(arm) / arm, 2)[:n]  # 0..1 along each arm
    y = np.arange(n) < arm
    angle = 1.75 * 2 * np.pi * along + np.where(y, 0, np.pi)
    x = _RADIUS * along[:, None] * np.stack([np.sin(angle), np.cos(angle)], axis=1)  # [N, 2]
    return x + random.uniform(-1, 1, (n, 2)) * noise, y
