"""shapeset: one or two shapes of three kinds in an image, after the Shapeset-3x2 of Glorot & Bengio 2010."""

import pathlib

import numpy as np

from assay.data import raster
from assay.data.dataset import complete, Dataset, Parts, Source, Split

TRIANGLE, PARALLELOGRAM, ELLIPSE = range(3)
CLASSES = ((0,), (1,), (2,), (0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2))
_SIZE = 32
_SEED = 2010
_RADIUS = (5.0, 9.0)  # pixels from a shape's centre to its farthest point
_HIDDEN = 0.5  # of the back shape's area, at most
_CHUNK = 100  # images drawn at a time: what fits a cache


def shapeset(n: int = 10_000) -> Source:
    """Synthetic: n images uint8 [N, 32, 32, 1] of a triangle, parallelogram or ellipse, or of two shapes; 9 classes.

    After Shapeset-3x2 (Glorot & Bengio 2010, section 2.1): shape, size, angle, place and grey values are random, and
    the class says which shapes are there, not which is in front. Numbers are our own: shapes lie wholly in the image,
    the one behind is hidden by half at most, grey values are at least 0.2 apart, and classes are equally frequent; so
    errors do not compare with the paper's. The same n gives the same images.
    """
    if n < 90:
        raise ValueError(f"n (images in all three splits) must be at least 90, not {n}")

    def read(spec: str, data_dir: pathlib.Path) -> Dataset:
        del data_dir  # computed
        random = np.random.RandomState(_SEED)  # frozen stream, see hold_out
        y = random.permutation(np.arange(n) % len(CLASSES)).astype(np.int32)
        x = np.concatenate([_drawn(random, y[first : first + _CHUNK]) for first in range(0, n, _CHUNK)])
        return complete(spec, Parts(Split(x, y), None, None, len(CLASSES), "synthetic shapes, after Shapeset-3x2"))

    return read


def _drawn(random: np.random.RandomState, y: np.ndarray) -> np.ndarray:
    """Images uint8 `[N, 32, 32, 1]` of classes `[N]`."""
    paired = np.array([len(shapes) == 2 for shapes in CLASSES])[y]
    kinds = np.array([(shapes * 2)[:2] for shapes in CLASSES])[y]  # [N, 2], back and front
    kinds = np.where(random.uniform(size=(len(y), 1)) < 0.5, kinds, kinds[:, ::-1])
    covered = np.empty((len(y), 2, _SIZE, _SIZE))
    waiting = np.arange(len(y))
    while len(waiting):
        covered[waiting] = np.stack([_shapes(random, kinds[waiting, i]) for i in range(2)], axis=1)
        back, front = covered[waiting, 0], covered[waiting, 1] * paired[waiting, None, None]
        hidden = (back * front).sum((1, 2)) / back.sum((1, 2))
        waiting = waiting[hidden > _HIDDEN]
    covered[~paired, 1] = 0
    gap = random.uniform(0.2, 0.45, (len(y), 1))
    greys = random.uniform(0, 1 - 2 * gap) + gap * np.argsort(random.uniform(size=(len(y), 3)), axis=1)
    image = np.broadcast_to(greys[:, 2, None, None], (len(y), _SIZE, _SIZE))
    for i in range(2):
        image = image + covered[:, i] * (greys[:, i, None, None] - image)
    return raster.to_uint8(image)


def _shapes(random: np.random.RandomState, kinds: np.ndarray) -> np.ndarray:
    """Coverage `[N, 32, 32]` of one shape of each kind `[N]`, wherever it fits."""
    n = len(kinds)
    radius = random.uniform(*_RADIUS, n)
    low, high = radius + 0.5, _SIZE - 1.5 - radius
    centre = random.uniform(low[:, None], high[:, None], (n, 2))
    angle, height, lean = random.uniform(0, 2 * np.pi, n), random.uniform(0.5, 1.0, n), random.uniform(-0.8, 0.8, n)
    one = np.ones(n)
    corners = np.empty((n, 4, 2))
    bottom, top = [-one - lean, -height, one - lean, -height], [one + lean, height, lean - one, height]
    corners[:] = np.stack([*bottom, *top], axis=1).reshape(n, 4, 2)
    triangles = kinds == TRIANGLE  # its fourth corner is the third once more, nearly
    corners[triangles, 2] = corners[triangles, 2] * [0, 1] + np.stack([lean, 0 * lean], 1)[triangles]
    corners[triangles, 3] = corners[triangles, 2] - [1e-3, 0]
    middle = corners[:, :3].mean(axis=1, keepdims=True)
    corners -= np.where(triangles[:, None, None], middle, 0)
    corners /= np.linalg.norm(corners, axis=-1).max(axis=1)[:, None, None]
    turn = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], 1).reshape(n, 2, 2)
    corners = np.einsum("nij,nvj->nvi", turn, corners) * radius[:, None, None] + centre[:, None]
    radii = np.stack([radius, radius * height], axis=1)
    rounded = kinds == ELLIPSE
    covered = np.empty((n, _SIZE, _SIZE))
    disc = raster.segment(centre, centre, radius, _SIZE)  # sharp corners end where they should
    covered[~rounded] = raster.coverage(np.maximum(raster.polygon(corners[~rounded], _SIZE), disc[~rounded]))
    covered[rounded] = raster.coverage(raster.ellipse(centre[rounded], radii[rounded], angle[rounded], _SIZE))
    return covered
