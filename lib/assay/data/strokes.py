"""strokes: rough pencil drawings, with the clean line at every pixel."""

import pathlib

import numpy as np

from assay.data import raster
from assay.data.dataset import complete, Dataset, Parts, Source, Split

_SEED = 2016
_STEPS = 48  # points along a stroke
_PEN = 0.8  # pixels
_LINE = 1.2  # ink of a straight line of this pen, at one deviation from its middle: the clean line's border
_COPIES = 3  # strokes of the rough drawing for one of the clean
_CHUNK = 100  # images drawn at a time: what fits a cache


def strokes(size: int = 32, n: int = 2000, lines: int = 2, rough: float = 1.0, noise: float = 0.08) -> Source:
    """Synthetic: n rough drawings uint8 [N, size, size, 1] with their clean ones as labels [N, size, size].

    Labels: 0 paper, 1 line, so that cleaning up is segmentation. A clean drawing is `lines` parabolas through three
    random points each; the rough one has three faint strokes for each, their points moved by `rough` pixels, begun late and
    ended early or late, on paper with pixel noise of standard deviation `noise`. For the task of Simo-Serra et al.
    2016 (ACM TOG 35:121), whose drawings are real. The same arguments give the same images.
    """
    if size < 16 or n < 20 or lines < 1:
        raise ValueError(f"size must be at least 16, n at least 20 and lines at least 1, not {size}, {n} and {lines}")
    if not 0 <= rough <= 4 or not 0 <= noise <= 1:
        raise ValueError(f"rough must be from 0 to 4 and noise from 0 to 1, not {rough:g} and {noise:g}")

    def read(spec: str, data_dir: pathlib.Path) -> Dataset:
        del data_dir  # computed
        random = np.random.RandomState(_SEED)  # frozen stream, see hold_out
        drawn = [_drawn(random, min(_CHUNK, n - first), size, lines, rough, noise) for first in range(0, n, _CHUNK)]
        split = Split(*(np.concatenate(arrays) for arrays in zip(*drawn)))
        return complete(spec, Parts(split, None, None, 2, "synthetic strokes, rough and clean"))

    return read


def _drawn(
    random: np.random.RandomState, n: int, size: int, lines: int, rough: float, noise: float
) -> tuple[np.ndarray, np.ndarray]:
    clean = np.zeros((n, size, size), bool)
    paper = np.ones((n, size, size))
    for _ in range(lines):
        points = random.uniform(4, size - 5, (n, 3, 2))
        clean |= _stroke(points, np.zeros(n), np.ones(n), size) > _LINE
        for _ in range(_COPIES):
            moved = points + rough * random.standard_normal(points.shape)
            first, last = random.uniform(0, 0.25, n), random.uniform(0.75, 1.1, n)
            strength = random.uniform(0.1, 0.35, (n, 1, 1))
            paper *= np.exp(-strength * _stroke(moved, first, last, size))
    paper += noise * random.standard_normal(paper.shape)
    return raster.to_uint8(paper), clean.astype(np.int32)


def _stroke(points: np.ndarray, first: np.ndarray, last: np.ndarray, size: int) -> np.ndarray:
    """Ink `[N, size, size]` of parabolas through points `[N, 3, 2]` at 0, 1/2 and 1, from `first` to `last` `[N]`."""
    t = first[:, None] + (last - first)[:, None] * (np.arange(_STEPS) + 0.5) / _STEPS  # [N, T]
    weights = np.stack([(2 * t - 1) * (t - 1), 4 * t * (1 - t), t * (2 * t - 1)])  # of Lagrange
    slopes = np.stack([4 * t - 3, 4 - 8 * t, 4 * t - 1])
    at, speed = (np.einsum("nkd,knt->ntd", points, w) for w in (weights, slopes))
    length = np.linalg.norm(speed, axis=-1) * (last - first)[:, None] / _STEPS
    return raster.ink(at, length, _PEN, size)
