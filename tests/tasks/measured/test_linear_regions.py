"""Counts of linear regions by the task, on networks whose count is known; what it refuses."""

import functools

import jax
import numpy as np
import pytest

from assay import models, theory
from assay.data import load
from assay.data.batches import standardised
from assay.spec import SpecError
from assay.tasks import LOSSES, Problem, TASKS, TrainState
from assay.tasks.measured import plane

XOR = load("xor(n=200)")


def made(dataset=XOR, model="mlp(depth=2,width=4)", activation="relu", norm="none"):
    build = functools.partial(models.build, model, activation=activation, init="zeros", norm=norm)
    return TASKS["linear_regions"]().make(
        Problem(lambda outputs: build(outputs=outputs), LOSSES["cross_entropy"](), dataset, 1)
    )


def square():
    side = plane.square(XOR).side
    return np.asarray(standardised(np.array([[-side, -side], [side, side]], np.float32), XOR.mean, XOR.std), float)


@pytest.mark.parametrize("inside,regions", [((0.001, 0.999), 16 * 37), ((0.05, 0.2), None)])
def test_a_folding_network_in_the_square_has_its_regions(inside, regions):
    low, high = square()
    first, second = theory.folding(2, [8, 8])
    scale = (inside[1] - inside[0]) / (high - low)  # the square becomes that part of the unit square
    shifted = theory.Layer(scale[:, None] * first.kernel, first.bias + (inside[0] - scale * low) @ first.kernel)
    readout = theory.Layer(np.ones((8, 2)), np.zeros(2))
    params = theory.params([shifted, second], readout)
    found = made(model="mlp(depth=2,width=8)").examine(TrainState(params, {}, None), jax.random.key(0))
    again = theory.layers(params)[:2]
    assert found.metrics["regions"] == (regions or theory.regions.count(again, low, high)) and found.pictures
    assert found.metrics["segments"] == theory.segments.pieces(again, low, high)


def test_leaky_units_switch_where_relu_does_and_pass_something_on():
    task = made(activation="leaky_relu(alpha=0.5)", model="mlp(depth=2,width=1)")
    ones = theory.Layer(np.ones((2, 1)), np.zeros(1)), theory.Layer(np.ones((1, 1)), np.full(1, 0.25))
    params = theory.params(ones, theory.Layer(np.ones((1, 2)), np.zeros(2)))
    metrics = task.examine(TrainState(params, {}, None), jax.random.key(0)).metrics
    assert metrics == {"regions": 3.0, "segments": 3.0}  # switches at x + y = 0 and, below it, at x + y = -1/2


def test_a_network_that_diverged_has_no_count():
    params = theory.params(
        [theory.Layer(np.full((2, 4), np.nan), np.zeros(4))], theory.Layer(np.ones((4, 2)), np.zeros(2))
    )
    metrics = made(model="mlp(depth=1,width=4)").examine(TrainState(params, {}, None), jax.random.key(0)).metrics
    assert all(np.isnan(value) for value in metrics.values())


@pytest.mark.parametrize(
    "of", [{"activation": "tanh"}, {"norm": "layer_norm"}, {"activation": "thresholded_linear"}]
)
def test_other_networks_are_refused(of):
    with pytest.raises(SpecError, match="takes an mlp with relu or leaky_relu and without norm"):
        made(**of)


def test_other_data_is_refused():
    with pytest.raises(SpecError, match="points of the plane, such as --dataset=spiral, not digits"):
        made(load("digits"))
