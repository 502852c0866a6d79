"""Linear probes: what a linear model reads off a layer, and how many dimensions it has."""

import dataclasses
import functools

import jax
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from assay.config import Config
from assay.data import batches, load, Split
from assay.spec import SpecError
from assay.sweep.pack import PackedProgram
from assay.tasks import TASKS
from assay.tasks.measured.linear_probe import participation_ratio, probe_error
from assay.train.canonical import canonical
from assay.train.loop import Program

QUICK = {"xla_backend_optimization_level": 0}  # compiles faster
BASE = Config(
    dataset="xor(n=400)", model="mlp(depth=2,width=16)", lr=0.5, batch_size=20, epochs=40, evals=1, probe=()
)
random = np.random.default_rng(0)


@functools.cache
def trained(task):
    """(program, carry) of one trial."""
    config = canonical(dataclasses.replace(BASE, task=task))
    data = load(config.dataset)
    packed = PackedProgram(Program(config, data), "loop", batches.put_on_device(data), QUICK)
    return packed, packed.advance(packed.start([config]), packed.trials([config]), 0, packed.program.steps)


def findings(task):
    packed, carry = trained(task)
    return packed.program.examine(packed.train_state(carry, 0), 0)


def test_a_trained_layer_makes_xor_linear_and_the_input_is_not():
    raw, last = (findings(f"linear_probe(layer={layer})").metrics for layer in (0, 2))
    assert tuple(raw) == tuple(last) == TASKS["linear_probe"]().findings
    assert raw["probe_error"] > 0.3 and last["probe_error"] < 0.05
    x = load(BASE.dataset).train.x
    eigenvalues = np.linalg.eigvalsh(np.corrcoef(x.T))  # inputs are standardised
    np.testing.assert_allclose(raw["dimension"], eigenvalues.sum() ** 2 / (eigenvalues**2).sum(), rtol=1e-3)


def test_without_training_the_network_is_the_initial_one():
    packed, carry = trained("linear_probe(layer=1,trained=False)")
    initial = packed.start([canonical(dataclasses.replace(BASE, task="linear_probe(layer=1,trained=False)"))])
    jax.tree.map(np.testing.assert_array_equal, carry.train_state.params, initial.train_state.params)
    assert 0 < findings("linear_probe(layer=1,trained=False)").metrics["probe_error"] < 0.5


def split(n, noise=1.5):
    y = random.integers(0, 3, n)
    return Split((np.eye(3)[y] * 3 + noise * random.normal(size=(n, 3))) @ np.diag([1.0, 1.0, 10.0]), y)


TRAIN, VALIDATION, TEST = split(300), split(200), split(500)


def test_a_probe_is_logistic_regression():
    scaler = StandardScaler().fit(TRAIN.x)
    fits = [LogisticRegression(C=c).fit(scaler.transform(TRAIN.x), TRAIN.y) for c in (0.01, 0.1, 1.0)]
    errors = [1 - fit.score(scaler.transform(TEST.x), TEST.y) for fit in fits]
    found = probe_error(TRAIN, VALIDATION, TEST, 0)
    assert min(abs(found - error) for error in errors) < 0.01 and found < 0.3


def test_components_leave_out_what_varies_least():
    # The third coordinate alone varies much, and alone tells class 2 from the others.
    one, two = (probe_error(TRAIN, VALIDATION, TEST, k) for k in (1, 2))
    assert one > 0.3 and one - two > 0.05
    assert probe_error(TRAIN, VALIDATION, TEST, 3) == pytest.approx(probe_error(TRAIN, VALIDATION, TEST, 99))


def test_participation_ratio():
    assert participation_ratio(random.normal(size=(100_000, 5))) == pytest.approx(5, abs=0.01)
    line = random.normal(size=(50, 1)) @ random.normal(size=(1, 4))
    assert participation_ratio(line) == pytest.approx(1)
    assert participation_ratio(np.ones((9, 3))) == 0
    assert participation_ratio(random.normal(size=(9, 1))) == pytest.approx(1)


@pytest.mark.parametrize("task", ["linear_probe(layer=3)", "unit_regions(layer=3)"])
def test_layers_that_are_not_there(task):
    with pytest.raises(SpecError, match="2 hidden layers"):
        Program(canonical(dataclasses.replace(BASE, task=task)), load(BASE.dataset))


@pytest.mark.parametrize("arguments,fault", [({"layer": -1}, "at least 0"), ({"trained": False}, "is the input")])
def test_senseless_arguments(arguments, fault):
    with pytest.raises(ValueError, match=fault):
        TASKS["linear_probe"](**arguments)


def test_regions_of_a_trained_network():
    straight, bent = (findings(f"unit_regions(layer={layer})") for layer in (1, 2))
    assert straight.metrics == {"nonconvexity": 0.0} and 0.005 < bent.metrics["nonconvexity"] < 0.5
    assert len(bent.pictures) == 3
