"""Classification: one label an example."""

import jax
import jax.numpy as jnp
import optax

from assay.models import Model, Output
from assay.tasks.losses import Loss
from assay.tasks.task import Signals, Task, TrainState


def classify(model: Model, loss: Loss) -> Task:
    """Learns labels by minimising the mean of `loss` over a batch. Metrics: loss, error (0 or 1 an example)."""

    def init(key, x, tx):
        params, state = model.init(key, x)
        return TrainState(params, state, tx.init(params))

    def objective(params, state, x, y, key, offsets):
        output, state = model.apply(params, state, x, key=key, train=True, offsets=offsets)
        return jnp.mean(loss(output.logits, y)), (output, state)

    def step(train_state, x, y, key, tx):
        def of_params(params):
            value, (_, state) = objective(params, train_state.state, x, y, key, {})
            return value, state

        (value, state), gradients = jax.value_and_grad(of_params, has_aux=True)(train_state.params)
        updates, opt_state = tx.update(gradients, train_state.opt_state, train_state.params)
        return TrainState(optax.apply_updates(train_state.params, updates), state, opt_state), value

    def evaluate(train_state, x, y):
        output, _ = model.apply(train_state.params, train_state.state, x, key=None, train=False)
        wrong = jnp.argmax(output.logits, -1) != y
        # NaN logits have an argmax too; an undefined answer is a wrong one.
        wrong |= ~jnp.all(jnp.isfinite(output.logits), -1)
        return {"loss": loss(output.logits, y), "error": wrong.astype(jnp.float32)}

    def signals(train_state, x, y, key):
        def forward(params, offsets):
            return objective(params, train_state.state, x, y, key, offsets)

        shapes: Output = jax.eval_shape(forward, train_state.params, {})[1][0]
        zeros = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), shapes.preactivations)
        gradients, (output, _) = jax.grad(forward, argnums=(0, 1), has_aux=True)(train_state.params, zeros)
        return Signals(output, preactivation_gradients=gradients[1], gradients=gradients[0])

    return Task(init, step, evaluate, signals)
