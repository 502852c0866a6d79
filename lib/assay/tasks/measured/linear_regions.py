"""Classification of points of the plane by ReLU networks, whose linear regions are counted exactly."""

import math

import jax
import numpy as np

from assay import theory
from assay.data.batches import standardised
from assay.models import Model
from assay.spec import SpecError
from assay.tasks.classify import classify
from assay.tasks.measured import plane
from assay.tasks.task import Learning, Problem, Task


def linear_regions() -> Learning:
    """Classifies, and counts the linear regions in the square that holds the training examples (`plane.square`).

    For `mlp` with relu or leaky_relu and without normalisation. Findings: `regions`, on which no unit switches, and
    `segments`, into which they cut the square's diagonal; NaN of a network whose parameters are not finite.
    """
    return Learning(make=_task, findings=("regions", "segments"))


def _task(problem: Problem) -> Task:
    dataset = problem.dataset
    if not plane.is_plane(dataset):
        raise SpecError(f"linear_regions takes points of the plane, such as --dataset=spiral, not {dataset.name}")
    side = plane.square(dataset).side
    corners = np.array([[-side, -side], [side, side]], np.float32)
    low, high = np.asarray(standardised(corners, dataset.mean, dataset.std), float)
    slope = _slope(problem.model(dataset.num_classes))
    base = classify().make(problem)

    def examine(train_state, key):
        *hidden, _ = theory.layers(train_state.params)
        counts = [math.nan, math.nan]
        if all(np.isfinite(array).all() for layer in hidden for array in layer):
            counts = [theory.regions.count(hidden, low, high, slope), theory.segments.pieces(hidden, low, high, slope)]
        metrics = dict(zip(linear_regions().findings, map(float, counts)))
        return base.examine(train_state, key)._replace(metrics=metrics)

    return base._replace(examine=examine)


def _slope(model: Model) -> float:
    """The activation's slope below zero, by running the model with random parameters.

    Raises:
      SpecError: the model is not made of dense layers and of units with one kink, at zero.
    """
    random = np.random.default_rng(0)
    x = random.normal(size=(64, 2)).astype(np.float32)
    params, state = jax.eval_shape(model.init, jax.random.key(0), x)
    params = jax.tree.map(lambda leaf: random.normal(size=leaf.shape).astype(np.float32), params)
    wrong = SpecError("linear_regions takes an mlp with relu or leaky_relu and without norm")
    if state or any(not name.startswith("Dense_") for name in params):
        raise wrong
    output, _ = jax.jit(model.apply, static_argnames="train")(params, {}, x, key=None, train=False)
    *hidden, readout = theory.layers(params)
    slope = 0.0
    if output.activations:
        z, y = (np.asarray(of[min(of)], float) for of in (output.preactivations, output.activations))
        slope = float(np.median(y[z < 0] / z[z < 0]))
    logits = theory.hidden(hidden, x.astype(float), slope) @ readout.kernel + readout.bias
    if not np.allclose(logits, output.logits, rtol=1e-3, atol=1e-4 * np.abs(logits).max()):
        raise wrong
    return slope
