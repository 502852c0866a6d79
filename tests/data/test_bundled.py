"""digits and the toys: what they are, and that they never change."""

import numpy as np
import pytest
from sklearn import datasets
from sklearn.linear_model import LogisticRegression

from assay import data
from assay.spec import SpecError


def test_digits_are_scikit_learns_split_by_class():
    digits = data.load("digits")
    assert [split.x.shape for split in (digits.train, digits.validation, digits.test)] == [
        (1100, 8, 8, 1),
        (340, 8, 8, 1),
        (357, 8, 8, 1),
    ]
    original = datasets.load_digits()
    raw = original.images.astype(np.uint8)
    pixels = {(image.tobytes(), label) for image, label in zip(raw, original.target)}
    splits = (digits.train, digits.validation, digits.test)
    ours = [(image.tobytes(), label) for split in splits for image, label in zip(split.x // 15, split.y)]
    assert len(ours) == 1797 and set(ours) == pixels  # disjoint: the 1,797 images are distinct
    assert len(pixels) == 1797
    for split in splits:
        share = np.bincount(original.target) * len(split.y) / 1797
        assert np.abs(np.bincount(split.y) - share).max() < 2
    scaled = digits.train.x / 255
    np.testing.assert_allclose([digits.mean[0], digits.std[0]], [scaled.mean(), scaled.std()], rtol=1e-6)
    assert digits.num_classes == 10 and "scikit-learn" in digits.note


def test_digits_never_change():
    expected = "11078f0648c8"
    assert data.load("digits").fingerprint.startswith(expected)


@pytest.mark.parametrize("name", ["xor", "circle", "gauss", "spiral"])
@pytest.mark.parametrize("noise,n", [(0.0, 400), (0.2, 401)])
def test_toys_are_balanced_points_in_the_plane(name, noise, n):
    toy, again = (data.load(f"{name}(noise={noise},n={n})") for _ in range(2))
    splits = (toy.train, toy.validation, toy.test)
    assert sum(len(split.y) for split in splits) == n and len(toy.test.y) == len(toy.validation.y) == n // 4
    for split in splits:
        assert split.x.dtype == np.float32 and split.x.shape == (len(split.y), 2)
        assert 0.35 < split.y.mean() < 0.65 and np.abs(split.x).max() < 12
    assert toy.num_classes == 2 and "synthetic" in toy.note and toy.name == again.name
    assert toy.fingerprint == again.fingerprint != data.load(f"{name}(noise={noise + 0.1},n={n})").fingerprint


def accuracy(features: np.ndarray, labels: np.ndarray) -> float:
    return LogisticRegression(C=1e6, max_iter=1000).fit(features, labels).score(features, labels)


def test_what_a_straight_line_can_separate():
    x, y = data.load("gauss").train
    assert accuracy(x, y) > 0.99
    for name in ("xor", "circle", "spiral"):
        x, y = data.load(name).train
        assert accuracy(x, y) < 0.75
    x, y = data.load("xor").train
    assert accuracy(x[:, :1] * x[:, 1:], y) == 1
    x, y = data.load("circle").train
    assert accuracy((x**2).sum(axis=1, keepdims=True), y) > 0.99


def test_spiral_without_noise_lies_on_its_arms():
    x, y = data.load("spiral").train
    radius, angle = np.hypot(*x.T), np.arctan2(x[:, 0], x[:, 1])
    turn = (angle - 1.75 * 2 * np.pi * radius / 5 - np.pi * (1 - y)) / (2 * np.pi)
    centre = radius > 0.01  # the angle of the origin is undefined
    np.testing.assert_allclose((turn - np.round(turn))[centre], 0, atol=1e-4)


def test_gauss_has_the_playgrounds_variance():
    x, y = data.load("gauss(noise=0.5,n=20000)").train
    np.testing.assert_allclose(x[y == 1].mean(axis=0), [2, 2], atol=0.15)
    np.testing.assert_allclose(x[y == 0].var(axis=0), [4, 4], rtol=0.1)


@pytest.mark.parametrize("spec,fault", [("xor(noise=0.6)", "noise must be"), ("gauss(n=3)", "at least 16")])
def test_toys_refuse_senseless_arguments(spec, fault):
    with pytest.raises(SpecError, match=fault):
        data.load(spec)
