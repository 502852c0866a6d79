"""Rand and warping errors: cases by hand, and laws."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
import numpy as np
import pytest
from scipy import ndimage

from assay.tasks.segmentation.partitions import _simple_points, rand_error, warping_error

TWO = np.array([[1, 1, 0, 1, 1]] * 2)
maps = hnp.arrays(np.int32, (7, 6), elements=st.integers(0, 1))


def test_a_merger_by_hand():
    # s: 4 + 4 true pixels, t: 8 of one object, p: 4 + 4; V = 2 (16 + 16) / (32 + 64).
    assert rand_error(TWO, np.ones_like(TWO)) == pytest.approx(1 - 64 / 96)


def test_a_split_by_hand():
    truth, predicted = np.ones((1, 7), int), np.array([[1, 1, 1, 0, 1, 1, 1]])
    # The border's pixel counts for one of its neighbours: t = 4 + 3 = p, s = 7; V = 2 (16 + 9) / (49 + 25).
    assert rand_error(truth, predicted) == pytest.approx(1 - 50 / 74)


def test_only_true_objects_count_and_borders_have_no_width():
    wide = np.array([[1, 0, 0, 0, 1]] * 2)
    assert rand_error(TWO, wide) == 0
    assert rand_error(np.zeros_like(TWO), TWO) == 0
    # Nothing found at all is as everything in one.
    assert rand_error(TWO, np.zeros_like(TWO)) == rand_error(TWO, np.ones_like(TWO))


def test_classes_are_objects_of_their_own():
    assert rand_error(np.array([[1, 1, 2, 2]]), np.array([[2, 2, 1, 1]])) == 0
    assert rand_error(np.array([[1, 1, 2, 2]]), np.array([[1, 1, 1, 1]])) == pytest.approx(1 - 16 / 24)


def wall(at, gap=False):
    labels = np.ones((8, 9), int)
    labels[:, at] = 0
    labels[3, at] = int(gap)
    return labels


def test_a_moved_border_is_no_warping_error_and_a_gap_is():
    assert warping_error(wall(4), wall(5)) == 0
    assert warping_error(wall(4), wall(4, gap=True)) == 1 / 72
    assert warping_error(wall(4, gap=True), wall(5)) == 1 / 72
    hole = np.ones((8, 9), int)
    hole[4, 4] = 0
    assert warping_error(np.ones((8, 9), int), hole) == 1 / 72


@given(maps, maps)
@settings(max_examples=30, deadline=None)
def test_laws(truth, predicted):
    assert 0 <= rand_error(truth, predicted) < 1 and rand_error(truth, truth) == pytest.approx(0)
    assert warping_error(truth, truth) == 0
    assert 0 <= warping_error(truth, predicted) <= np.mean(truth != predicted)
    mirrored = rand_error(truth[:, ::-1] * 3, predicted[:, ::-1] * 2)
    if predicted.all() or not predicted.any():  # else a border pixel between two objects may go to the other
        assert mirrored == pytest.approx(rand_error(truth, predicted))


def counts(image):
    return ndimage.label(image)[1], ndimage.label(1 - image, np.ones((3, 3)))[1]


@given(maps)
@settings(max_examples=30, deadline=None)
def test_a_simple_point_keeps_the_number_of_objects_and_of_gaps(image):
    simple = _simple_points()
    image = np.pad(image, 1)
    for row, column in np.argwhere(np.ones((7, 6))) + 1:
        around = image[row - 1 : row + 2, column - 1 : column + 2].reshape(-1)
        changed = image.copy()
        changed[row, column] ^= 1
        if simple[int("".join(map(str, np.delete(around, 4))), 2)]:
            assert counts(changed) == counts(image)


def test_there_are_as_many_simple_points_as_known():
    assert sum(_simple_points()) == 116  # of the 256 neighbourhoods in the plane
