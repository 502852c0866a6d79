"""The gap, the correlation of units, and the average over masks of dropout, against NumPy."""

import functools

import jax
import numpy as np
import pytest

from assay.config import Config
from assay.data import batches, load
from assay.spec import SpecError
from assay.sweep.pack import PackedProgram
from assay.tasks import TASKS
from assay.tasks.measured.generalise import coadaptation
from assay.train.canonical import canonical
from assay.train.loop import Program

QUICK = {"xla_backend_optimization_level": 0}  # compiles faster


@functools.cache
def digits():
    return load("digits"), batches.put_on_device(load("digits"))


@functools.cache
def trained(task, dropout=0.5):
    model = f"mlp(depth=1,dropout={dropout},width=16)"
    config = canonical(Config(task=task, model=model, lr=0.2, batch_size=100, epochs=2, evals=1, probe=()))
    data, device = digits()
    packed = PackedProgram(Program(config, data), "loop", device, QUICK)
    carry = packed.advance(packed.start([config]), packed.trials([config]), 0, packed.program.steps)
    return packed, carry


def examined(task, dropout=0.5):
    packed, carry = trained(task, dropout)
    return packed.program.examine(carry.train_state, 0).metrics


def forward(split):
    """Hidden units and the scaled network's wrong answers, by NumPy."""
    data, _ = digits()
    layers = jax.tree.map(np.asarray, trained("generalise")[1].train_state.params)
    x = (split.x.reshape(len(split.y), -1) / 255 - data.mean) / data.std
    hidden = np.tanh(x @ layers["Dense_0"]["kernel"] + layers["Dense_0"]["bias"])
    logits = hidden @ layers["Dense_1"]["kernel"] + layers["Dense_1"]["bias"]
    return hidden, layers["Dense_1"], logits.argmax(1) != split.y


def test_it_trains_and_answers_as_classify():
    (ours, state), (other, theirs) = trained("generalise"), trained("classify")
    jax.tree.map(np.testing.assert_array_equal, state.train_state.params, theirs.train_state.params)
    jax.tree.map(np.testing.assert_array_equal, ours.finish(state), other.finish(theirs))


def test_gap_and_coadaptation_against_numpy():
    data, _ = digits()
    found = examined("generalise")
    assert tuple(found) == TASKS["generalise"]().findings
    gap = forward(data.test)[2].mean() - forward(data.train)[2].mean()
    assert gap and found["gap_error"] == pytest.approx(gap, abs=1e-6)
    units = forward(data.test)[0].T
    pairs = [abs(np.corrcoef(units[i], units[j])[0, 1]) for i in range(16) for j in range(i)]
    assert found["coadaptation"] == pytest.approx(np.mean(pairs), rel=1e-4)


def test_coadaptation_of_planted_layers():
    random = np.random.default_rng(0)
    unit = random.normal(size=(5000, 1))
    copies, independent = np.concatenate([unit, -2 * unit, unit + 1], axis=1), random.normal(size=(5000, 4))
    assert coadaptation([copies]) == pytest.approx(1)
    assert coadaptation([independent]) < 0.03
    assert coadaptation([copies, independent]) == pytest.approx(0.5, abs=0.02)
    dead = np.concatenate([copies[:, :2], np.zeros((5000, 3))], axis=1)
    assert coadaptation([dead]) == pytest.approx(1)  # a dead unit depends on none
    assert np.isnan(coadaptation([np.zeros((9, 4))]))


def test_many_masks_average_what_numpy_draws():
    """At the readout of one hidden layer: the mean probability over masks, drawn here by NumPy."""
    data, _ = digits()
    hidden, readout, scaled = forward(data.test)
    random, total = np.random.default_rng(0), 0.0
    for _ in range(300):
        logits = (hidden * random.integers(0, 2, hidden.shape) * 2) @ readout["kernel"] + readout["bias"]
        p = np.exp(logits - logits.max(1, keepdims=True))
        total = total + p / p.sum(1, keepdims=True)
    expected = np.mean(total.argmax(1) != data.test.y)
    test_error = lambda task: float(trained(task)[0].finish(trained(task)[1])["test_error"][0])
    assert test_error("generalise(masks=100)") == pytest.approx(expected, abs=0.012)
    # One mask alone is far worse than both; so the average is one.
    assert test_error("generalise(masks=1)") > max(expected, scaled.mean()) + 0.05


def test_without_dropout_masks_change_nothing():
    plain, masked = (trained(task, 0.0) for task in ("generalise", "generalise(masks=2)"))
    before, after = (packed.finish(carry) for packed, carry in (plain, masked))
    for name, value in before.items():
        np.testing.assert_allclose(after[name], value, rtol=1e-5)


def test_a_negative_number_of_masks_is_refused():
    with pytest.raises(SpecError, match="masks must be at least 0, not -1"):
        Program(Config(task="generalise(masks=-1)"), digits()[0])
