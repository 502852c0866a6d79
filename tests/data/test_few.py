"""A small training set is part of the large one; the other splits are untouched."""

import numpy as np
import pytest

from assay import data
from assay.spec import SpecError


def test_few_are_chosen_from_the_training_split_alone():
    whole, part, again = (data.load(name) for name in ("digits", "few(of='digits',n=105)", "few(of='digits',n=105)"))
    images = {image.tobytes() for image in whole.train.x}  # all different
    chosen = [image.tobytes() for image in part.train.x]
    assert len(chosen) == len(set(chosen)) == 105 and set(chosen) < images
    counts = np.bincount(part.train.y)
    assert counts.sum() == 105 and counts.min() >= 10 and counts.max() <= 11
    for role in ("validation", "test"):
        np.testing.assert_array_equal(getattr(part, role).x, getattr(whole, role).x)
        np.testing.assert_array_equal(getattr(part, role).y, getattr(whole, role).y)
    np.testing.assert_allclose(part.mean, (part.train.x / 255).mean(), rtol=1e-5)  # measured on what is trained on
    assert part.fingerprint == again.fingerprint != whole.fingerprint
    assert part.num_classes == 10 and part.note.startswith("105 of 1,100 training examples")


def test_labels_stay_with_their_images():
    whole, part = data.load("digits"), data.load("few(of='digits',n=40)")
    label = {image.tobytes(): y for image, y in zip(whole.train.x, whole.train.y)}
    assert [label[image.tobytes()] for image in part.train.x] == part.train.y.tolist()


@pytest.mark.parametrize(
    "spec, kind, fault",
    [
        ("few(n=1)", SpecError, "n must be at least 2, not 1"),
        ("few(of='digits',n=2000)", data.DataError, "digits has 1,100 training examples, so 2,000 cannot be chosen"),
        ("few(of='digitz')", SpecError, "did you mean 'digits'"),
    ],
)
def test_what_cannot_be_chosen_is_refused(spec, kind, fault):
    with pytest.raises(kind, match=fault):
        data.load(spec)
