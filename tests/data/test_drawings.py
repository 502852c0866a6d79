"""Synthetic drawings: shapes by their area, labels by the ink under them, the same every time."""

import numpy as np
import pytest

from assay import data
from assay.data import raster
from assay.data.shapeset import CLASSES
from assay.spec import SpecError

SMALL = {"shapeset(n=450)": 9, "stick_figures(n=60)": 5, "strokes(n=60)": 2}


def whole(made):
    splits = (made.train, made.validation, made.test)
    return tuple(np.concatenate([getattr(split, field) for split in splits]) for field in "xy")


@pytest.mark.parametrize("spec", SMALL)
def test_the_same_drawings_every_time(spec):
    made, again = data.load(spec), data.load(spec)
    x, y = whole(made)
    assert made.fingerprint == again.fingerprint and made.num_classes == SMALL[spec] and "synthetic" in made.note
    assert x.dtype == np.uint8 and x.shape == (len(y), 32, 32, 1) and y.dtype == np.int32
    assert len({image.tobytes() for image in x}) == len(x)
    assert set(np.unique(y)) == set(range(made.num_classes))


def test_shapes_have_as_many_grey_values_as_their_class_says():
    x, y = whole(data.load("shapeset(n=450)"))
    np.testing.assert_array_equal(np.bincount(y), 50)
    for image, label in zip(x[..., 0], y):
        values, counts = np.unique(image, return_counts=True)
        paper = image[0, 0]
        assert len(values) >= 2 and values[counts.argmax()] == paper
        if len(CLASSES[label]) == 1:  # every pixel lies between paper and shape
            assert paper in (values.min(), values.max())
        assert len(np.unique(image[[0, -1]])) == len(np.unique(image[:, [0, -1]])) == 1  # wholly inside


@pytest.mark.parametrize("angle", [0.0, 0.7, 2.0])
def test_coverage_adds_up_to_the_area(angle):
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    square = (np.array([[-6, -4], [6, -4], [6, 4], [-6, 4.0]]) @ turn.T + 15.3)[None]
    for corners in (square, square[:, ::-1]):  # whichever way round
        assert raster.coverage(raster.polygon(corners, 32)).sum() == pytest.approx(96, rel=0.02)
    disc = raster.ellipse(np.array([[15.3, 14.8]]), np.array([[8.0, 4.0]]), np.array([angle]), 32)
    assert raster.coverage(disc).sum() == pytest.approx(np.pi * 32, rel=0.02)
    ends = 15.3 + 7 * np.array([[np.cos(angle), np.sin(angle)]])
    line = raster.segment(np.array([[15.3, 15.3]]), ends, np.array([2.0]), 32)
    assert raster.coverage(line).sum() == pytest.approx(7 * 4 + np.pi * 4, rel=0.03)


def test_a_figures_parts_lie_where_it_is_drawn():
    x, y = whole(data.load("stick_figures(n=60,noise=0.0)"))
    grey = x[..., 0].astype(float)
    paper = np.array([image[labels == 0].min() for image, labels in zip(grey, y)])
    figure = np.array([image[labels > 0].max() for image, labels in zip(grey, y)])
    share = (grey - paper[:, None, None]) / (figure - paper)[:, None, None]
    np.testing.assert_array_equal(share[y > 0] > 0.49, True)
    np.testing.assert_array_equal(share[y == 0] < 0.51, True)
    assert all(set(np.unique(labels)) == {0, 1, 2, 3, 4} for labels in y)
    rows = np.arange(32)[None, :, None]
    middle = [np.mean(np.broadcast_to(rows, y.shape)[y == part]) for part in (1, 2, 4)]
    assert middle == sorted(middle)  # heads over torsos over legs


def test_rough_strokes_follow_the_clean_line():
    x, y = whole(data.load("strokes(n=60,noise=0.0,rough=0.0)"))
    ink = 1 - x[..., 0] / 255
    assert 0.01 < y.mean() < 0.2
    assert ink[y == 1].mean() > 5 * ink[y == 0].mean()
    rougher = 1 - whole(data.load("strokes(n=60,noise=0.0,rough=2.0)"))[0][..., 0] / 255
    assert rougher[y == 1].mean() < 0.8 * ink[y == 1].mean()  # more of it lies beside the line


@pytest.mark.parametrize(
    "spec,fault",
    [
        ("shapeset(n=10)", "at least 90"),
        ("stick_figures(size=8)", "size must be at least 24"),
        ("stick_figures(noise=-1.0)", "noise must be from 0 to 1"),
        ("strokes(lines=0)", "lines at least 1"),
        ("strokes(rough=9.0)", "rough must be from 0 to 4"),
    ],
)
def test_wrong_arguments_are_one_line(spec, fault):
    with pytest.raises(SpecError, match=fault):
        data.load(spec)
