"""The synthetic membranes are what they are documented to be."""

import numpy as np
import pytest
from scipy import ndimage

from assay import data
from assay.spec import SpecError


def test_the_same_arguments_give_the_same_images_and_others_do_not():
    once, again = (data.load("membranes(n=10,size=32)") for _ in range(2))
    assert once.fingerprint == again.fingerprint != data.load("membranes(n=10,noise=0.1,size=32)").fingerprint
    assert [len(split.y) for split in (once.train, once.validation, once.test)] == [7, 1, 2]
    assert once.train.x.shape == (7, 32, 32, 1) and once.train.x.dtype == np.uint8
    assert once.train.y.shape == (7, 32, 32) and once.train.y.dtype == np.int32
    assert once.num_classes == 2 and "synthetic" in once.note


def test_membranes_are_dark_thin_and_enclose_cells():
    loaded = data.load("membranes(cell=16,n=12,size=64)")
    x, y = loaded.train.x[..., 0] / 255, loaded.train.y
    assert x[y == 0].mean() < x[y == 1].mean() - 0.1
    cells = [ndimage.label(labels)[1] for labels in y]
    assert np.mean(cells) == pytest.approx((64 / 16 + 1) ** 2, rel=0.4)  # one more along a side: cells that are cut
    assert 0.1 < np.mean(y == 0) < 0.5
    assert not any(ndimage.binary_erosion(labels == 0, iterations=7).any() for labels in y)


@pytest.mark.parametrize("arguments", ["n=9", "size=7", "cell=3.0", "cell=200.0", "noise=1.5"])
def test_wrong_arguments(arguments):
    with pytest.raises(SpecError, match="must be"):
        data.load(f"membranes({arguments})")
