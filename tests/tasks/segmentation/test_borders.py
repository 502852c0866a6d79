"""Border weights against distances taken one by one."""

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial import distance

from assay import data
from assay.tasks.segmentation.borders import border_weights, class_weights, segments


def reference(labels, w0, sigma):
    """Equation 2 of the U-Net's paper, the distance to an object being that to the nearest of its pixels."""
    at = np.argwhere(np.ones_like(labels))
    objects, count = ndimage.label(labels)
    to_each = np.stack([distance.cdist(at, np.argwhere(objects == i + 1)).min(1) for i in range(count)])
    d1, d2 = np.sort(to_each, axis=0)[:2]
    weights = w0 * np.exp(-((d1 + d2) ** 2) / (2 * sigma**2))
    return np.where(labels == 0, weights.reshape(labels.shape), 0)


@pytest.mark.parametrize("sigma", [1.5, 5.0])
def test_weights_are_those_of_the_paper(sigma):
    labels = data.load("membranes(cell=10,n=10,size=40)").train.y[0]
    assert segments(labels).max() > 10
    found = border_weights(labels, 10.0, sigma)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, reference(labels, 10.0, sigma), atol=10 * np.exp(-12.5) + 1e-5)
    assert found.max() > 10 * np.exp(-4 / sigma**2)


def test_a_gap_of_three_pixels_by_hand():
    labels = np.ones((4, 9), int)
    labels[:, 3:6] = 0
    weights = border_weights(labels, 10.0, 5.0)
    np.testing.assert_allclose(weights[:, 3:6], 10 * np.exp(-(4**2) / 50), rtol=1e-6)  # 1 + 3 = 2 + 2
    assert not weights[:, :3].any() and not weights[:, 6:].any()


@pytest.mark.parametrize("labels", [np.zeros((5, 5), int), np.ones((5, 5), int), np.array([[1, 1, 0, 0, 0]] * 5)])
def test_where_there_are_no_two_objects_nothing_is_parted(labels):
    assert not border_weights(labels, 10.0, 5.0).any()


def test_objects_are_regions_of_one_class():
    labels = np.array([[1, 1, 2, 0, 1], [0, 1, 2, 0, 0], [2, 0, 2, 0, 3]])
    found = segments(labels)
    assert found.max() == 5 and np.array_equal(found == 0, labels == 0)
    assert found[0, 0] == found[1, 1] and found[0, 2] == found[2, 2]
    assert len({found[0, 0], found[0, 2], found[0, 4], found[2, 0], found[2, 4]}) == 5


def test_balanced_classes_weigh_the_same_in_sum():
    labels = np.repeat([0, 1, 3], [6, 3, 1]).reshape(2, 5)
    weights = class_weights(labels, 4)
    np.testing.assert_allclose(weights, [10 / 18, 10 / 9, 0, 10 / 3], rtol=1e-6)
    assert weights[labels].mean() == pytest.approx(1)
