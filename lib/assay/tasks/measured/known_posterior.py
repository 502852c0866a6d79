"""Classification of data whose true class probabilities are known, so that the learnt ones can be measured."""

import jax
import jax.numpy as jnp

from assay import spec as specs
from assay.data.toys import gauss_posterior
from assay.spec import SpecError
from assay.tasks.classify import classify
from assay.tasks.task import Learning, Problem, Task


def known_posterior() -> Learning:
    """Learns the labels of `gauss` as `classify` does; how far are its probabilities from the true ones?

    Metrics: loss; error; distance, |learnt - true probability of class 1|, the target. Of squared_error the learnt
    probability is the output itself, kept within 0..1: its minimum is the conditional mean of the one-hot labels.
    """
    return Learning(make=_task, metrics=("loss", "error", "distance"), target="distance")


def _task(problem: Problem) -> Task:
    dataset, spec = problem.dataset, specs.parse(problem.dataset.name)
    if spec.name != "gauss":
        raise SpecError(f"known_posterior takes the data set gauss, whose posterior is known, not {spec.name}")
    alone, model = classify().make(problem), problem.model(2)
    noise = dict(spec.kwargs).get("noise", 0.0)
    # A loss that reads its logits as probabilities says so; see `assay.tasks.losses.predicted`.
    softmax = hasattr(problem.loss, "predicted")

    def evaluate(train_state, x, y, key):
        output, _ = model.apply(train_state.params, train_state.state, x, key=None, train=False)
        learnt = jax.nn.softmax(output.logits)[:, 1] if softmax else jnp.clip(output.logits[:, 1], 0, 1)
        truth = gauss_posterior(x * dataset.std[None] + dataset.mean[None], noise)
        return alone.evaluate(train_state, x, y, key) | {"distance": jnp.abs(learnt - truth)}

    return alone._replace(evaluate=evaluate, examine=None)
