"""Evaluation over several views of an image is the mean of the logits of each."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from assay import models
from assay import spec as specs
from assay.data import load
from assay.spec import SpecError
from assay.tasks import LOSSES, Problem, TASKS, TrainState
from assay.tasks.views import averaged

X = np.random.default_rng(0).normal(size=(5, 6, 7, 2)).astype(np.float32)
WEIGHTS = np.random.default_rng(1).normal(size=(6 * 7 * 2, 3)).astype(np.float32)


def logits(x):
    return jnp.tanh(x.reshape(len(x), -1) @ WEIGHTS)


def test_views_are_weighted_as_the_paper_says():
    mirror = lambda x: x[:, :, ::-1]
    around = np.pad(X, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="reflect")
    moved = [around[:, :6, :7], around[:, 2:, 2:]]  # by a pixel each way
    weighted = [(X, 0.25), (mirror(X), 0.25)] + [(mirror(m), 0.125) for m in moved] + [(m, 0.125) for m in moved]
    expected = sum(weight * np.asarray(logits(np.ascontiguousarray(x))) for x, weight in weighted)
    np.testing.assert_allclose(averaged("shifted", logits)(jnp.asarray(X)), expected, atol=1e-6)
    both = (np.asarray(logits(X)) + np.asarray(logits(np.ascontiguousarray(mirror(X))))) / 2
    np.testing.assert_allclose(averaged("mirrored", logits)(jnp.asarray(X)), both, atol=1e-6)
    assert averaged("one", logits) is logits


def test_an_evaluation_counts_the_errors_of_the_mean():
    def model(outputs, shape=None):
        return models.build("mlp(depth=0)", activation="tanh", init="he_normal", norm="none", outputs=outputs)

    def task(spec):
        problem = Problem(model, specs.build(LOSSES, "cross_entropy", "loss"), load("digits"), 1)
        return specs.build(TASKS, spec, "task").make(problem)

    x, y = jax.random.normal(jax.random.key(0), (50, 8, 8, 1)), jnp.arange(50) % 10
    params, state = model(10).init(jax.random.key(1), x)
    found = task("classify(views='mirrored')").evaluate(TrainState(params, state, None), x, y, None)
    of = lambda x: np.asarray(model(10).apply(params, state, x, key=None, train=False)[0].logits)
    np.testing.assert_array_equal(found["error"], np.argmax(of(x) + of(x[:, :, ::-1]), -1) != np.asarray(y))
    assert not np.array_equal(found["error"], task("classify").evaluate(TrainState(params, state, None), x, y, None)["error"])


def test_wrong_views_and_examples_that_are_no_images():
    with pytest.raises(SpecError, match="views must be one of one, mirrored, shifted, not 'two'"):
        specs.build(TASKS, "classify(views='two')", "task")
    with pytest.raises(ValueError, match="needs images"):
        averaged("mirrored", logits)(jnp.ones((3, 4)))
