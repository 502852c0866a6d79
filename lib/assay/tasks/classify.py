"""Classification: one label an example."""

from collections.abc import Callable
import functools

import jax.numpy as jnp

from assay.data import Dataset
from assay.models import Model
from assay.spec import SpecError
from assay.tasks.losses import per_example
from assay.tasks.measured import plane
from assay.tasks.supervised import supervised
from assay.tasks.task import Findings, Learning, Problem, Task
from assay.tasks.views import averaged, check_views


def classify(views: str = "one") -> Learning:
    """Learns labels by minimising the mean of the loss over a batch. Metrics: loss, error (0 or 1 an example).

    Of data with two numbers an example, the answer and the hidden units are drawn over the plane.

    Args:
      views: of an example, over which evaluations average: "one", "mirrored" or "shifted" (assay.tasks.views).
    """
    check_views(views)
    return Learning(make=functools.partial(_task, views))


def _task(views: str, problem: Problem) -> Task:
    if problem.dataset.num_classes < 2:
        raise SpecError("classify takes data with two classes at least; real targets, such as sinc's, are for regress")
    model, loss = problem.model(problem.dataset.num_classes), per_example(problem.loss)

    def objective(params, state, batch, offsets):
        output, state = model.apply(params, state, batch.x, key=batch.key, train=True, offsets=offsets)
        return jnp.mean(loss(output.logits, batch.y)), (output, state)

    def evaluate(train_state, x, y, key):
        del key

        def of_view(x):
            return model.apply(train_state.params, train_state.state, x, key=None, train=False)[0].logits

        logits = averaged(views, of_view)(x)
        wrong = jnp.argmax(logits, -1) != y
        # NaN logits have an argmax too; an undefined answer is a wrong one.
        wrong |= ~jnp.all(jnp.isfinite(logits), -1)
        return {"loss": loss(logits, y), "error": wrong.astype(jnp.float32)}

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
