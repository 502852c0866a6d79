"""How well a segmentation keeps objects apart and whole, which pixel errors do not tell."""

import functools

import numpy as np

from assay.tasks.segmentation.borders import segments


def rand_error(truth: np.ndarray, predicted: np.ndarray) -> float:
    """1 - V, V the foreground-restricted Rand F-score of the ISBI-2012 challenge (Arganda-Carreras et al. 2015).

    Over the pixels of the true objects, V = 2 sum p_ij^2 / (sum s_i^2 + sum t_j^2), where p_ij pixels are of the true
    object i and of the predicted object j, s_i of i and t_j of j. Objects are as in `segments`; borders of the
    prediction are thinned to nothing, each of their pixels counting for the nearest predicted object. (The challenge
    thins to one pixel, and takes the best of many thresholds where this takes the prediction as it is.)

    Args:
      truth, predicted: classes, integers [H, W]; 0 is what lies between objects.

    Returns:
      0 (the same objects) to 1; 0 where the truth has no object.
    """
    from scipy import ndimage

    inside, found = truth != 0, segments(predicted)
    if not inside.any():
        return 0.0
    if found.any():
        nearest = ndimage.distance_transform_edt(found == 0, return_distances=False, return_indices=True)
        found = found[tuple(nearest)]
    pairs = np.stack([segments(truth)[inside], found[inside]]).astype(np.int64)
    joint = pairs[0] * (pairs[1].max() + 1) + pairs[1]  # one number for each pair of objects
    p, s, t = (np.sum(np.unique(of, return_counts=True)[1].astype(float) ** 2) for of in (joint, *pairs))
    return float(1 - 2 * p / (s + t))


def warping_error(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Share of pixels that still differ when the truth is warped to the prediction (Jain et al. 2010, CVPR).

    A warping changes pixels one by one, each only if that neither splits nor merges, makes nor fills anything (a
    simple point; objects 4-connected, what is between 8-connected). So shifted borders cost nothing, and gaps in them
    do. Pixels are tried in order of rows until none can be changed; class 0 against all others; outside is class 0.

    Args:
      truth, predicted: integers [H, W].
    """
    wide = truth.shape[1] + 2
    warped, goal = (bytearray(np.pad(labels != 0, 1).astype(np.uint8).tobytes()) for labels in (truth, predicted))
    ring = (-wide - 1, -wide, -wide + 1, -1, 1, wide - 1, wide, wide + 1)
    simple = _simple_points()
    waiting = [at for at in range(len(goal)) if warped[at] != goal[at]]
    while waiting:
        changed = []
        for at in waiting:
            if warped[at] == goal[at]:
                continue
            code = 0
            for offset in ring:
                code = 2 * code + warped[at + offset]
            if simple[code]:
                warped[at] = goal[at]
                changed.append(at)
        near = {at + offset for at in changed for offset in ring}
        waiting = sorted(at for at in near if warped[at] != goal[at])
    return sum(a != b for a, b in zip(warped, goal)) / truth.size


@functools.cache
def _simple_points() -> list[bool]:
    """For each pattern of the 8 neighbours (first the upper left, as the highest bit), whether the middle is simple."""
    from scipy import ndimage

    cross, found = ndimage.generate_binary_structure(2, 1), []
    for code in range(256):
        bits = [int(bit) for bit in f"{code:08b}"]
        around = np.array([*bits[:4], 0, *bits[4:]]).reshape(3, 3)
        objects = ndimage.label(around)[0]
        touching = set(objects[cross].tolist()) - {0}  # of the objects, those that share a side with the middle
        between = 1 - around
        between[1, 1] = 0
        found.append(len(touching) == 1 and ndimage.label(between, np.ones((3, 3)))[1] == 1)
    return found
