"""Scores of samples against scipy and on planted sets."""

import functools

import numpy as np
import pytest
from scipy import stats

from assay.data import load
from assay.tasks.adversarial.sample_scores import nearest, parzen, precision_recall, SampleScores, SCORES

random = np.random.default_rng(0)


def test_parzen_is_the_log_density_of_the_mixture():
    x, centers, sigma = random.normal(size=(6, 3)), random.normal(size=(9, 3)), 0.4
    density = np.mean([stats.multivariate_normal(c, sigma**2 * np.eye(3)).pdf(x) for c in centers], axis=0)
    found = parzen(x, centers, [0.1, sigma])
    assert found[1] == pytest.approx(np.mean(np.log(density)), rel=1e-5) and found[0] != found[1]


def test_parzen_of_far_points_stays_finite():
    far = parzen(np.full((1, 700), 5.0, np.float32), np.zeros((4, 700), np.float32), [0.05])[0]
    assert far == pytest.approx(-700 * 25 / (2 * 0.05**2) - 350 * np.log(2 * np.pi * 0.05**2), rel=1e-5)


def test_precision_and_recall_of_planted_sets():
    left, right = random.normal(size=(300, 2)), random.normal(size=(300, 2)) + 100
    both = np.concatenate([left[:150], right[:150]])
    assert precision_recall(both, both, 3) == (1, 1)
    assert precision_recall(left, right, 3) == (0, 0)
    precision, recall = precision_recall(both, left[150:], 3)  # half of the modes, and nothing else
    assert precision > 0.8 and 0.35 < recall <= 0.5
    precision, recall = precision_recall(left[150:], both, 3)
    assert 0.35 < precision <= 0.5 and recall > 0.8


def test_a_ball_reaches_the_third_neighbour():
    """By loops, as the paper's algorithm 1."""
    real, made = random.normal(size=(20, 2)), random.normal(size=(15, 2)) + 0.7

    def share(points, inside):
        radii = [sorted(np.linalg.norm(inside - p, axis=1))[3] for p in inside]
        return np.mean([any(np.linalg.norm(x - p) <= r for p, r in zip(inside, radii)) for x in points])

    assert precision_recall(real, made, 3) == (share(made, real), share(real, made))


def test_nearest():
    x, among = random.normal(size=(7, 4)), random.normal(size=(30, 4))
    squares = ((x[:, None] - among[None]) ** 2).sum(-1)
    distances, index = nearest(x, among)
    np.testing.assert_array_equal(index, squares.argmin(1))
    np.testing.assert_allclose(distances, np.sqrt(squares.min(1)), rtol=1e-6)


@functools.cache
def scores():
    return SampleScores(load("digits"))


def of(x):
    return scores().of(x.astype(np.float32) / 255)


def test_new_real_images_are_good_samples():
    """The validation split: never seen by what is measured, and by nobody copied."""
    data = load("digits")
    metrics, text, close = of(data.validation.x)
    assert tuple(metrics) == SCORES
    assert metrics["coverage"] == 10 and metrics["precision"] > 0.75 and metrics["recall"] > 0.75
    assert metrics["copies_error"] < 0.05 and metrics["classifier_error"] < 0.05
    assert close.shape == data.validation.x.shape and 0 <= close.min() and close.max() <= 1
    assert "340 samples" in text and f"of {len(data.train.y)} training examples" in text


def test_copies_are_found():
    metrics, _, close = of(load("digits").train.x[:200])
    assert metrics["copies_error"] == 1
    np.testing.assert_allclose(close, load("digits").train.x[:200] / np.float32(255), rtol=1e-6)


def test_a_class_that_is_missing_is_missed():
    data = load("digits")
    metrics, text, _ = of(data.validation.x[np.isin(data.validation.y, (0, 1, 4, 6))])
    assert 4 <= metrics["coverage"] <= 5 and metrics["recall"] < 0.6 and metrics["precision"] > 0.75


def test_noise_is_none_of_it():
    noise = random.integers(0, 256, (200, 8, 8, 1))
    metrics, *_ = of(noise)
    real, *_ = of(load("digits").train.x)
    assert metrics["precision"] < 0.05 and metrics["log_likelihood"] < real["log_likelihood"] - 10


def test_undefined_samples_are_refused():
    with pytest.raises(ValueError, match="samples must be finite"):
        of(np.full((4, 8, 8, 1), np.nan))
