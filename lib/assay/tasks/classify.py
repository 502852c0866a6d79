"""Classification: one label an example."""

from collections.abc import Callable

import jax.numpy as jnp

from assay.data import Dataset
from assay.models import Model
from assay.spec import SpecError
from assay.tasks.losses import per_example
from assay.tasks.measured import plane
from assay.tasks.supervised import supervised
from assay.tasks.task import Findings, Learning, Problem, Task


def classify() -> Learning:
    """Learns labels by minimising the mean of the loss over a batch. Metrics: loss, error (0 or 1 an example).

    Of data with two numbers an example, the answer and the hidden units are drawn over the plane.
    """
    return Learning(make=_task)


def _task(problem: Problem) -> Task:
    if problem.dataset.num_classes < 2:
        raise SpecError("classify takes data with two classes at least; real targets, such as sinc's, are for regress")
    model, loss = problem.model(problem.dataset.num_classes), per_example(problem.loss)

    def objective(params, state, batch, offsets):
        output, state = model.apply(params, state, batch.x, key=batch.key, train=True, offsets=offsets)
        return jnp.mean(loss(output.logits, batch.y)), (output, state)

    def evaluate(train_state, x, y, key):
        del key
        output, _ = model.apply(train_state.params, train_state.state, x, key=None, train=False)
        wrong = jnp.argmax(output.logits, -1) != y
        # NaN logits have an argmax too; an undefined answer is a wrong one.
        wrong |= ~jnp.all(jnp.isfinite(output.logits), -1)
        return {"loss": loss(output.logits, y), "error": wrong.astype(jnp.float32)}

    init, step, signals = supervised(model, objective)
    return Task(init, step, evaluate, signals, _drawing(model, problem.dataset))


def _drawing(model: Model, dataset: Dataset) -> Callable | None:
    if not plane.is_plane(dataset):
        return None
    seen = plane.view(model, dataset)

    def examine(train_state, key):
        del key
        return Findings(pictures=plane.pictures(seen, train_state, dataset))

    return examine
