"""Idx files: every fault in one line, the transposition, and EMNIST's letters themselves."""

import gzip
import struct

import numpy as np
import pytest

from assay.data import DataError, load
from assay.data.idx import array

X, Y = np.arange(20 * 3 * 4, dtype=np.uint8).reshape(20, 3, 4), np.tile(np.arange(1, 3, dtype=np.uint8), 10)


def packed(values):
    return bytes([0, 0, 8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape) + values.tobytes()


@pytest.fixture
def files(tmp_path):
    for role, part in (("train", slice(0, 16)), ("t10k", slice(16, 20))):
        (tmp_path / f"mine-{role}-images-idx3-ubyte.gz").write_bytes(gzip.compress(packed(X[part])))
        (tmp_path / f"mine-{role}-labels-idx1-ubyte").write_bytes(packed(Y[part]))
    return tmp_path


def test_images_labels_and_transposition(files):
    upright = load(f"idx(path='{files}',first=1)")
    assert upright.test.x.shape == (4, 3, 4, 1) and upright.num_classes == 2
    np.testing.assert_array_equal(upright.test.x[..., 0], X[16:])
    np.testing.assert_array_equal(upright.test.y, Y[16:] - 1)
    assert len(upright.train.y) + len(upright.validation.y) == 16
    turned = load(f"idx(path='{files}',first=1,transposed=True)")
    np.testing.assert_array_equal(turned.test.x[..., 0], X[16:].swapaxes(1, 2))


@pytest.mark.parametrize(
    "name, content, fault",
    [
        ("mine-train-images-idx3-ubyte.gz", None, "must have one file named ...train...images..."),
        ("other-train-images", packed(X), "must have one file named ...train...images..."),
        ("mine-train-labels-idx1-ubyte", packed(Y[:3]), r"images \(16, 3, 4\) and labels \(3,\)"),
        ("mine-train-labels-idx1-ubyte", packed(np.zeros(16, np.uint8)), r"the label 0, below idx\(first=1\)"),
        ("mine-t10k-images-idx3-ubyte.gz", gzip.compress(packed(X[:4, :2])), r"test images are \(2, 4, 1\)"),
        ("mine-t10k-images-idx3-ubyte.gz", gzip.compress(packed(X))[:-9], "cannot read"),
        ("mine-t10k-labels-idx1-ubyte", packed(Y)[:-1], r"19 bytes follow its head, which says \(20,\)"),
        ("mine-t10k-labels-idx1-ubyte", b"PK\3\4rest", "is no idx file of bytes"),
        ("mine-t10k-labels-idx1-ubyte", b"", "is no idx file of bytes"),
    ],
)
def test_a_fault_is_one_line(files, name, content, fault):
    file = files / name
    file.unlink() if content is None else file.write_bytes(content)
    with pytest.raises(DataError, match=fault) as raised:
        load(f"idx(path='{files}',first=1)")
    assert "\n" not in str(raised.value)


def test_no_folder(tmp_path):
    with pytest.raises(DataError, match="there is no folder"):
        load(f"idx(path='{tmp_path / 'nowhere'}')")


def test_letters_of_emnist_stand_upright(shared_data):
    folder = shared_data / "emnist_letters"
    labels = array(folder / "emnist-letters-test-labels-idx1-ubyte.gz")
    assert labels.shape == (20_800,) and np.bincount(labels).tolist() == [0, *[800] * 26]
    letters = load(f"idx(path='{folder}',first=1,transposed=True)")
    assert letters.num_classes == 26 and letters.test.x.shape == (20_800, 28, 28, 1)
    # The mean T has its bar on top, the mean I its stroke in the middle.
    mean = {name: letters.test.x[letters.test.y == ord(name) - ord("A"), ..., 0].mean(axis=0) for name in "IT"}
    assert mean["T"][:14].sum() > 1.3 * mean["T"][14:].sum()
    assert mean["I"][:, 10:18].sum() > mean["I"][10:18].sum()
