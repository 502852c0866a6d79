"""Pre-training: a layer's step by hand, what each phase moves, few labels, what it refuses, packs."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from assay import models
from assay import spec as specs
from assay.config import Config
from assay.data import batches, load
from assay.spec import SpecError
from assay.sweep.pack import PackedProgram
from assay.tasks import Batch, LOSSES, Problem, TASKS
from assay.train.canonical import canonical
from assay.train.loop import Program, program_key

random = np.random.default_rng(0)
KEY = jax.random.key(0)
SETTINGS = {"activation": "sigmoid", "init": "meanfield(sigma_b2=0.1,sigma_w2=4.0)", "norm": "none"}
X = jnp.asarray(random.uniform(size=(12, 8, 8, 1)), jnp.float32)
Y = jnp.asarray(random.integers(0, 10, 12), jnp.int32)
CHEAP = {"xla_backend_optimization_level": 0}
RATE = np.float32(0.1)
TX = optax.scale_by_learning_rate(lambda count: RATE)


def task_of(task="pretrain", model="mlp(depth=2,width=6)", dataset="digits", steps=6, **kwargs):
    made = lambda outputs, shape=None: models.build(model, **(SETTINGS | kwargs), outputs=outputs, shape=shape)
    problem = Problem(made, LOSSES["cross_entropy"](), load(dataset), steps)
    return specs.build(TASKS, task, "task").make(problem)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


@functools.cache
def stepped(spec, steps, dtype=jnp.float32):
    """TrainStates before and after each of these steps, one after the other."""
    task = task_of(spec, dtype=dtype)
    states = [jax.jit(lambda: task.init(KEY, X, TX), compiler_options=CHEAP)()]
    step = jax.jit(
        lambda state, at: task.step(state, Batch(X, Y, jax.random.fold_in(KEY, at), at), TX), compiler_options=CHEAP
    )
    for at in steps:
        state, loss = step(states[-1], jnp.int32(at))
        assert np.isfinite(loss)
        states.append(state)
    return states


def moves(before, after):
    return jax.tree.map(lambda a, b: (np.asarray(b, np.float64) - np.asarray(a)) / RATE, before.params, after.params)


def contrasted(kernel, visible, hidden, v, key):
    uniform = np.asarray(jax.random.uniform(jax.random.fold_in(key, 0), (len(v), len(hidden))))
    first = sigmoid(v @ kernel + hidden)
    end = sigmoid((uniform < first) @ kernel.T + visible)
    last = sigmoid(end @ kernel + hidden)
    return (v.T @ first - end.T @ last) / len(v), (v - end).mean(0), (first - last).mean(0)


def encoded(kernel, visible, hidden, v, key):
    """Down the gradient of half the squared error of sigmoid(v W + b) W' + a."""
    h = sigmoid(v @ kernel + hidden)
    missed = v - (h @ kernel.T + visible)
    back = missed @ kernel * h * (1 - h)
    return (missed.T @ h + v.T @ back) / len(v), missed.mean(0), back.mean(0)


@pytest.mark.parametrize("stack, update", [("rbm", contrasted), ("autoencoder", encoded)])
def test_steps_by_hand(stack, update):
    """Six steps: two layers share three of them (2 and 1, or 1 and 2), the network has the rest."""
    states = stepped(f"pretrain(stack='{stack}')", (0, 2, 3))
    layers = [(f"Dense_{i}", f"Down_{i}") for i in range(2)]
    v = np.asarray(X, np.float64).reshape(12, -1)
    for i, (at, (name, down)) in enumerate(zip((0, 2), layers)):
        before = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), states[i].params)
        if i == 1:
            v = sigmoid(v @ before["Dense_0"]["kernel"] + before["Dense_0"]["bias"])
        own, found = before[name], moves(states[i], states[i + 1])
        expected = update(own["kernel"], before[down]["bias"], own["bias"], v, jax.random.fold_in(KEY, at))
        for a, b in zip((found[name]["kernel"], found[down]["bias"], found[name]["bias"]), expected):
            np.testing.assert_allclose(a, b, rtol=1e-3, atol=5e-5)
        others = {key: value for key, value in found.items() if key not in (name, down)}
        assert all(np.all(leaf == 0) for leaf in jax.tree.leaves(others))


@pytest.mark.parametrize("stack", ["rbm", "autoencoder"])
def test_fine_tuning_is_a_step_of_classification(stack):
    before, after = stepped(f"pretrain(stack='{stack}')", (0, 2, 3))[-2:]
    names = ("Dense_0", "Dense_1", "Dense_2")
    network = before._replace(params={name: before.params[name] for name in names}, opt_state=TX.init({}))
    batch = Batch(X, Y, jax.random.fold_in(KEY, 3), jnp.int32(3))
    expected, _ = task_of("classify").step(network, batch, TX)
    found = moves(before, after)
    assert all(np.all(found[f"Down_{i}"]["bias"] == 0) for i in range(2))
    for name in names:
        close = functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6)
        jax.tree.map(close, after.params[name], expected.params[name])
        assert np.any(found[name]["kernel"] != 0)


def test_without_a_stack_it_is_classification():
    task, other = task_of("pretrain(stack='none')"), task_of("classify")
    state, same = task.init(KEY, X, TX), other.init(KEY, X, TX)
    batch = Batch(X, Y, KEY, jnp.int32(0))
    both = [jax.tree.leaves(each.step(of, batch, TX)) for each, of in ((task, state), (other, same))]
    for a, b in zip(*both, strict=True):
        np.testing.assert_array_equal(a, b)


