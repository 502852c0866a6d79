"""A user's arrays and image folders, right and wrong."""

import numpy as np
from PIL import Image
import pytest

from assay import data
from assay.spec import SpecError

IMAGES = np.random.RandomState(0).randint(0, 256, (40, 6, 5, 3)).astype(np.uint8)
LABELS = np.arange(40) % 4


def save(path, **changed):
    arrays = {"x_train": IMAGES, "y_train": LABELS, "x_test": IMAGES[:8], "y_test": LABELS[:8]} | changed
    np.savez(path, **{key: value for key, value in arrays.items() if value is not None})
    return f"npz(path={str(path)!r})"


def test_npz_with_images(tmp_path):
    loaded = data.load(save(tmp_path / "mine.npz"))
    assert [len(split.y) for split in (loaded.train, loaded.validation, loaded.test)] == [36, 4, 8]
    np.testing.assert_array_equal(loaded.test.x, IMAGES[:8])
    assert loaded.num_classes == 4 and loaded.test.y.dtype == np.int32 and "mine.npz" in loaded.note


def test_npz_with_features_and_validation(tmp_path):
    x = np.random.RandomState(0).randn(40, 7)
    spec = save(tmp_path / "a.npz", x_train=x, x_test=x[:8], x_validation=x[:9], y_validation=LABELS[:9])
    loaded = data.load(spec)
    assert loaded.train.x.dtype == np.float32 and loaded.train.x.shape == (40, 7)
    np.testing.assert_array_equal(loaded.validation.y, LABELS[:9])
    np.testing.assert_allclose(loaded.std, x.std(axis=0), rtol=1e-5)


def test_npz_gives_grey_images_a_channel(tmp_path):
    grey = IMAGES[..., 0]
    assert data.load(save(tmp_path / "a.npz", x_train=grey, x_test=grey[:8])).train.x.shape == (36, 6, 5, 1)


def test_npz_with_labels_of_pixels(tmp_path):
    marks = np.random.RandomState(1).randint(0, 3, (40, 6, 5))
    for x in (IMAGES[..., 0], IMAGES, IMAGES / 255):
        loaded = data.load(save(tmp_path / "a.npz", x_train=x, y_train=marks, x_test=x[:8], y_test=marks[:8]))
        assert loaded.train.y.shape == (36, 6, 5) and loaded.train.y.dtype == np.int32 and loaded.num_classes == 3
        assert loaded.train.x.ndim == 4
        np.testing.assert_array_equal(loaded.test.y, marks[:8])
    assert len(loaded.validation.y) == 4  # each image with its own labels
    for image, label in zip(loaded.validation.x, loaded.validation.y):
        at = [np.allclose(image, one) for one in IMAGES / 255].index(True)
        np.testing.assert_array_equal(label, marks[at])


MARKS = np.arange(40 * 30).reshape(40, 6, 5) % 2


def test_a_cache_file_is_an_npz_data_set(cifar, tmp_path):
    folder = cifar()
    original = data.load("cifar10", folder)
    again = data.load(f"npz(path='{folder}/assay/cifar10.npz')")
    assert again.fingerprint == original.fingerprint


@pytest.mark.parametrize(
    "changed,fault",
    [
        ({"x_test": None}, "lacks x_test; it has x_train, y_train, y_test"),
        ({"x_validation": IMAGES}, "lacks y_validation"),
        ({"y_train": LABELS[:-1]}, "equally many examples"),
        ({"y_train": LABELS.astype(float)}, "class numbers .* not float64"),
        ({"y_test": LABELS[:8] - 1}, "class numbers"),
        ({"x_test": IMAGES[:8, :, :4]}, r"x_test has examples of shape \(6, 4, 3\), x_train of \(6, 5, 3\)"),
        ({"x_test": IMAGES[:8] / 255}, "both be uint8"),
        ({"x_train": IMAGES.reshape(40, -1)}, "is uint8, so images"),
        ({"x_train": np.full((40, 2), np.nan), "x_test": np.zeros((8, 2))}, "80 values that are not finite"),
        ({"x_train": np.zeros((40, 2, 2)), "x_test": np.zeros((8, 2, 2))}, "real numbers"),
        ({"y_train": MARKS[:, :5]}, r"must be classes \[N\] or, of images, one for every pixel .* not \(40, 5, 5\)"),
        ({"y_train": LABELS[:, None]}, r"must be classes .* not \(40, 1\)"),
        ({"y_train": MARKS}, r"must both be classes \[N\], or both of pixels"),
        ({"y_train": MARKS * 255}, r"holds 0 and 255 alone; write the mask as 0 and 1 \(y // 255\)"),
        ({"x_train": np.array(["a"] * 40)}, "must be uint8 images or real numbers"),
        ({"x_train": np.array([None] * 40)}, "cannot read .* plain arrays"),
    ],
)
def test_npz_says_what_is_wrong(tmp_path, changed, fault):
    with pytest.raises(data.DataError, match=fault) as caught:
        data.load(save(tmp_path / "a.npz", **changed))
    assert "\n" not in str(caught.value) and "a.npz" in str(caught.value)


