"""What all tasks share whose step is one gradient step of one network on one loss."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from assay.models import Model, Output
from assay.tasks.task import Batch, Signals, TrainState

# (params, state, batch, offsets) -> (loss, (Output, state)); `offsets` as in assay.models.Model.apply.
Objective = Callable[[Any, Any, Batch, Mapping[str, jax.Array]], tuple[jax.Array, tuple[Output, Any]]]


class Supervised(NamedTuple):
    """`init`, `step` and `signals` of a Task."""

    init: Callable[..., TrainState]
    step: Callable[..., tuple[TrainState, jax.Array]]
    signals: Callable[..., Signals]


def supervised(model: Model, objective: Objective) -> Supervised:
    """Minimises an objective by its gradient."""

    def init(key, x, tx):
        params, state = model.init(key, x)
        return TrainState(params, state, tx.init(params))

    def step(train_state, batch, tx):
        def of_params(params):
            value, (_, state) = objective(params, train_state.state, batch, {})
            return value, state

        (value, state), gradients = jax.value_and_grad(of_params, has_aux=True)(train_state.params)
        updates, opt_state = tx.update(gradients, train_state.opt_state, train_state.params)
        return TrainState(optax.apply_updates(train_state.params, updates), state, opt_state), value

    def signals(train_state, batch):
        def forward(params, offsets):
            return objective(params, train_state.state, batch, offsets)

        shapes: Output = jax.eval_shape(forward, train_state.params, {})[1][0]
        zeros = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), shapes.preactivations)
        gradients, (output, _) = jax.grad(forward, argnums=(0, 1), has_aux=True)(train_state.params, zeros)
        return Signals(output, preactivation_gradients=gradients[1], gradients=gradients[0])

    return Supervised(init, step, signals)
