"""TFDS's genuine builders without TensorFlow: real MNIST and Fashion-MNIST, CIFAR in its original format."""

import importlib.util
import shutil

import numpy as np
import pytest

from assay import data
from assay.spec import SpecError

TENSORFLOW = importlib.util.find_spec("tensorflow") is not None
MNIST_TRAIN = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
MNIST_TEST = [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def counts(split: data.Split) -> np.ndarray:
    return np.bincount(split.y)


def test_mnist_is_the_real_one(real_data):
    mnist = data.load("mnist", real_data)  # from the cache: the raw files and the prepared set are gone
    assert (mnist.name, mnist.num_classes) == ("mnist", 10)
    assert mnist.train.x.shape == (55000, 28, 28, 1) and mnist.train.x.dtype == np.uint8
    assert mnist.train.y.dtype == np.int32
    np.testing.assert_array_equal(counts(mnist.train) + counts(mnist.validation), MNIST_TRAIN)
    np.testing.assert_array_equal(counts(mnist.test), MNIST_TEST)
    assert len(mnist.validation.y) == 5000
    assert np.abs(counts(mnist.validation) - np.array(MNIST_TRAIN) / 12).max() < 1  # stratified
    whole = np.concatenate([mnist.train.x, mnist.validation.x])
    np.testing.assert_allclose([whole.mean() / 255, whole.std() / 255], [0.1307, 0.3081], atol=5e-5)
    np.testing.assert_allclose([mnist.mean[0], mnist.std[0]], [0.1307, 0.3081], atol=5e-4)
    assert "mnist/3.0.1" in mnist.note and "validation: 5,000 held out" in mnist.note


def test_fashion_prepared_at_the_same_time_is_not_mixed_with_mnist(real_data):
    fashion = data.load("fashion_mnist", real_data)
    np.testing.assert_array_equal(counts(fashion.train), [5500] * 10)
    np.testing.assert_array_equal(counts(fashion.test), [1000] * 10)
    test = fashion.test.x / 255
    np.testing.assert_allclose([test.mean(), test.std()], [0.2868, 0.3524], atol=5e-5)
    np.testing.assert_allclose([fashion.mean[0], fashion.std[0]], [0.2860, 0.3530], atol=5e-4)


@pytest.mark.parametrize("name", ["cifar10", "cifar100"])
def test_cifar_arrives_pixel_for_pixel(cifar, name):
    folder = cifar(name)
    loaded = data.load(name, folder)
    classes = 10 if name == "cifar10" else 100
    assert loaded.num_classes == classes
    assert [len(split.y) for split in (loaded.train, loaded.validation, loaded.test)] == [900, 100, 200]
    np.testing.assert_array_equal(counts(loaded.test), [200 // classes] * classes)
    random = np.random.RandomState(0)
    sizes = [200] * 6 if name == "cifar10" else [1000, 200]
    raw = np.concatenate([random.randint(0, 256, (size, 3072)) for size in sizes]).astype(np.uint8)
    labels = np.concatenate([np.arange(size) % classes for size in sizes])
    expected = {(image.tobytes(), label) for image, label in zip(raw, labels)}
    x = np.concatenate([loaded.train.x, loaded.validation.x, loaded.test.x])
    y = np.concatenate([loaded.train.y, loaded.validation.y, loaded.test.y])
    planes = x.transpose(0, 3, 1, 2).reshape(-1, 3072)  # back to red, green, blue planes
    assert {(image.tobytes(), label) for image, label in zip(planes, y)} == expected
    assert not (folder / "extracted" / name).exists()


def test_later_starts_need_the_cache_alone(cifar):
    folder = cifar()
    first = data.load("cifar10", folder)
    for raw in ("manual", "cifar10", "downloads"):
        shutil.rmtree(folder / raw)
    second = data.load("cifar10", folder)
    assert (second.name, second.note, second.fingerprint) == (first.name, first.note, first.fingerprint)
    for role in ("train", "validation", "test"):
        for now, then in zip(getattr(second, role), getattr(first, role)):
            np.testing.assert_array_equal(now, then)
            assert now.dtype == then.dtype
    np.testing.assert_array_equal([second.mean, second.std], [first.mean, first.std])


def test_a_flipped_byte_in_the_raw_archive_is_named_with_both_checksums(cifar):
    from tensorflow_datasets.core.download import checksums

    folder = cifar()
    archive = folder / "manual" / "cifar10" / "cifar-10-binary.tar.gz"
    expected = checksums.compute_url_info(archive).checksum
    content = bytearray(archive.read_bytes())
    content[len(content) // 2] ^= 1
    archive.write_bytes(content)
    with pytest.raises(data.DataError) as caught:
        data.load("cifar10", folder)
    message = str(caught.value)
    assert "\n" not in message and str(archive) in message
    assert f"expected sha256 {expected}" in message
    assert f"found sha256 {checksums.compute_url_info(archive).checksum}" in message


def test_a_damaged_file_in_the_download_cache_is_removed_not_trusted(cifar, capsys):
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.download import resource

    folder = cifar()
    ((url, expected),) = tfds.builder_cls("cifar10").url_infos.items()
    kept = folder / "downloads" / "cifar10" / resource.get_dl_fname(url, expected.checksum)
    kept.parent.mkdir(parents=True)
    (folder / "manual" / "cifar10" / "cifar-10-binary.tar.gz").rename(kept)
    resource.write_info_file(url, tfds.core.as_path(kept), "cifar10", "cifar-10-binary.tar.gz", expected)
    content = kept.read_bytes()
    kept.write_bytes(content[:-100])
    with pytest.raises(data.DataError, match="cannot be downloaded"):
        data.load("cifar10", folder)
    assert "is damaged" in capsys.readouterr().err and not kept.exists()
    kept.write_bytes(content)
    assert len(data.load("cifar10", folder).test.y) == 200


@pytest.mark.parametrize(
    "name,file", [("mnist", "t10k-labels-idx1-ubyte.gz"), ("kmnist", "train-images-idx3-ubyte.gz")]
)
def test_without_network_one_line_says_what_to_put_where(tmp_path, monkeypatch, name, file):
    for scheme in ("http", "https"):  # a port nobody listens on: offline wherever this test runs
        monkeypatch.setenv(f"{scheme}_proxy", "http://127.0.0.1:9")
    with pytest.raises(data.DataError) as caught:
        data.load(name, tmp_path)
    message = str(caught.value)
    assert "\n" not in message
    assert "cannot be downloaded" in message and file in message and "http" in message
    assert str(tmp_path / "manual" / name) in message


@pytest.mark.parametrize(
    "spec,fault",
    [
        ("imagenet2012", "fixed shape"),
        ("lm1b", "not an image classification set"),
        ("emnist(config='lettres')", "did you mean 'letters'"),
        ("kmnist(config='letters')", "has no configurations"),
        pytest.param(
            "coco",
            "needs the package tensorflow",
            marks=pytest.mark.skipif(TENSORFLOW, reason="TensorFlow is installed"),
        ),
    ],
)
def test_unsuitable_sets_are_refused_in_one_line(tmp_path, spec, fault):
    with pytest.raises(data.DataError, match=fault) as caught:
        data.load(spec, tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("spec,fault", [("mnits", "did you mean 'mnist'"), ("mnist(a=3)", "argument 'a'")])
def test_wrong_specs_are_spec_errors(tmp_path, spec, fault):
    with pytest.raises(SpecError, match=fault):
        data.load(spec, tmp_path)