def test_npz_that_is_none(tmp_path):
    np.save(tmp_path / "a.npy", IMAGES)
    (tmp_path / "text.npz").write_text("hello")
    spec = save(tmp_path / "torn.npz")
    content = (tmp_path / "torn.npz").read_bytes()
    (tmp_path / "torn.npz").write_bytes(content[: len(content) // 2])
    for file, fault in (("a.npy", "not an intact"), ("text.npz", "not an intact"), ("no.npz", "no file")):
        with pytest.raises(data.DataError, match=fault):
            data.load(f"npz(path='{tmp_path / file}')")
    with pytest.raises(data.DataError, match="not an intact .npz"):
        data.load(spec)
    damaged = bytearray(content)
    damaged[len(content) // 2] ^= 1
    (tmp_path / "torn.npz").write_bytes(damaged)
    with pytest.raises(data.DataError, match="cannot read .*CRC"):
        data.load(spec)


def write_images(root, classes=("cat", "dog"), count=20, size=(5, 6), mode="RGB"):
    random = np.random.RandomState(len(root.name))
    for name in classes:
        (root / name).mkdir(parents=True)
        for i in range(count):
            pixels = random.randint(0, 256, (size[1], size[0], 3)).astype(np.uint8)
            Image.fromarray(pixels).convert(mode).save(root / name / f"{i:03d}.png")
    return f"folder(path={str(root)!r})"


def test_folder_of_classes(tmp_path):
    spec = write_images(tmp_path / "all")
    (tmp_path / "all" / "cat" / "notes.txt").write_text("no image, so ignored")
    loaded = data.load(spec)
    assert loaded.train.x.shape == (29, 6, 5, 3) and loaded.train.x.dtype == np.uint8
    assert loaded.num_classes == 2
    assert np.bincount(loaded.test.y).tolist() == [4, 4] and len(loaded.validation.y) == 3
    with Image.open(tmp_path / "all" / "dog" / "003.png") as picture:
        dog = np.asarray(picture)
    found = [
        (split.y[i], role)
        for role, split in (("train", loaded.train), ("validation", loaded.validation), ("test", loaded.test))
        for i in range(len(split.y))
        if np.array_equal(split.x[i], dog)
    ]
    assert len(found) == 1 and found[0][0] == 1


def test_folder_with_splits_resized_and_grey(tmp_path):
    write_images(tmp_path / "all" / "train")
    write_images(tmp_path / "all" / "test", count=3, size=(9, 7), mode="L")
    loaded = data.load(f"folder(path='{tmp_path}/all',size=4,channels=1)")
    assert loaded.train.x.shape == (36, 4, 4, 1) and loaded.test.x.shape == (6, 4, 4, 1)
    assert loaded.test.y.tolist() == [0, 0, 0, 1, 1, 1]


def test_folder_says_what_is_wrong(tmp_path):
    def fails(path, fault, arguments=""):
        with pytest.raises(data.DataError, match=fault) as caught:
            data.load(f"folder(path={str(path)!r}{arguments})")
        assert "\n" not in str(caught.value)

    fails(tmp_path / "nowhere", "there is no folder")
    write_images(tmp_path / "one", classes=("cat",))
    fails(tmp_path / "one", "at least two folders")
    write_images(tmp_path / "mixed")
    Image.new("RGB", (9, 9)).save(tmp_path / "mixed" / "dog" / "big.png")
    fails(tmp_path / "mixed", r"big.png is \(9, 9\) and .* \(6, 5\)")
    assert data.load(f"folder(path='{tmp_path}/mixed',size=3)").train.x.shape[1:] == (3, 3, 3)
    (tmp_path / "mixed" / "dog" / "big.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    fails(tmp_path / "mixed", "cannot read the image .*big.png")
    write_images(tmp_path / "test_only" / "test")
    fails(tmp_path / "test_only", "no train")
    write_images(tmp_path / "strange" / "train")
    write_images(tmp_path / "strange" / "test", classes=("cat", "wolf"))
    fails(tmp_path / "strange", "class 'wolf'")
    write_images(tmp_path / "sizes" / "train")
    write_images(tmp_path / "sizes" / "test", size=(4, 4))
    fails(tmp_path / "sizes", "give folder")
    (tmp_path / "empty" / "a").mkdir(parents=True)
    (tmp_path / "empty" / "b").mkdir()
    fails(tmp_path / "empty", "has no images")
    with pytest.raises(SpecError, match="channels 1 or 3"):
        data.load("folder(path='x',channels=2)")
