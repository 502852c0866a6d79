"""stick_figures: drawn people in random poses, with the body's part at every pixel."""

import pathlib

import numpy as np

from assay.data import raster
from assay.data.dataset import complete, Dataset, Parts, Source, Split

PARTS = ("background", "head", "torso", "arms", "legs")
_SEED = 2017
_MARGIN = 3.0  # pixels between joints and the border
_CHUNK = 100  # images drawn at a time: what fits a cache


def stick_figures(size: int = 32, n: int = 2000, noise: float = 0.1) -> Source:
    """Synthetic: n images uint8 [N, size, size, 1] of one figure, each pixel labelled [N, size, size].

    Labels: 0 background, 1 head, 2 torso, 3 arms, 4 legs. All parts have one grey value, so that a limb is known by
    where it hangs alone. Pose, size, place, line width and grey values are random; `noise` is the standard deviation of pixel
    noise, of the range of grey. The same arguments give the same images.
    """
    if size < 24 or n < 20:
        raise ValueError(f"size must be at least 24 and n at least 20, not {size} and {n}")
    if not 0 <= noise <= 1:
        raise ValueError(f"noise must be from 0 to 1, not {noise:g}")

    def read(spec: str, data_dir: pathlib.Path) -> Dataset:
        del data_dir  # computed
        random = np.random.RandomState(_SEED)  # frozen stream, see hold_out
        drawn = [_drawn(random, min(_CHUNK, n - first), size, noise) for first in range(0, n, _CHUNK)]
        split = Split(*(np.concatenate(arrays) for arrays in zip(*drawn)))
        return complete(spec, Parts(split, None, None, len(PARTS), "synthetic stick figures"))

    return read


def _drawn(random: np.random.RandomState, n: int, size: int, noise: float) -> tuple[np.ndarray, np.ndarray]:
    lines, parts = _limbs(random, n)
    # Into the image: shrunk where too large, then anywhere that it fits.
    low, high = lines.min(axis=(1, 2)), lines.max(axis=(1, 2))  # [N, 2]
    room = size - 1 - 2 * _MARGIN
    scale = np.minimum(random.uniform(0.7, 1.0, n) * size / 32, room / (high - low).max(axis=1))[:, None]
    place = _MARGIN - low * scale + random.uniform(size=(n, 2)) * (room - (high - low) * scale)
    lines = lines * scale[:, None, None] + place[:, None, None]
    width = random.uniform(0.8, 1.3, n)
    distance = np.stack(
        [
            raster.segment(*lines[:, i].transpose(1, 0, 2), width * (2.2 if part == 1 else 1), size)
            for i, part in enumerate(parts)
        ],
        axis=1,
    )  # [N, limbs, size, size]
    nearest = distance.min(axis=1)
    labels = np.where(nearest < 0, np.array(parts)[distance.argmin(axis=1)], 0)
    dark, light = random.uniform(0, 0.3, (n, 1, 1)), random.uniform(0.6, 1, (n, 1, 1))
    grey = dark + raster.coverage(nearest) * (light - dark) + noise * random.standard_normal(nearest.shape)
    return raster.to_uint8(grey), labels.astype(np.int32)


def _limbs(random: np.random.RandomState, n: int) -> tuple[np.ndarray, list[int]]:
    """Lines `[N, limbs, 2, 2]` from joint to joint, rows downwards, and the part of each; a torso is 9 long."""

    def away(start, length, angle):
        """The joint `length` from `start`, at an angle from straight down."""
        return start + length * np.stack([np.sin(angle), np.cos(angle)], axis=1)

    lean = random.uniform(-0.3, 0.3, n)
    pelvis = np.zeros((n, 2))
    neck = away(pelvis, 9.0, np.pi + lean)
    head = away(neck, 3.0, np.pi + lean + random.uniform(-0.3, 0.3, n))
    lines, parts = [(head, head), (neck, pelvis)], [1, 2]
    shoulder = away(neck, 1.5, lean)
    for side in (-1, 1):
        raised = lean + side * random.uniform(0.3, 2.6, n)
        elbow = away(shoulder, 5.0, raised)
        hand = away(elbow, 5.0, raised + side * random.uniform(-0.3, 1.5, n))
        lines += [(shoulder, elbow), (elbow, hand)]
        spread = side * random.uniform(0.1, 0.9, n)
        knee = away(pelvis, 5.5, spread)
        foot = away(knee, 5.5, spread - side * random.uniform(0, 0.8, n))
        lines += [(pelvis, knee), (knee, foot)]
        parts += [3, 3, 4, 4]
    return np.stack([np.stack(line, axis=1) for line in lines], axis=1), parts