# Few labels.


def test_a_share_of_the_labels_is_known_equally_of_every_class():
    labels = task_of("pretrain(labelled=0.1)").labels
    y = load("digits").train.y
    seen = np.asarray(labels(jnp.arange(len(y))))
    known = seen >= 0
    assert known.sum() == round(0.1 * len(y)) and set(seen[~known]) == {-1}
    np.testing.assert_array_equal(seen[known], y[known])
    np.testing.assert_allclose(np.bincount(y[known]), np.bincount(y) * 0.1, atol=1)
    assert task_of("pretrain").labels is None


@pytest.mark.parametrize("spec", ["pretrain(labelled=0.5)", "pretrain(labelled=0.5,stack='none')"])
def test_examples_without_a_label_teach_no_label(spec):
    """A step of a batch with two labels is one of those two examples alone."""
    task, at = task_of(spec), jnp.int32(5)
    state = task.init(KEY, X, TX)
    masked = jnp.where(jnp.arange(12) < 2, Y, -1)
    step = jax.jit(lambda y: task.step(state, Batch(X, y, KEY, at), TX), compiler_options=CHEAP)
    found, loss = step(masked)
    network = state._replace(params={f"Dense_{i}": state.params[f"Dense_{i}"] for i in range(3)}, opt_state=TX.init({}))
    expected, alone = task_of("classify").step(network, Batch(X[:2], Y[:2], KEY, at), TX)
    np.testing.assert_allclose(loss, alone, rtol=1e-5)
    for name, values in expected.params.items():
        jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-5, atol=1e-6), found.params[name], values)
    none, loss = step(jnp.full(12, -1))
    assert loss == 0
    jax.tree.map(np.testing.assert_array_equal, none.params, state.params)


# What it refuses.


@pytest.mark.parametrize(
    "arguments, line",
    [
        ("stack='gan'", "stack must be one of rbm, autoencoder, none, not 'gan'"),
        ("share=0.0", "share must be between 0 and 1, not 0.0; stack=none leaves pre-training out"),
        ("share=0.3,stack='none'", "nothing is pre-trained, so share=0.3 would change nothing"),
        ("k=2,stack='autoencoder'", "with stack=autoencoder, k=2 would change nothing"),
        ("labelled=0.0", "labelled must be above 0 and at most 1, not 0.0"),
    ],
)
def test_wrong_arguments(arguments, line):
    with pytest.raises(SpecError, match=line):
        specs.build(TASKS, f"pretrain({arguments})", "task")


@pytest.mark.parametrize(
    "task, given, line",
    [
        ("pretrain", {"activation": "tanh"}, "units are sigmoid, so this task takes --activation=sigmoid alone"),
        ("pretrain", {"dtype": jnp.bfloat16}, "computed in float32, so --dtype would change nothing"),
        ("pretrain", {"dataset": "spiral"}, "visible units take values from 0 to 1; spiral has"),
        ("pretrain", {"norm": "batch_norm"}, "dense layers in a row without normalisation, such as --model=mlp"),
        ("pretrain", {"model": "mlp(depth=0)"}, "dense layers in a row without normalisation, such as --model=mlp"),
        ("pretrain", {"model": "resnet(depth=8,width=2)"}, "dense layers in a row without normalisation"),
        ("pretrain(stack='autoencoder')", {"activation": "maxout"}, "one pre-activation a unit, so not maxout"),
        ("pretrain(labelled=0.001)", {}, "labelled=0.001 leaves 1 labels for 10 classes; choose more"),
    ],
)
def test_what_it_cannot_pretrain(task, given, line):
    with pytest.raises(SpecError, match=line):
        task_of(task, **given)


def test_an_autoencoder_takes_any_activation_and_input_and_bfloat16():
    task_of("pretrain(stack='autoencoder')", activation="relu", dataset="spiral")
    states = stepped("pretrain(stack='autoencoder')", (0,), jnp.bfloat16)
    assert {leaf.dtype for leaf in jax.tree.leaves(states[-1].params)} == {jnp.dtype("float32")}


# Through the trainer.


def test_packed_is_solo_and_learns():
    model = {"task": "pretrain(labelled=0.5)", "model": "mlp(depth=2,width=24)", "activation": "sigmoid"}
    base = canonical(Config(**model, optimizer="adam", lr=0.01, epochs=8, evals=1))
    data = load("digits")
    program = Program(program_key(base), data)
    configs = [dataclasses.replace(base, seed=seed) for seed in (0, 1)]

    def run(configs, mapping):
        pack = PackedProgram(program, mapping, batches.put_on_device(data), CHEAP)
        carry = pack.advance(pack.start(configs), pack.trials(configs), 0, program.steps)
        leaves = [np.asarray(leaf).reshape(len(configs), -1) for leaf in jax.tree.leaves(carry.train_state)]
        return np.concatenate(leaves, axis=1), pack.finish(carry)["test_error"]

    with jax.numpy_dtype_promotion("standard"):  # Adam raises a float32 to an int32 power
        together, alone = run(configs, "map"), run(configs[1:], "loop")
    np.testing.assert_array_equal(together[0][1], alone[0][0])
    assert np.any(together[0][0] != together[0][1])
    assert alone[1][0] < 0.4
