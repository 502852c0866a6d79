"""membranes: drawn images that look like electron micrographs of tissue, each pixel labelled; no download."""

import pathlib

import numpy as np

from assay.data.dataset import complete, Dataset, Parts, Source, Split

_SEED = 2012
_CELL, _MEMBRANE, _ORGANELLE = 0.7, 0.3, 0.35  # grey values, 0..1


def membranes(size: int = 128, n: int = 30, cell: float = 24.0, noise: float = 0.08) -> Source:
    """Synthetic: `n` images uint8 [size, size, 1] of cells (label 1) parted by dark membranes (label 0).

    In the place of the ISBI-2012 micrographs (Arganda-Carreras et al. 2015), which are 30 images of 512x512: the cells
    are those of a Voronoi diagram of uniform points, about `cell` pixels wide, bent by smooth displacements; membranes
    are of 2 to 5 pixels and fade where they are cut at a slant; dark organelles lie inside the cells; blur and pixel
    noise of standard deviation `noise` (of the range of grey) come last. A fifth of the images is for test, a tenth of
    the others for validation. The same arguments give the same images.
    """
    if size < 8 or n < 10:
        raise ValueError(f"size must be at least 8 and n at least 10, not {size} and {n}")
    if not 4 <= cell <= size or not 0 <= noise <= 1:
        raise ValueError(f"cell must be from 4 to size and noise from 0 to 1, not {cell:g} and {noise:g}")

    def read(spec: str, data_dir: pathlib.Path) -> Dataset:
        del data_dir  # computed
        random = np.random.RandomState(_SEED)  # frozen stream, see hold_out
        pairs = [_draw(random, size, cell, noise) for _ in range(n)]
        split = Split(*(np.stack(arrays) for arrays in zip(*pairs)))
        return complete(spec, Parts(split, None, None, 2, "synthetic membranes (a drawn Voronoi tissue)"))

    return read


def _draw(random: np.random.RandomState, size: int, cell: float, noise: float) -> tuple[np.ndarray, np.ndarray]:
    """One image, uint8 [size, size, 1], and its labels, int32 [size, size]."""
    from scipy import ndimage, spatial

    def smooth(width: float) -> np.ndarray:
        """Noise [size, size] of variance about 1 that changes over `width` pixels."""
        return ndimage.gaussian_filter(random.standard_normal((size, size)), width) * (2 * np.pi**0.5 * width)

    margin = 2 * cell  # cells at the edge go on outside
    count = max(3, round(((size + 2 * margin) / cell) ** 2))
    points = random.uniform(-margin, size + margin, (count, 2))
    at = np.stack(np.mgrid[:size, :size], -1) + np.stack([smooth(cell / 4), smooth(cell / 4)], -1) * cell / 12
    distances, owners = spatial.cKDTree(points).query(at, k=2)
    apart = np.linalg.norm(points[owners[..., 0]] - points[owners[..., 1]], axis=-1)
    # Distance of a pixel to the border of two Voronoi cells, from its distances to their points.
    to_border = (distances[..., 1] ** 2 - distances[..., 0] ** 2) / (2 * np.maximum(apart, 1e-9))
    labels = to_border > 1.75 + 0.4 * np.clip(smooth(cell / 2), -2, 2)
    slant = np.clip(smooth(cell / 2), 0, 2) / 3  # share of the contrast that a membrane loses
    grey = np.where(labels, random.normal(_CELL, 0.05, count)[owners[..., 0]], _MEMBRANE + slant * (_CELL - _MEMBRANE))
    organelles = (smooth(cell / 8) > 1.6) & (to_border > 3.5)
    grey = ndimage.gaussian_filter(np.where(organelles, _ORGANELLE, grey), 0.8)
    grey += noise * random.standard_normal(grey.shape) + 0.03 * smooth(cell / 2)
    return np.round(255 * np.clip(grey, 0, 1)).astype(np.uint8)[..., None], labels.astype(np.int32)
