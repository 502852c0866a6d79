"""Learners in a network's place: their answers in JAX are scikit-learn's, example by example."""

import functools
import importlib

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from assay.data import load
from assay.spec import SpecError
from assay.tasks import Batch, LOSSES, Problem, TASKS

module = importlib.import_module("assay.tasks.baseline")  # the function has the module's name
fitted, data, stacked = module._fitted, module._Data, module._stacked
DATA = load("parity(dims=3,n=800)")
MEAN, STD = DATA.mean, DATA.std
PROBLEM = Problem(None, LOSSES["cross_entropy"](), DATA, 10)  # no model is asked for
THEIRS = {
    "nearest_neighbours": [KNeighborsClassifier(k) for k in (1, 3, 9, 27)],
    "tree": [DecisionTreeClassifier(min_samples_leaf=n, random_state=0) for n in (1, 4, 16)],
    "forest": [RandomForestClassifier(100, min_samples_leaf=n, random_state=0) for n in (1, 4, 16)],
}
every_learner = pytest.mark.parametrize("learner", THEIRS)


def scaled(split):
    return ((split.x - MEAN) / STD).astype(np.float32)


@functools.cache
def made(learner):
    task = TASKS["baseline"](learner=learner).make(PROBLEM)
    return task, task.init(jax.random.key(0), jnp.asarray(scaled(DATA.train)[:5]), optax.sgd(0.1))


@every_learner
def test_its_error_and_loss_are_those_of_the_best_on_validation(learner):
    fits = [fit.fit(scaled(DATA.train), DATA.train.y) for fit in THEIRS[learner]]
    best = max(fits, key=lambda fit: fit.score(scaled(DATA.validation), DATA.validation.y))
    p = best.predict_proba(scaled(DATA.test))
    task, state = made(learner)
    found = jax.jit(task.evaluate)(state, jnp.asarray(scaled(DATA.test)), jnp.asarray(DATA.test.y), None)
    np.testing.assert_array_equal(found["error"], p.argmax(1) != DATA.test.y)
    p = np.maximum(p, 1e-6)
    expected = np.log(p.sum(1)) - np.log(p[np.arange(len(p)), DATA.test.y])
    np.testing.assert_allclose(found["loss"], expected, rtol=1e-4, atol=1e-5)
    assert 0 < np.mean(found["error"]) < 0.5


@every_learner
def test_a_step_changes_nothing(learner):
    task, state = made(learner)
    x, y = jnp.asarray(scaled(DATA.train)[:20]), jnp.asarray(DATA.train.y[:20])
    after, loss = jax.jit(lambda s: task.step(s, Batch(x, y, jax.random.key(1), jnp.int32(0)), optax.sgd(0.1)))(state)
    jax.tree.map(np.testing.assert_array_equal, after, state)
    assert loss == 0


def test_a_fit_is_kept_for_the_same_data_alone():
    kept = fitted("tree", data(DATA, DATA.fingerprint))
    again = load("parity(dims=3,n=800)")
    assert fitted("tree", data(again, again.fingerprint)) is kept
    other = load("parity(dims=3,n=804)")
    assert fitted("tree", data(other, other.fingerprint)) is not kept


def test_an_example_on_a_threshold_goes_left_and_one_above_it_right():
    """Thresholds are float64 in scikit-learn and float32 here."""
    tree = DecisionTreeClassifier().fit(np.array([[0.1], [0.2]], np.float32), [0, 1]).tree_
    threshold = tree.threshold[0]
    arrays = stacked([tree], np.arange(2), 2)
    near = np.float32(threshold) + np.spacing(np.float32(threshold)) * np.arange(-2, 3, dtype=np.float32)
    np.testing.assert_array_equal(near <= arrays["threshold"][0, 0], near.astype(np.float64) <= threshold)


def test_what_it_does_not_take():
    with pytest.raises(ValueError, match="forest"):
        TASKS["baseline"](learner="forrest")
    with pytest.raises(SpecError, match="every pixel"):
        TASKS["baseline"]().make(Problem(None, LOSSES["cross_entropy"](), load("membranes(cell=8,n=10,size=32)"), 1))
