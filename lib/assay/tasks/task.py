"""Task: what is learnt, as four pure functions that the trainer, the sweep and the probe know nothing more about."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from assay.models import Output


class TrainState(NamedTuple):
    """Everything that training changes; arrays only."""

    params: Any
    state: Any
    opt_state: Any


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


class Task(NamedTuple):
    """A way of learning.

    Attributes:
      init: `(key, x, tx) -> TrainState`.
      step: `(train_state, x, y, key, tx) -> (TrainState, loss)`: one update.
      evaluate: `(train_state, x, y) -> {metric: [B]}`, without dropout or batch statistics.
      signals: `(train_state, x, y, key) -> Signals`.
    """

    init: Callable[..., TrainState]
    step: Callable[..., tuple[TrainState, jax.Array]]
    evaluate: Callable[..., dict[str, jax.Array]]
    signals: Callable[..., Signals]
