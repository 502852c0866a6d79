"""Committees: each member trains as it would alone, and answers are averaged as NumPy averages them."""

import dataclasses
import functools
import types

import jax
import numpy as np
import pytest

from assay.config import Config
from assay.data import batches, load
from assay.spec import SpecError
from assay.sweep.pack import PackedProgram
from assay.tasks import LOSSES, Problem, TASKS
from assay.train.canonical import canonical
from assay.train.loop import Program

QUICK = {"xla_backend_optimization_level": 0}  # compiles faster
MODEL = "mlp(depth=1,dropout=0.2,width=8)"  # dropout: members draw their own numbers
THREE = canonical(
    Config(task="ensemble(members=3)", model=MODEL, lr=0.2, batch_size=100, epochs=2, evals=2, probe=())
)


@functools.cache
def digits():
    return load("digits"), batches.put_on_device(load("digits"))


@functools.cache
def packed(task, mapping):
    data, device = digits()
    return PackedProgram(Program(dataclasses.replace(THREE, task=task), data), mapping, device, QUICK)


@functools.cache
def trained(task, mapping="loop", seeds=(0,)):
    program, configs = packed(task, mapping), [dataclasses.replace(THREE, seed=seed, task=task) for seed in seeds]
    return program.advance(program.start(configs), program.trials(configs), 0, program.program.steps)


def params(task, member=None):
    return jax.tree.map(
        lambda leaf: np.asarray(leaf if member is None else leaf[member]), trained(task).train_state.params
    )


@pytest.mark.parametrize("task", ["ensemble(members=1)", "ensemble(members=3)"])
def test_the_first_member_is_the_network_that_classify_trains(task):
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), params(task, 0), params("classify")
    )


def test_a_committee_of_one_has_the_metrics_of_classify():
    one, alone = (packed(task, "loop").finish(trained(task)) for task in ("ensemble(members=1)", "classify"))
    for name, value in alone.items():
        np.testing.assert_allclose(one[name], value, rtol=1e-5)
        np.testing.assert_allclose(one[name.replace("error", "member_error")], value, rtol=1e-5)


def test_errors_are_of_averaged_probabilities():
    data, _ = digits()
    x = (data.test.x.reshape(len(data.test.y), -1) / 255 - data.mean) / data.std
    p = []
    for member in range(3):
        layers = params("ensemble(members=3)", member)
        hidden = np.tanh(x @ layers["Dense_0"]["kernel"] + layers["Dense_0"]["bias"])
        logits = hidden @ layers["Dense_1"]["kernel"] + layers["Dense_1"]["bias"]
        p.append(np.exp(logits) / np.exp(logits).sum(1, keepdims=True))
    error = lambda *who: np.mean(np.mean([p[i] for i in who], axis=0).argmax(1) != data.test.y)
    found = packed("ensemble(members=3)", "loop").program.examine(trained("ensemble(members=3)").train_state, 0)
    expected = [
        (error(0) + error(1) + error(2)) / 3, (error(0, 1) + error(1, 2) + error(2, 0)) / 3, error(0, 1, 2)
    ]  # fmt: skip
    assert tuple(found.metrics) == TASKS["ensemble"](members=3).findings
    np.testing.assert_allclose([*found.metrics.values()], expected, atol=1e-6)
    assert len(set(expected)) == 3  # members do differ
    metrics = packed("ensemble(members=3)", "loop").finish(trained("ensemble(members=3)"))
    np.testing.assert_allclose(metrics["test_error"][0], expected[2], atol=1e-6)
    np.testing.assert_allclose(metrics["test_member_error"][0], expected[0], atol=1e-6)


def test_packed_is_solo():
    both = trained("ensemble(members=3)", "map", (0, 3))
    for i, seed in enumerate((0, 3)):
        alone = trained("ensemble(members=3)", "loop", (seed,))
        for together, solo in zip(jax.tree.leaves(both), jax.tree.leaves(alone), strict=True):
            np.testing.assert_array_equal(together[i], solo)


def test_what_cannot_be_averaged_is_refused():
    labelled = types.SimpleNamespace(y=np.zeros((4, 8, 8), np.int32))
    problem = Problem(None, LOSSES["cross_entropy"](), types.SimpleNamespace(train=labelled, name="maps"), 1)
    with pytest.raises(SpecError, match="maps has a label at every pixel"):
        TASKS["ensemble"]().make(problem)
    with pytest.raises(ValueError, match="members must be at least 1, not 0"):
        TASKS["ensemble"](members=0)
