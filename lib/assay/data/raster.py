"""Drawing by distances: shapes as signed distances of every pixel's centre, in pixels, negative inside.

Points are (x, y) = (column, row); arrays of N shapes give `[N, size, size]`.
"""

import numpy as np


def polygon(vertices: np.ndarray, size: int) -> np.ndarray:
    """Convex polygons `[N, V, 2]`; exact inside and beside edges, too near beyond corners."""
    edges = np.roll(vertices, -1, axis=1) - vertices
    x, y = vertices[..., 0], vertices[..., 1]
    area = np.sum(x * np.roll(y, -1, axis=1) - np.roll(x, -1, axis=1) * y, axis=1)
    outward = np.stack([edges[..., 1], -edges[..., 0]], axis=-1) * np.sign(area)[:, None, None]
    outward = outward / np.linalg.norm(outward, axis=-1, keepdims=True)
    beyond = np.einsum("nvd,hwd->nvhw", outward, _centres(size)) - np.sum(outward * vertices, axis=-1)[..., None, None]
    return beyond.max(axis=1)


def ellipse(centre: np.ndarray, radii: np.ndarray, angle: np.ndarray, size: int) -> np.ndarray:
    """Ellipses of centres `[N, 2]`, radii `[N, 2]` and angles `[N]`; to first order around the rim."""
    turn = np.stack([np.stack([np.cos(angle), np.sin(angle)], 1), np.stack([-np.sin(angle), np.cos(angle)], 1)], 1)
    local = np.einsum("nij,nhwj->nhwi", turn, _centres(size)[None] - centre[:, None, None])
    scaled = local / radii[:, None, None]
    reach = np.linalg.norm(scaled, axis=-1)
    slope = np.linalg.norm(scaled / radii[:, None, None], axis=-1)
    return (reach - 1) * reach / np.maximum(slope, 1e-9)


def segment(start: np.ndarray, end: np.ndarray, radius: np.ndarray, size: int) -> np.ndarray:
    """Lines with round ends from `[N, 2]` to `[N, 2]`, of half-width `[N]`; a disc where both are one point."""
    along = (end - start)[:, None, None]
    away = _centres(size)[None] - start[:, None, None]
    share = np.sum(away * along, axis=-1) / np.maximum(np.sum(along * along, axis=-1), 1e-9)
    return np.linalg.norm(away - np.clip(share, 0, 1)[..., None] * along, axis=-1) - radius[:, None, None]


def coverage(distance: np.ndarray) -> np.ndarray:
    """Share of a pixel that a shape covers, 0..1, with a straight border."""
    return np.clip(0.5 - distance, 0, 1)


def ink(points: np.ndarray, amount: np.ndarray, pen: float, size: int) -> np.ndarray:
    """Ink of a round pen at points `[N, T, 2]` with `amount` `[N, T]` at each: a normal density of deviation `pen`."""
    away = points[..., None] - np.arange(size)  # [N, T, 2, size]
    drop = np.exp(-(away**2) / (2 * pen**2))
    return np.matmul((drop[:, :, 1] * amount[..., None]).transpose(0, 2, 1), drop[:, :, 0])


def to_uint8(grey: np.ndarray) -> np.ndarray:
    """Grey values 0..1 `[N, H, W]` as images `[N, H, W, 1]`; what lies beyond is clipped."""
    return np.round(255 * np.clip(grey, 0, 1))[..., None].astype(np.uint8)


def _centres(size: int) -> np.ndarray:
    return np.stack(np.meshgrid(np.arange(size), np.arange(size)), axis=-1).astype(float)  # [size, size, 2]
