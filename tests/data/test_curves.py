"""curves: one stroke an image, and always the same ones."""

import numpy as np
import pytest
from scipy import ndimage

from assay import data
from assay.spec import SpecError


def test_curves_are_single_strokes():
    curves = data.load("curves(n=300)")
    splits = (curves.train, curves.validation, curves.test)
    assert [len(split.y) for split in splits] == [180, 20, 100]
    x = np.concatenate([split.x for split in splits])
    assert x.dtype == np.uint8 and x.shape == (300, 28, 28, 1)
    assert curves.num_classes == 1 and not any(split.y.any() for split in splits)
    assert "synthetic" in curves.note
    assert len({image.tobytes() for image in x}) == 300
    for image in x[..., 0]:
        assert ndimage.label(image > 40, np.ones((3, 3)))[1] == 1
        assert image.max() > 80 and 5 < (image > 40).sum() < 250
    # The points are uniform: strokes are everywhere, and alike in both directions.
    middle = np.array([ndimage.center_of_mass(image) for image in x[..., 0]])
    np.testing.assert_allclose(middle.mean(0), 13.5, atol=1)
    assert (middle.std(0) > 2.5).all()


def test_curves_never_change():
    assert data.load("curves(n=300)").fingerprint.startswith("6cf1a2c72777")
    assert data.load("curves(n=300)").fingerprint != data.load("curves(n=301)").fingerprint


def test_too_few_curves():
    with pytest.raises(SpecError, match="n .* must be at least 30, not 3"):
        data.load("curves(n=3)")
