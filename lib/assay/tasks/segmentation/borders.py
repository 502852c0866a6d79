"""Weights of pixels in a segmentation's loss: balanced classes, and narrow gaps between objects (U-Net's paper)."""

from collections.abc import Sequence

import numpy as np

_REACH = 5  # sigmas: further away an object adds less than w0 exp(-12.5)


def border_weights(labels: np.ndarray, w0: float, sigma: float) -> np.ndarray:
    """w0 exp(-(d1 + d2)^2 / (2 sigma^2)) of Ronneberger et al. 2015 (arXiv:1505.04597), equation 2.

    Objects are the 4-connected regions of one class but 0; d1 and d2 are the Euclidean distances of a pixel of class
    0 to the nearest object and to the second nearest. Inside an object there is nothing to part, and the weight is 0.

    Args:
      labels: integers [H, W].
      sigma: in pixels.

    Returns:
      float32 [H, W].
    """
    from scipy import ndimage

    objects = segments(labels)
    nearest = np.full((2, *labels.shape), np.inf)
    reach = int(np.ceil(_REACH * sigma)) + 1
    for number, box in enumerate(ndimage.find_objects(objects), start=1):
        around = tuple(slice(max(0, side.start - reach), side.stop + reach) for side in box)
        distance = ndimage.distance_transform_edt(objects[around] != number)
        first, second = nearest[0][around], nearest[1][around]
        second[...] = np.minimum(second, np.maximum(first, distance))
        first[...] = np.minimum(first, distance)
    weights = w0 * np.exp(-(nearest.sum(0) ** 2) / (2 * sigma**2))
    return np.where(labels == 0, weights, 0).astype(np.float32)


def class_weights(labels: np.ndarray, classes: int) -> np.ndarray:
    """float32 [classes]: inverse to how frequent a class is among all labels, so that the mean over pixels is 1.

    Classes that do not occur have weight 0.
    """
    counts = np.bincount(labels.reshape(-1), minlength=classes)
    return np.where(counts > 0, labels.size / (np.count_nonzero(counts) * np.maximum(counts, 1)), 0).astype(np.float32)


def segments(labels: np.ndarray) -> np.ndarray:
    """The objects of a label map, numbered from 1: 4-connected regions of one class; 0 where the class is 0."""
    from scipy import ndimage

    numbered, found = np.zeros(labels.shape, np.int32), 0
    for value in _objects(labels):
        regions, count = ndimage.label(labels == value)
        numbered = np.where(regions > 0, regions + found, numbered)
        found += count
    return numbered


def _objects(labels: np.ndarray) -> Sequence[int]:
    return [value for value in np.unique(labels) if value != 0]
