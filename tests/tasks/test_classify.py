"""Classification: what a step, an evaluation and the signals are."""

import functools
import math
import types

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from assay import models
from assay import spec as specs
from assay.tasks import Batch, LOSSES, Problem, TASKS

random = np.random.default_rng(0)
X = jnp.asarray(random.normal(size=(12, 6)), jnp.float32)
Y = jnp.asarray(random.integers(0, 4, 12), jnp.int32)
KEY = jax.random.key(0)
BATCH = Batch(X, Y, jax.random.key(1), jnp.int32(0))


def task_of(model="mlp(depth=2,width=8)", loss="cross_entropy", outputs=4, **kwargs):
    settings = {"activation": "tanh", "init": "lecun_normal", "norm": "none"} | kwargs
    made = models.build(model, outputs=outputs, **settings) if isinstance(model, str) else model
    # Of the data, classification asks for the number of classes, and whether it is in the plane.
    dataset = types.SimpleNamespace(num_classes=outputs, train=types.SimpleNamespace(x=np.asarray(X)))
    problem = Problem(lambda outputs: made, specs.build(LOSSES, loss, "loss"), dataset, 1)
    return specs.build(TASKS, "classify", "task").make(problem)


def start(task, x=X, tx=optax.sgd(0.1)):
    return jax.jit(lambda: task.init(KEY, x, tx), compiler_options={"xla_backend_optimization_level": 0})()


def evaluate(task, state, x=X, y=Y):
    return jax.jit(task.evaluate)(state, x, y, KEY)


def constant(logits):
    """A model that answers every example alike, whatever its parameter."""
    logits = jnp.asarray(logits, jnp.float32)

    def apply(params, state, x, *, key, train, offsets={}):
        spread = jnp.broadcast_to(logits[None], (x.shape[0], *logits.shape)) + params["shift"]
        return models.Output(spread, {}, {}, {}), state

    return models.Model(lambda key, x: ({"shift": jnp.float32(0)}, {}), apply)


@pytest.mark.parametrize("loss", ["cross_entropy", "cross_entropy(smoothing=0.1)"])
def test_a_network_of_zeros_answers_by_chance(loss):
    task = task_of(init="zeros", loss=loss)
    metrics = evaluate(task, start(task))
    np.testing.assert_allclose(metrics["loss"], math.log(4), rtol=1e-6)
    assert metrics["loss"].shape == metrics["error"].shape == (12,)
    np.testing.assert_array_equal(metrics["error"], Y != 0)  # the first of equal logits


def test_errors_are_zero_or_one_an_example():
    task = task_of(constant([0.0, 3.0, -1.0, 2.0]))
    metrics = evaluate(task, start(task))
    np.testing.assert_array_equal(metrics["error"], Y != 1)
    assert metrics["error"].dtype == metrics["loss"].dtype == jnp.float32


@pytest.mark.parametrize("sick", [[np.nan] * 4, [np.nan, 0, 0, 0], [0, 0, 0, np.nan], [np.inf, 0, 0, 0]])
def test_an_undefined_answer_is_wrong_for_every_label(sick):
    task = task_of(constant(sick))
    state = start(task)
    np.testing.assert_array_equal(evaluate(task, state)["error"], 1)


@functools.cache
def trained(norm):
    task, tx = task_of(norm=norm), optax.sgd(0.1)
    before = start(task)
    after, loss = jax.jit(functools.partial(task.step, tx=tx))(before, BATCH)
    return task, before, after, loss


@pytest.mark.parametrize("norm", ["none", "batch_norm", "layer_norm"])
def test_a_step_goes_downhill_and_reports_the_loss_before_it(norm):
    task, before, after, loss = trained(norm)
    tx = optax.sgd(0.1)
    _, later = jax.jit(functools.partial(task.step, tx=tx))(after, BATCH)
    assert later < loss
    if norm != "batch_norm":  # evaluation has the same statistics as training
        np.testing.assert_allclose(jnp.mean(evaluate(task, before)["loss"]), loss, rtol=1e-5)
        np.testing.assert_allclose(jnp.mean(evaluate(task, after)["loss"]), later, rtol=1e-5)


def test_a_step_is_minus_rate_times_the_gradient():
    task, before, after, _ = trained("none")
    loss = lambda params: jnp.mean(task.evaluate(before._replace(params=params), X, Y, KEY)["loss"])
    gradients = jax.jit(jax.grad(loss))(before.params)
    expected = jax.tree.map(lambda p, g: p - np.float32(0.1) * g, before.params, gradients)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), after.params, expected)
    signals = jax.jit(task.signals)(before, BATCH)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), signals.gradients, gradients)


def test_running_statistics_move_in_training_only():
    task, before, after, _ = trained("batch_norm")
    moved = jax.tree.map(lambda a, b: bool(np.any(a != b)), before.state, after.state)
    assert len(jax.tree.leaves(moved)) == 4 and all(jax.tree.leaves(moved))
    copies = jax.tree.map(np.array, after)
    one = evaluate(task, after, X[:1], Y[:1])
    all_of_them = evaluate(task, after)
    np.testing.assert_allclose(one["loss"], all_of_them["loss"][:1], rtol=1e-5)  # no statistics of the batch
    jax.tree.map(np.testing.assert_array_equal, after, copies)
    jax.jit(task.signals)(after, BATCH)
    jax.tree.map(np.testing.assert_array_equal, after, copies)


def test_signals_are_of_the_step_with_the_same_key():
    """Dropout included: the update follows from the gradients that the probe sees."""
    tx = optax.sgd(0.5)
    task = task_of("strided_cnn(padding='SAME')")
    x = jnp.asarray(random.normal(size=(4, 6, 6, 1)), jnp.float32)
    before = start(task, x, tx)
    updates = {}

    @jax.jit
    def both(key):
        batch = Batch(x, Y[:4], key, jnp.int32(0))
        after, _ = task.step(before, batch, tx)
        signals = task.signals(before, batch)
        return after.params, signals.gradients, signals.preactivation_gradients, signals.output.preactivations

    for seed in (1, 2):
        after, gradients, signal, preactivations = both(jax.random.key(seed))
        followed = jax.tree.map(lambda p, g: p - np.float32(0.5) * g, before.params, gradients)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), after, followed)
        shapes = lambda tree: jax.tree.map(lambda leaf: leaf.shape, tree)
        assert shapes(signal) == shapes(preactivations) and len(signal) == 4
        updates[seed] = gradients["Dense_0"]["kernel"]
    assert np.any(updates[1] != updates[2])


def test_train_state_holds_arrays_only():
    _, before, after, _ = trained("batch_norm")
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves((before, after)))
    assert jax.tree.structure(before) == jax.tree.structure(after)


def test_squared_error_of_zeros_is_one_label():
    task = task_of(loss="squared_error", init="zeros")
    metrics = evaluate(task, start(task))
    np.testing.assert_allclose(metrics["loss"], 1.0)
