"""The synthetic membranes are what they are documented to be."""

import textwrap

import numpy as np
from PIL import Image
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


def test_the_recipe_of_the_experiment_makes_a_data_set_of_the_challenges_files(tmp_path, monkeypatch):
    from experiments import unet_skips

    random = np.random.RandomState(0)
    x, y = random.randint(0, 256, (30, 8, 8)).astype(np.uint8), random.randint(0, 2, (30, 8, 8)).astype(np.uint8)
    for name, stack in (("volume", x), ("labels", y * 255)):
        first, *others = [Image.fromarray(page) for page in stack]
        first.save(tmp_path / f"train-{name}.tif", save_all=True, append_images=others)
    (tmp_path / "runs").mkdir()
    monkeypatch.chdir(tmp_path)
    recipe = unet_skips.__doc__[unet_skips.__doc__.index("    import numpy") :]
    exec(textwrap.dedent(recipe), {})
    loaded = data.load("npz(path='runs/isbi2012.npz')")
    assert [len(split.y) for split in (loaded.train, loaded.validation, loaded.test)] == [22, 2, 6]
    np.testing.assert_array_equal(loaded.test.x[..., 0], x[24:])
    np.testing.assert_array_equal(loaded.test.y, y[24:])
