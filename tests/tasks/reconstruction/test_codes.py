"""Retrieval and principal components against NumPy."""

import numpy as np
import pytest

from assay.tasks.reconstruction import codes

random = np.random.default_rng(0)


def by_hand(points, labels, queries):
    """Share of other classes among the ten nearest, one query at a time."""
    wrong = []
    for query in range(queries):
        distances = ((points - points[query]) ** 2).sum(1)
        distances[query] = np.inf
        wrong.append(np.mean(labels[np.argsort(distances)[:10]] != labels[query]))
    return np.mean(wrong)


def test_retrieval_error_is_the_share_of_other_classes(monkeypatch):
    points = random.normal(size=(120, 3)).astype(np.float32)
    labels = random.integers(0, 3, 120)
    points[:, 0] += labels
    error = codes.retrieval_error(points, labels)
    assert 0.1 < error < 0.7
    np.testing.assert_allclose(error, by_hand(points.astype(np.float64), labels, 120), rtol=1e-6)
    monkeypatch.setattr(codes, "QUERIES", 50)  # fewer look, but among all
    expected = by_hand(points.astype(np.float64), labels, 50)
    np.testing.assert_allclose(codes.retrieval_error(points, labels), expected, rtol=1e-6)


def test_retrieval_among_distant_classes_is_perfect_and_among_copies_by_chance():
    labels = np.repeat([0, 1], 30)
    apart = labels[:, None] * 100 + random.normal(size=(60, 2))
    assert codes.retrieval_error(apart, labels) == 0
    shuffled = random.permutation(labels)
    assert 0.2 < codes.retrieval_error(np.ones((60, 2)), shuffled) < 0.8


@pytest.mark.parametrize("value, classes", [(1.0, 1), (np.nan, 2)])
def test_retrieval_without_classes_or_numbers_is_undefined(value, classes):
    assert np.isnan(codes.retrieval_error(np.full((20, 2), value), np.arange(20) % classes))


@pytest.mark.parametrize("k", [1, 4])
def test_components_are_those_of_the_singular_values(k):
    train, test = (random.integers(0, 256, (n, 3, 2, 1)).astype(np.uint8) for n in (50, 20))
    train[:, 0] //= 4
    found = codes.Components(train, test, k)
    x, t = (a.reshape(len(a), -1) / 255 for a in (train, test))
    _, singular, directions = np.linalg.svd(x - x.mean(0), full_matrices=False)
    np.testing.assert_allclose(np.abs(np.sum(found.directions * directions[:k], 1)), 1, rtol=1e-4)
    np.testing.assert_allclose(found.discarded, (singular[k:] ** 2).sum() / 50 / 6, rtol=1e-4)
    rest = (t - x.mean(0)) @ (np.eye(6) - directions[:k].T @ directions[:k])
    np.testing.assert_allclose(found.mse, np.mean(rest**2), rtol=1e-4)


def test_discarded_eigenvalues_are_the_error_on_the_training_images():
    train = random.integers(0, 256, (40, 4, 2, 1)).astype(np.uint8)
    same = codes.Components(train, train, 3)
    np.testing.assert_allclose(same.discarded, same.mse, rtol=1e-4)


@pytest.mark.parametrize("degrees", [0.0, 2.0, 30.0, 90.0])
def test_subspace_angle_of_a_turned_plane(degrees):
    axes, angle = np.eye(5), np.radians(degrees)
    directions = axes[:2]
    turned = np.stack([axes[0], np.cos(angle) * axes[1] + np.sin(angle) * axes[3]])
    mixed = np.array([[2.0, 1.0], [-1.0, 3.0]]) @ turned  # another basis of the same plane
    angle = codes.subspace_angle(lambda z: np.asarray(z) @ mixed + 7.0, directions)
    np.testing.assert_allclose(angle, degrees, atol=1e-3)


def test_a_decoder_that_bends_has_no_angle():
    assert np.isnan(codes.subspace_angle(lambda z: np.tanh(np.asarray(z) @ np.eye(2, 5)), np.eye(5)[:2]))
