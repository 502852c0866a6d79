"""Contrastive divergence: a step by hand, layer by layer; what it learns; what it refuses; packs."""

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
from assay.models import dbn
from assay.spec import SpecError
from assay.sweep.pack import PackedProgram
from assay.tasks import Batch, LOSSES, Problem, TASKS
from assay.train.canonical import canonical
from assay.train.loop import Program, program_key

random = np.random.default_rng(0)
KEY = jax.random.key(0)
MODEL = "dbn(widths=(6,5))"
SETTINGS = {"activation": "sigmoid", "init": "meanfield(sigma_b2=0.1,sigma_w2=4.0)", "norm": "none"}
RATE = np.float32(0.1)
X = jnp.asarray(random.uniform(size=(12, 8, 8, 1)), jnp.float32)
CHEAP = {"xla_backend_optimization_level": 0}


def task_of(task="contrastive_divergence", model=MODEL, dataset="digits", steps=4, **kwargs):
    made = lambda outputs, shape=None: models.build(model, **(SETTINGS | kwargs), outputs=outputs, shape=shape)
    problem = Problem(made, LOSSES["own"](), load(dataset), steps)
    return specs.build(TASKS, task, "task").make(problem)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def contrasted(machine, v, key, k):
    """CD-k as Hinton 2010 (section 3) has it: hidden units drawn, visible ones by probability."""
    kernel, visible, hidden = (np.asarray(leaf, np.float64) for leaf in machine)
    first, end = sigmoid(v @ kernel + hidden), v
    for i in range(k):
        uniform = np.asarray(jax.random.uniform(jax.random.fold_in(key, i), (len(v), len(hidden))))
        end = sigmoid((uniform < sigmoid(end @ kernel + hidden)) @ kernel.T + visible)
    last = sigmoid(end @ kernel + hidden)
    return (v.T @ first - end.T @ last) / len(v), (v - end).mean(0), (first - last).mean(0)


@pytest.mark.parametrize("k", [1, 2])
def test_steps_by_hand(k):
    """Two machines, half the run each: every step moves the weights of one, by CD-k from what is below it."""
    task, tx = task_of(f"contrastive_divergence(k={k})"), optax.scale_by_learning_rate(lambda count: RATE)
    state = jax.jit(lambda: task.init(KEY, X, tx), compiler_options=CHEAP)()
    step = jax.jit(lambda state, key, at: task.step(state, Batch(X, None, key, at), tx), compiler_options=CHEAP)
    for at in (1, 2):
        key = jax.random.fold_in(KEY, at)
        after, loss = step(state, key, jnp.int32(at))
        assert np.isfinite(loss)
        first, second = dbn.layers(state.params)
        v = np.asarray(X, np.float64).reshape(12, -1)
        below = sigmoid(v @ np.asarray(first.kernel) + np.asarray(first.hidden))
        moves = [contrasted(first, v, key, k) if at == 1 else (0, 0, 0)]
        moves.append(contrasted(second, below, key, k) if at == 2 else (0, 0, 0))
        for old, new, expected in zip((first, second), dbn.layers(after.params), moves):
            for a, b, move in zip(old, new, expected):
                np.testing.assert_allclose((b - a) / RATE, np.broadcast_to(move, a.shape), rtol=1e-3, atol=2e-5)
        state = after


def test_metrics_of_one_machine_by_hand():
    task = task_of(model="rbm(hidden=5)")
    state = jax.jit(lambda: task.init(KEY, X, optax.sgd(0.1)), compiler_options=CHEAP)()
    (machine,) = dbn.layers(state.params)
    kernel, visible, hidden = (np.asarray(leaf, np.float64) for leaf in machine)
    v = np.asarray(X, np.float64).reshape(12, -1)
    made = sigmoid(sigmoid(v @ kernel + hidden) @ kernel.T + visible)
    found = jax.jit(task.evaluate, compiler_options=CHEAP)(state, X, None, KEY)
    np.testing.assert_allclose(found["loss"], -(v * np.log(made) + (1 - v) * np.log(1 - made)).sum(1), rtol=1e-4)
    np.testing.assert_allclose(found["mse"], ((v - made) ** 2).mean(1), rtol=1e-4)
    free = -v @ visible - np.log1p(np.exp(v @ kernel + hidden)).sum(1)
    np.testing.assert_allclose(found["free_energy"], free, rtol=1e-4)


# Through the trainer.

