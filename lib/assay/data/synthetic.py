"""Synthetic two-class problems whose class is a known function of the input, for claims on what a network can express.

For every set: float32 [N, D], n points in all, half for training and a quarter each for validation and test; the same
arguments give the same points, and no label is noisy.
"""

from collections.abc import Callable
import pathlib

import numpy as np

from assay.data.dataset import complete, Dataset, hold_out, Parts, Source, Split

_SEED = 1


def sawtooth(teeth: int = 8, n: int = 4000) -> Source:
    """One number from 0 to 1; class 1 where a triangle wave of that many teeth is above its middle.

    The class changes 2 * teeth times. Telgarsky 2016 (arXiv:1602.04485): a ReLU network of k layers of constant width
    makes 2^k teeth, and one of few layers needs exponentially many units for them.
    """
    if teeth < 1:
        raise ValueError(f"teeth must be at least 1, not {teeth}")

    def draw(random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
        x = random.uniform(0, 1, (n, 1))
        return x, np.abs(teeth * x[:, 0] % 1 - 0.5) < 0.25

    return _source(draw, n, f"synthetic sawtooth of {teeth} teeth")


def parity(dims: int = 4, gap: float = 0.1, n: int = 8000) -> Source:
    """Points of the cube from -1 to 1; class 1 where an even number of coordinates is negative: xor in `dims` dimensions.

    Every one of the 2^dims corners of the cube borders on corners of the other class alone.

    Args:
      gap: how far every coordinate is from 0 at least.
    """
    if dims < 1:
        raise ValueError(f"dims must be at least 1, not {dims}")
    if not 0 <= gap < 1:
        raise ValueError(f"gap must be at least 0 and below 1, not {gap:g}")

    def draw(random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
        x = random.uniform(-1, 1, (n, dims))
        x = np.where(x < 0, -gap, gap) + (1 - gap) * x
        return x, np.sum(x < 0, axis=1) % 2 == 0

    return _source(draw, n, f"synthetic parity of {dims} signs")


def interactions(share: float = 1.0, dims: int = 10, n: int = 8000) -> Source:
    """Normal numbers; class 1 where a score is positive that has `share` of its variance from products of two inputs.

    The rest is linear: sqrt(1 - share) (x_1 + ... + x_D) / sqrt(D) + sqrt(share) (x_1 x_2 + x_3 x_4 + ...) / sqrt(D / 2).
    With share=0 a linear model makes no error, with share=1 it can do no better than chance.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must be from 0 to 1, not {share:g}")
    if dims < 2 or dims % 2:
        raise ValueError(f"dims must be even and at least 2, not {dims}")

    def draw(random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
        x = random.standard_normal((n, dims)).astype(np.float32).astype(float)
        linear = x.sum(axis=1) / np.sqrt(dims)
        products = np.sum(x[:, ::2] * x[:, 1::2], axis=1) / np.sqrt(dims / 2)
        return x, np.sqrt(1 - share) * linear + np.sqrt(share) * products > 0

    return _source(draw, n, f"synthetic score with {share:.0%} of its variance from products of two inputs")


def _source(draw: Callable[[np.random.RandomState], tuple[np.ndarray, np.ndarray]], n: int, note: str) -> Source:
    if n < 16:
        raise ValueError(f"n (points in all three splits) must be at least 16, not {n}")

    def read(spec: str, data_dir: pathlib.Path) -> Dataset:
        del data_dir  # computed
        x, y = draw(np.random.RandomState(_SEED))  # frozen stream, see hold_out
        rest, test = hold_out(Split(x.astype(np.float32), y.astype(np.int32)), n // 4)
        train, validation = hold_out(rest, n // 4)
        return complete(spec, Parts(train, validation, test, 2, note))

    return read
