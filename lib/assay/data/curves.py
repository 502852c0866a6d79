"""curves: synthetic images of smooth strokes, after the curves of Hinton & Salakhutdinov 2006."""

import pathlib

import numpy as np

from assay.data.dataset import complete, Dataset, hold_out, Parts, Source, Split

_SIZE = 28
_SEED = 2006
_MARGIN = 3.5  # pixels between the points and the border; a curve leaves the points' box by an eighth at most
_PEN = 0.8  # standard deviation of the ink across a stroke, in pixels
_STEPS = 48  # points along a stroke
_CHUNK = 2000  # images drawn at a time


def curves(n: int = 30_000) -> Source:
    """Synthetic: one smooth curve an image, uint8 [N, 28, 28, 1], given by six numbers; all labels are 0.

    Hinton & Salakhutdinov 2006 (Science 313, figure 2) drew curves from three random points in two dimensions,
    20,000 to train on and 10,000 to test on. Here a parabola goes through three points, uniform in the image,
    drawn with a round pen; their way of drawing is not copied, so errors do not compare.

    Args:
      n: images in all; a third of them are for testing.
    """
    if n < 30:
        raise ValueError(f"n (images in all three splits) must be at least 30, not {n}")

    def read(spec: str, data_dir: pathlib.Path) -> Dataset:
        del data_dir  # computed
        random = np.random.RandomState(_SEED)  # frozen stream, see hold_out
        points = random.uniform(_MARGIN, _SIZE - 1 - _MARGIN, (n, 3, 2))
        x = np.concatenate([_drawn(points[first : first + _CHUNK]) for first in range(0, n, _CHUNK)])
        train, test = hold_out(Split(x, np.zeros(n, np.int32)), n // 3)
        return complete(spec, Parts(train, None, test, 1, "synthetic curves, each from three random points"))

    return read


def _drawn(points: np.ndarray) -> np.ndarray:
    """`[N, 3, 2]`, in pixels, -> uint8 `[N, 28, 28, 1]`."""
    t = (np.arange(_STEPS) + 0.5) / _STEPS
    weights = np.stack([(2 * t - 1) * (t - 1), 4 * t * (1 - t), t * (2 * t - 1)])  # [3, T], of Lagrange
    slopes = np.stack([4 * t - 3, 4 - 8 * t, 4 * t - 1])
    at = np.einsum("nkd,kt->ntd", points, weights)
    speed = np.einsum("nkd,kt->ntd", points, slopes)
    length = np.linalg.norm(speed, axis=-1) / _STEPS  # [N, T], of each piece
    away = at[..., None] - np.arange(_SIZE)  # [N, T, 2, 28]
    ink = np.exp(-(away**2) / (2 * _PEN**2))
    amount = np.matmul((ink[:, :, 0] * length[..., None]).transpose(0, 2, 1), ink[:, :, 1])  # [N, 28, 28]
    return np.round(255 * (1 - np.exp(-amount)))[..., None].astype(np.uint8)
