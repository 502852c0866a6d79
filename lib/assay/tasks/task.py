"""Task: what is learnt, as pure functions that the trainer, the sweep and the probe know nothing more about."""

from collections.abc import Callable, Mapping
import dataclasses
from typing import Any, NamedTuple

import jax
import numpy as np

from assay.data import Dataset
from assay.models import Model, Output
from assay.tasks.losses import AnyLoss


class TrainState(NamedTuple):
    """Everything that training changes; arrays only."""

    params: Any
    state: Any
    opt_state: Any


class Batch(NamedTuple):
    """What one step learns from.

    Attributes:
      x, y: examples and what is known of them, as `assay.data.Split` has them, x in the units of `Learning.inputs`.
      key: for the step's random numbers.
      step: int32, from 0.
    """

    x: jax.Array
    y: jax.Array
    key: jax.Array
    step: jax.Array


class Signals(NamedTuple):
    """What flows through a network at one step, for the probe.

    Attributes:
      output: the forward pass, with its named pre-activations and activations.
      preactivation_gradients: of the batch's loss, by the same names.
      gradients: of the parameters, in their structure.
    """

    output: Output
    preactivation_gradients: dict[str, jax.Array]
    gradients: Any


class Findings(NamedTuple):
    """What a trained network shows beyond its mean metrics; stored with the trial and drawn in the report.

    Attributes:
      metrics: numbers by the names of `Learning.findings`.
      pictures: title to uint8 `[rows, columns, H, W, C]`, C 1 or 3.
      texts: title to text.
    """

    metrics: Mapping[str, float] = {}
    pictures: Mapping[str, np.ndarray] = {}
    texts: Mapping[str, str] = {}


class Task(NamedTuple):
    """A way of learning with its model and data.

    Attributes:
      init: `(key, x, tx) -> TrainState`.
      step: `(train_state, batch, tx) -> (TrainState, loss)`: one update.
      evaluate: `(train_state, x, y, key) -> {metric: [B]}`, one number an example; the metrics of `Learning`.
        The key is the same for every trial and every evaluation of a batch.
      signals: `(train_state, batch) -> Signals`; None where no single network runs forward and back in a step, and
        nothing is probed.
      examine: `(train_state, key) -> Findings`, on the host, once, after training; None where there is nothing to add.
      labels: `(index [B]) -> y`: what a step has as labels of these training examples, in place of the data set's, before
        they are augmented; None for the labels as they are.
    """

    init: Callable[..., TrainState]
    step: Callable[..., tuple[TrainState, jax.Array]]
    evaluate: Callable[..., dict[str, jax.Array]]
    signals: Callable[..., Signals] | None = None
    examine: Callable[..., Findings] | None = None
    labels: Callable[[jax.Array], jax.Array] | None = None


@dataclasses.dataclass(frozen=True)
class Problem:
    """What a task is made for.

    Attributes:
      model: `(outputs, shape=None) -> Model`: the Config's model, with `outputs` as the size of its readout (or the
        shape of an example that it makes), and `shape` what an example's output must have: `(outputs,)` by default,
        None for sizes that are free, as in `(None, None, 2)`.
      loss: the Config's.
      dataset: the Config's.
      steps: of the whole run.
      batch_size: examples of a step.
    """

    model: Callable[..., Model]
    loss: AnyLoss
    dataset: Dataset
    steps: int
    batch_size: int = 1


@dataclasses.dataclass(frozen=True)
class Learning:
    """A way of learning, before it has a model and data: what an entry of TASKS makes.

    Attributes:
      make: `(Problem) -> Task`. Raises SpecError for a model, loss or data set that it cannot use.
      metrics: of `Task.evaluate`; "loss" is among them. Lower is better for all but
        `assay.metrics.HIGHER_IS_BETTER`; a name that ends in "error" is a fraction 0..1 and 1 for a run that diverged.
      target: the metric that tables show and that `target_error` waits for, on the training split; lower is better.
      findings: names of the metrics of `Task.examine`.
      inputs: "standardised": mean 0 and variance 1 by the training split; "unit": uint8 as 0..1, all else as it is.
      loss: the training loss that `loss=default` means; "own" for a task that admits no other.
    """

    make: Callable[[Problem], Task]
    metrics: tuple[str, ...] = ("loss", "error")
    target: str = "error"
    findings: tuple[str, ...] = ()
    inputs: str = "standardised"
    loss: str = "cross_entropy"
