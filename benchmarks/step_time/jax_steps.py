"""A training step of assay's network or of plain flax's, alone and in the loop that a training run is.

Both take the same step of `assay.tasks`: its loss, its gradient, plain SGD. They differ in the network, and in the
compiler's options, which are JAX's defaults for plain flax.
"""

from collections.abc import Callable
from typing import Any

import jax
from jax import lax
import jax.numpy as jnp
import optax

from assay import models, spec
from assay.data import batches
from assay.models import Model
from assay.ops.compiler import compiler_options
from assay.tasks import Batch, LOSSES, Problem, TASKS
from benchmarks.step_time.cases import Case, dataset, RATE
from benchmarks.step_time.flax_networks import NETWORKS

Run = Callable[[int], float]  # of a number of steps; gives the last loss


def variants(name: str, case: Case) -> dict[str, Run]:
    """`assay step`, `assay loop`, `flax step`, `flax loop`.

    Raises:
      RuntimeError: a network with another number of parameters than the case's.
    """

    def assay(outputs: Any, shape: Any = None) -> Model:
        settings = dict(activation="relu", init="he_normal", norm=case.norm)
        return models.build(case.model, **settings, outputs=outputs, shape=shape)

    def flax(outputs: Any, shape: Any = None) -> Model:
        return models.from_linen(NETWORKS[name](), shape or ((outputs,) if isinstance(outputs, int) else outputs))

    found = {}
    for label, model, options in (("assay", assay, compiler_options()), ("flax", flax, {})):
        runs = _runs(case, model, options)
        found |= {f"{label} {how}": run for how, run in runs.items()}
    return found


def _runs(case: Case, model: Callable[..., Model], options: dict[str, Any]) -> dict[str, Run]:
    data, tx = dataset(case), optax.sgd(RATE)
    learning = spec.build(TASKS, case.task, "task")
    loss = spec.build(LOSSES, case.loss, "loss")
    task = learning.make(Problem(model, loss, data, steps=case.steps, batch_size=case.batch))
    x = batches.unit(jnp.asarray(data.train.x))
    y = jnp.asarray(data.train.y) if task.labels is None else task.labels(jnp.arange(len(x)))

    def step(train_state: Any, number: jax.Array, x: jax.Array, y: jax.Array) -> tuple[Any, jax.Array]:
        # A batch depends on the step, as in training, so that nothing is constant over the loop.
        part = [lax.dynamic_slice_in_dim(a, number % 2 * case.batch, case.batch) for a in (x, y)]
        key = jax.random.fold_in(batches.stream(0, batches.DROPOUT), number)
        return task.step(train_state, Batch(*part, key, number), tx)

    def loop(train_state: Any, steps: jax.Array, x: jax.Array, y: jax.Array) -> tuple[Any, jax.Array]:
        body = lambda number, carry: step(carry[0], number, x, y)
        return lax.fori_loop(0, steps, body, (train_state, jnp.float32(0)))

    start = jax.jit(lambda key, x: task.init(key, x, tx))
    train_state = start(jax.random.key(0), x[: case.batch])
    count = sum(leaf.size for leaf in jax.tree.leaves(train_state.params))
    if count != case.parameters:
        raise RuntimeError(f"{case.model} has {count:,} parameters, not {case.parameters:,}: nothing would compare")
    compiled = [
        jax.jit(function, donate_argnums=0, compiler_options=options)
        .lower(train_state, jnp.int32(0), x, y)
        .compile()
        for function in (step, loop)
    ]
    copies = [jax.tree.map(jnp.copy, train_state) for _ in compiled]
    return {
        "step": _one_by_one(compiled[0], copies[0], x, y),
        "loop": _in_a_loop(compiled[1], copies[1], x, y),
    }


def _one_by_one(step: Callable, train_state: Any, x: jax.Array, y: jax.Array) -> Run:
    def run(steps: int) -> float:
        nonlocal train_state
        for number in range(steps):
            train_state, value = step(train_state, jnp.int32(number), x, y)
        return float(value)

    return run


def _in_a_loop(loop: Callable, train_state: Any, x: jax.Array, y: jax.Array) -> Run:
    def run(steps: int) -> float:
        nonlocal train_state
        train_state, value = loop(train_state, jnp.int32(steps), x, y)
        return float(value)

    return run
