"""The linear regions of a network of two inputs inside a rectangle, exactly: as convex polygons, layer by layer."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from assay.theory.layers import Layer

# A line cuts a polygon only if it leaves more than this share of the rectangle's size on either side.
ROUNDING = 1e-9
BLOCK = 20_000  # regions that are divided at a time


class Regions(NamedTuple):
    """Convex polygons, on each of which the layers so far are one affine map.

    Attributes:
      corners: float64 `[R, V, 2]`, in order around the polygon; the last is repeated where there are fewer than V.
      counts: int `[R]`, corners of each.
      kernel, bias: `[R, 2, units]`, `[R, units]`: the units are x kernel + bias there.
    """

    corners: np.ndarray
    counts: np.ndarray
    kernel: np.ndarray
    bias: np.ndarray


def count(of: Sequence[Layer], low: Sequence[float], high: Sequence[float], slope: float = 0.0) -> int:
    """The number of regions on which no unit of the hidden layers `of` switches.

    Args:
      of: the first of two inputs.
      low, high: opposite corners of the rectangle.
      slope: of the activation below zero: 0 for ReLU.

    Raises:
      ValueError: not two inputs, or an empty rectangle.
    """
    return sum(len(block.counts) for block in _divided(_rectangle(of, low, high), of, slope, _size(low, high)))


def polygons(
    of: Sequence[Layer], low: Sequence[float], high: Sequence[float], slope: float = 0.0
) -> list[np.ndarray]:
    """The regions that `count` counts: float64 `[corners, 2]` each."""
    blocks = _divided(_rectangle(of, low, high), of, slope, _size(low, high))
    return [corners[:n] for block in blocks for corners, n in zip(block.corners, block.counts)]


def _size(low: Sequence[float], high: Sequence[float]) -> float:
    return float(np.max(np.subtract(high, low)))


def _rectangle(of: Sequence[Layer], low: Sequence[float], high: Sequence[float]) -> Regions:
    if not of or of[0].kernel.shape[0] != 2:
        raise ValueError("regions are counted for layers of two inputs")
    if not np.all(np.less(low, high)):
        raise ValueError(f"the rectangle from {tuple(low)} to {tuple(high)} is empty")
    (x0, y0), (x1, y1) = low, high
    corners = np.array([[[x0, y0], [x1, y0], [x1, y1], [x0, y1]]], float)
    return Regions(corners, np.array([4]), np.eye(2)[None], np.zeros((1, 2)))


def _divided(regions: Regions, of: Sequence[Layer], slope: float, size: float) -> Iterator[Regions]:
    """The regions after all layers, in blocks: a whole layer may have more than memory holds."""
    if not of:
        yield regions
        return
    regions = _through(regions, of[0], slope, size)
    for first in range(0, len(regions.counts), BLOCK):
        yield from _divided(Regions(*(array[first : first + BLOCK] for array in regions)), of[1:], slope, size)


def _through(regions: Regions, layer: Layer, slope: float, size: float) -> Regions:
    """Divides regions where a unit of the layer switches, and applies the layer with its activation."""
    kernel = regions.kernel @ layer.kernel  # [R, 2, units]
    bias = regions.bias @ layer.kernel + layer.bias
    regions = Regions(regions.corners, regions.counts, kernel, bias)
    for unit in range(layer.kernel.shape[1]):
        regions = _cut(regions, unit, size)
    middle = regions.corners.mean(axis=1)  # inside, whatever the weight of the repeated corner
    z = np.einsum("ri,riu->ru", middle, regions.kernel) + regions.bias
    factor = np.where(z > 0, 1.0, slope)
    return regions._replace(kernel=regions.kernel * factor[:, None], bias=regions.bias * factor)


def _cut(regions: Regions, unit: int, size: float) -> Regions:
    """Divides every polygon that the unit's line crosses in two."""
    normal = regions.kernel[:, :, unit]  # [R, 2]
    z = np.einsum("rvi,ri->rv", regions.corners, normal) + regions.bias[:, None, unit]
    least = ROUNDING * size * np.linalg.norm(normal, axis=1, keepdims=True)
    z = np.where(np.abs(z) <= least, 0.0, z)  # so that corners on the line do not seem to lie on either side in turn
    crossed = (z.max(axis=1) > 0) & (z.min(axis=1) < 0)
    if not crossed.any():
        return regions
    whole, halved = (Regions(*(array[which] for array in regions)) for which in (~crossed, crossed))
    halves = [halved._replace(corners=c, counts=n) for c, n in _halves(halved.corners, halved.counts, z[crossed])]
    width = max(part.corners.shape[1] for part in (whole, *halves))
    parts = [part._replace(corners=_widened(part.corners, width)) for part in (whole, *halves)]
    return Regions(*(np.concatenate(arrays) for arrays in zip(*parts)))


def _halves(corners: np.ndarray, counts: np.ndarray, z: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """The part of every polygon where z > 0, and the rest; z `[R, V]` has both signs in each."""
    rows, across = np.arange(len(counts)), np.arange(corners.shape[1])
    real = across < counts[:, None]
    positive = (z > 0) & real
    before = np.take_along_axis(positive, (across - 1) % counts[:, None], axis=1)
    first = np.argmax(positive & ~before, axis=1)  # the first corner of the one run of positive ones
    order = (first[:, None] + across) % counts[:, None]
    turned, z = corners[rows[:, None], order], np.take_along_axis(z, order, axis=1)  # positive corners come first
    ups = positive.sum(axis=1)

    def crossing(a, b):
        za, zb = z[rows, a][:, None], z[rows, b][:, None]
        return turned[rows, a] + za / (za - zb) * (turned[rows, b] - turned[rows, a])

    out, back = crossing(ups - 1, ups), crossing(counts - 1, np.zeros_like(counts))
    return [_arc(turned, np.zeros_like(ups), ups, out, back), _arc(turned, ups, counts - ups, back, out)]


def _arc(
    corners: np.ndarray, first: np.ndarray, length: np.ndarray, out: np.ndarray, back: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The polygons of `length` corners from `first` on, closed by two more."""
    rows, across = np.arange(len(first)), np.arange(length.max() + 2)
    index = np.minimum(first[:, None] + across, corners.shape[1] - 1)
    arc = corners[rows[:, None], index]
    arc[rows, length] = out
    beyond = across > length[:, None]
    arc = np.where(beyond[:, :, None], back[:, None], arc)
    return arc, length + 2


def _widened(corners: np.ndarray, width: int) -> np.ndarray:
    """Repeats the last corner up to `width` corners."""
    last = np.repeat(corners[:, -1:], width - corners.shape[1], axis=1)
    return np.concatenate([corners, last], axis=1)
