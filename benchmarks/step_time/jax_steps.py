"""A training step of assay's network or of plain flax's, alone and in the loop that a training run is.

Both take the same step of `assay.tasks`: its loss, its gradient, plain SGD. They differ in the network, and in the
compiler's options, which are JAX's defaults for plain flax.
"""

from collections.abc import Callable
import functools
from typing import Any, NamedTuple

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


class Program(NamedTuple):
    """A compiled program: `train` a number of steps, which gives the last loss; `text` of the instructions."""

    train: Run
    text: str


def variants(name: str, case: Case) -> dict[str, Run]:
    """`assay step`, `assay loop`, `flax step`, `flax loop`.

    Raises:
      RuntimeError: a network with another number of parameters than the case's.
    """
    found = {}
    flax = functools.partial(_flax, name)
    for label, model, options in (("assay", _assay(case), compiler_options()), ("flax", flax, {})):
        programs = _programs(case, model, options)
        found |= {f"{label} {how}": program.train for how, program in programs.items()}
    return found


def assay_loop(case: Case) -> Program:
    """assay's network in the loop."""
    return _programs(case, _assay(case), compiler_options())["loop"]


def _assay(case: Case) -> Callable[..., Model]:
    settings = dict(activation="relu", init="he_normal", norm=case.norm)
    return functools.partial(models.build, case.model, **settings)


def _flax(name: str, *, outputs: Any, shape: Any = None) -> Model:
    return models.from_linen(NETWORKS[name](), shape or ((outputs,) if isinstance(outputs, int) else outputs))


def _programs(case: Case, model: Callable[..., Model], options: dict[str, Any]) -> dict[str, Program]:
    data, tx = dataset(case), optax.sgd(RATE)
    learning = spec.build(TASKS, case.task, "task")
    loss = spec.build(LOSSES, case.loss, "loss")
    made = lambda outputs, shape=None: model(outputs=outputs, shape=shape)
    task = learning.make(Problem(made, loss, data, steps=case.steps, batch_size=case.batch))
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
    trained = [run(*both, x, y) for run, *both in zip((_one_by_one, _in_a_loop), compiled, copies)]
    texts = [program.as_text() for program in compiled]
    return {how: Program(*both) for how, *both in zip(("step", "loop"), trained, texts)}


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
