"""Regression: real numbers from an example."""

import jax.numpy as jnp

from assay.spec import SpecError
from assay.tasks.losses import per_example
from assay.tasks.supervised import supervised
from assay.tasks.task import Learning, Problem, Task


def regress() -> Learning:
    """Learns real targets `[B, K]` by minimising the mean of the loss over a batch.

    Metrics: loss; mse, the squared error in the mean over the K numbers, whatever the loss.
    """
    return Learning(make=_task, metrics=("loss", "mse"), target="mse", loss="squared_error")


def _task(problem: Problem) -> Task:
    targets = problem.dataset.train.y
    if not jnp.issubdtype(targets.dtype, jnp.floating) or targets.ndim != 2:
        raise SpecError(f"regress takes data with real targets, such as sinc; {problem.dataset.name} has labels")
    model, loss = problem.model(targets.shape[1]), per_example(problem.loss)

    def objective(params, state, batch, offsets):
        output, state = model.apply(params, state, batch.x, key=batch.key, train=True, offsets=offsets)
        return jnp.mean(loss(output.logits, batch.y)), (output, state)

    def evaluate(train_state, x, y, key):
        del key
        output, _ = model.apply(train_state.params, train_state.state, x, key=None, train=False)
        return {"loss": loss(output.logits, y), "mse": jnp.mean(jnp.square(output.logits - y), axis=-1)}

    init, step, signals = supervised(model, objective)
    return Task(init, step, evaluate, signals)
