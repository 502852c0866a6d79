"""Committees: networks that differ in their initialisation alone, and answer together."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from assay.data.batches import standardised
from assay.spec import SpecError
from assay.tasks.classify import classify
from assay.tasks.losses import per_example
from assay.tasks.task import Findings, Learning, Problem, Task

_AT_ONCE = 500  # test examples


def ensemble(members: int = 5) -> Learning:
    """Trains `members` networks on the same batches and averages their probabilities (Hansen & Salamon 1990).

    Metrics: loss, the mean of the members' (what is minimised); error of the averaged probabilities; member_error,
    the mean of the members' own. After training, the test error of committees of 1, 2, ..., `members`: each the
    mean over as many committees as there are members, of networks that follow one another in a circle. A committee of
    one trains as `classify` does.
    """
    if members < 1:
        raise ValueError(f"members must be at least 1, not {members}")
    return Learning(
        make=lambda problem: _task(problem, members),
        metrics=("loss", "error", "member_error"),
        findings=tuple(f"committee_of_{size}_error" for size in range(1, members + 1)),
    )


def _task(problem: Problem, members: int) -> Task:
    dataset = problem.dataset
    if dataset.train.y.ndim != 1:
        raise SpecError(f"ensemble averages answers to whole examples, and {dataset.name} has a label at every pixel")
    alone = classify().make(problem)
    model, loss = problem.model(dataset.num_classes), per_example(problem.loss)

    def keys(key):
        others = [jax.random.fold_in(key, member) for member in range(1, members)]
        return jnp.stack([key, *others])  # the first member is the network that classify trains

    def init(key, x, tx):
        return _each(lambda key: alone.init(key, x, tx), keys(key))

    def step(train_state, batch, tx):
        def one(member):
            train_state, key = member
            return alone.step(train_state, batch._replace(key=key), tx)

        train_state, losses = _each(one, (train_state, keys(batch.key)))
        return train_state, jnp.mean(losses)

    def logits(train_state, x):
        def one(member):
            return model.apply(member.params, member.state, x, key=None, train=False)[0].logits

        return _each(one, train_state)  # [members, B, K]

    def evaluate(train_state, x, y, key):
        del key
        answers = logits(train_state, x)
        return {
            "loss": jnp.mean(jax.vmap(lambda answer: loss(answer, y))(answers), axis=0),
            "error": _wrong(answers[None], y)[0],
            "member_error": jnp.mean(_wrong(answers[:, None], y), axis=0),
        }

    @jax.jit
    def committee_errors(train_state, x, y):
        """Mean error `[members]` of committees of 1, 2, ... on raw examples."""
        answers = logits(train_state, standardised(x, dataset.mean, dataset.std))
        circle = jnp.concatenate([answers, answers])
        sizes = range(1, members + 1)
        return jnp.stack(
            [jnp.mean(_wrong(jnp.stack([circle[i : i + size] for i in range(members)]), y), axis=0) for size in sizes]
        ).sum(axis=1)

    def examine(train_state, key):
        del key
        x, y = dataset.test
        parts = [slice(start, start + _AT_ONCE) for start in range(0, len(y), _AT_ONCE)]
        totals = sum(np.asarray(committee_errors(train_state, x[part], y[part]), np.float64) for part in parts)
        names = (f"committee_of_{size}_error" for size in range(1, members + 1))
        return Findings(metrics=dict(zip(names, (totals / len(y)).tolist())))

    return Task(init, step, evaluate, examine=examine)


def _each(function: Callable[[Any], Any], stacked: Any) -> Any:
    """The function of every member; its results stacked."""
    # On a CPU the kernels of stacked convolutions are slow, and a member of a loop has the bits of a network alone.
    return jax.lax.map(function, stacked) if jax.default_backend() == "cpu" else jax.vmap(function)(stacked)


def _wrong(answers: jax.Array, y: jax.Array) -> jax.Array:
    """1 where the members' mean probability is highest elsewhere: `[committees, members, B, K]` -> `[committees, B]`."""
    probabilities = jnp.mean(jax.nn.softmax(answers), axis=1)
    wrong = jnp.argmax(probabilities, axis=-1) != y[None]
    return (wrong | ~jnp.all(jnp.isfinite(probabilities), axis=-1)).astype(jnp.float32)