BASE = canonical(
    Config(
        task="contrastive_divergence",
        model="dbn(widths=(40,30))",
        activation="sigmoid",
        init="normal(std=0.01)",
        optimizer="momentum",
        lr=0.05,
        epochs=10,
        evals=1,
        batch_size=50,
    )
)


@functools.cache
def trained(mapping, seeds=(0, 1)):
    data = load("digits")
    program = Program(program_key(BASE), data)
    pack = PackedProgram(program, mapping, batches.put_on_device(data), CHEAP)
    configs = [dataclasses.replace(BASE, seed=seed) for seed in seeds]
    carry = pack.advance(pack.start(configs), pack.trials(configs), 0, program.steps)
    return program, pack, carry


def numbers(carry, count):
    leaves = [np.asarray(leaf).reshape(count, -1) for leaf in jax.tree.leaves(carry.train_state)]
    return np.concatenate(leaves, axis=1)


def test_packed_is_solo():
    together, alone = numbers(trained("map")[2], 2), numbers(trained("loop", (1,))[2], 1)
    np.testing.assert_array_equal(together[1], alone[0])
    assert np.isfinite(together).all() and np.any(together[0] != together[1])


def test_reconstructions_get_better():
    _, pack, carry = trained("loop", (1,))
    before = pack.progress_of(carry)[1][0, 0, BASE_METRICS.index("train_mse")]
    final = pack.finish(carry)
    assert final["test_mse"][0] < 0.5 * before
    assert final["test_loss"][0] < 30 and abs(final["train_mse"][0] - final["test_mse"][0]) < 0.01


BASE_METRICS = [f"{role}_{name}" for role in ("train", "validation") for name in ("loss", "mse", "free_energy")]


def test_findings():
    program, pack, carry = trained("loop", (1,))
    state, data = pack.train_state(carry, 0), program.dataset
    found = program.examine(state, 0)
    (gap,) = found.metrics.values()
    assert tuple(found.metrics) == TASKS["contrastive_divergence"]().findings
    bottom, stack = dbn.layers(state.params)[0], dbn.layers(state.params)
    means = []
    for split in (data.train, data.validation):
        v = np.asarray(split.x[:2000].reshape(-1, 64), np.float64) / 255
        hidden = np.log1p(np.exp(v @ np.asarray(bottom.kernel) + np.asarray(bottom.hidden)))
        means.append((-v @ np.asarray(bottom.visible) - hidden.sum(1)).mean())
    np.testing.assert_allclose(gap, means[1] - means[0], rtol=1e-3, atol=1e-3)
    shown = found.pictures["examples and their reconstructions"]
    assert shown.shape == (2, 10, 8, 8, 1) and shown.dtype == np.uint8
    np.testing.assert_array_equal(shown[0], data.train.x[:10])
    samples = found.pictures["samples"].reshape(100, 64) / 255
    assert samples.std(0).max() > 0.1  # not all alike
    apart = np.linalg.norm(samples[:, None] - data.train.x[:500].reshape(1, -1, 64) / 255, axis=-1).min(1)
    noise = random.uniform(size=(100, 1, 64))
    from_noise = np.linalg.norm(noise - data.train.x[:500].reshape(1, -1, 64) / 255, axis=-1).min(1)
    assert apart.mean() < 0.7 * from_noise.mean()
    assert len(stack) == 2


@pytest.mark.parametrize("task", ["contrastive_divergence", "deep_belief"])
@pytest.mark.parametrize(
    "given, line",
    [
        ({"activation": "tanh"}, "units are sigmoid, so this task takes --activation=sigmoid alone"),
        ({"activation": "maxout"}, "units are sigmoid, so this task takes --activation=sigmoid alone"),
        ({"norm": "batch_norm"}, "no normalisation, so this task takes --norm=none alone"),
        ({"dtype": jnp.bfloat16}, "computed in float32, so --dtype would change nothing"),
        ({"model": "mlp(depth=1,width=4)"}, "trains Boltzmann machines: --model=rbm or --model=dbn"),
        ({"dataset": "gauss"}, "visible units take values from 0 to 1; gauss has"),
        ({"dataset": "catch"}, "visible units take images with one label each, as mnist has; catch has other"),
    ],
)
def test_what_machines_do_not_have(task, given, line):
    with pytest.raises(SpecError, match=line):
        task_of(task, **given)


def test_no_gibbs_step_is_refused():
    with pytest.raises(SpecError, match="k must be 1 Gibbs step or more, not 0"):
        task_of("contrastive_divergence(k=0)")
