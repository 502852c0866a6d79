"""A Program: the compiled functions that all trials share whose Configs differ in data axes alone.

Seed, initialiser, learning rate and weight decay are data: they enter as arrays. Everything else is compiled in.
A chunk of steps is one call, its bounds are arguments, and its random numbers go by address; so how a run is cut
into chunks, interrupted or resumed does not change one bit of it.
"""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import functools
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from assay import spec as specs
from assay.activations import ACTIVATIONS, as_activation
from assay.config import Config
from assay.data import AUGMENTS, batches, Dataset
from assay.data.batches import DeviceData, held_sizes
from assay import models
from assay.metrics import PROBED
from assay.tasks import Batch, Findings, Learning, LOSSES, Problem, Task, TASKS, TrainState
from assay.train import probe as probes
from assay.train.optim import OPTIMIZERS, SCHEDULES, transformation

EVAL_NUMBERS = 2**21  # of an evaluated batch's inputs, at most
EVAL_BATCH = 500  # examples of an evaluated batch, at most


class Trial(NamedTuple):
    """What distinguishes the trials of one program, as arrays: the data axes, the initialiser aside."""

    seed: Any
    lr: Any
    weight_decay: Any


class Carry(NamedTuple):
    """A run between two chunks.

    Attributes:
      train_state: parameters, statistics, optimiser.
      diverged_at: int32, the first step whose loss was not finite, or -1.
      curve: float32 `[evals, metrics]`, `curve_metrics` at each evaluation so far.
    """

    train_state: TrainState
    diverged_at: jax.Array
    curve: jax.Array


def learning(config: Config) -> Learning:
    """The way of learning that a Config names."""
    return specs.build(TASKS, config.task, "task")


def curve_metrics(of: Learning) -> tuple[str, ...]:
    """Metrics of an evaluation during training: `train_loss`, `train_error`, `validation_loss`, ..."""
    return tuple(f"{role}_{metric}" for role in ("train", "validation") for metric in of.metrics)


def final_metrics(config: Config) -> tuple[str, ...]:
    """Metrics of a finished trial."""
    of = learning(config)
    test = (f"test_{metric}" for metric in of.metrics)
    probed = (f"{when}_{name}" for when, at in zip(PROBED, (0, -1)) if at in config.probe for name in probes.SUMMARY)
    return (*curve_metrics(of), *test, *of.findings, "steps_to_target", "parameters", *probed)


def probed_metrics(records: Sequence[Mapping[str, Any]], steps: int) -> dict[str, float]:
    """Those final metrics that sum up the layer statistics in a run's records: `start_dead`, `end_gradient_slope`."""
    probed = {record["step"]: record["probe"] for record in records if "probe" in record}
    found = {when: probes.summary(probed[at]) for when, at in zip(PROBED, (0, steps)) if at in probed}
    return {f"{when}_{name}": value for when, values in found.items() for name, value in values.items()}


def program_key(config: Config) -> Config:
    """The Config with its data axes blanked: equal keys share one Program."""
    decayed = 1.0 if config.weight_decay else 0.0
    return dataclasses.replace(config, seed=0, init="zeros", lr=1.0, weight_decay=decayed)


def trial_arrays(config: Config) -> Trial:
    """The data axes of a Config."""
    return Trial(np.int32(config.seed), np.float32(config.lr), np.float32(config.weight_decay))


def steps_of(config: Config, dataset: Dataset) -> tuple[int, int]:
    """Steps of the whole run, and of one epoch (the examples that do not fill a batch are left to the next shuffle).

    Raises:
      SpecError: the batch is larger than the training split, or the run too long to count.
    """
    per_epoch = len(dataset.train.y) // config.batch_size
    if not per_epoch:
        raise specs.SpecError(
            f"batch_size {config.batch_size} is larger than the training split of {dataset.name}"
            f" ({len(dataset.train.y)})"
        )
    steps = max(1, round(config.epochs * per_epoch))
    if steps * (config.evals + 1) >= 2**31:  # positions in a run are 32-bit numbers
        raise specs.SpecError(f"{steps:,} steps with {config.evals:,} evaluations are too many; lower epochs or evals")
    return steps, per_epoch


class Program:
    """The functions of one program, for a single trial; unjitted, so that a pack can map them over many.

    Args:
      config: any of the program's Configs (its data axes are not read).
      dataset: what it trains on.
      batch_sharding: how the examples of a batch are dealt out to devices, for data parallel training; None: not.
    """

    def __init__(self, config: Config, dataset: Dataset, batch_sharding: jax.sharding.Sharding | None = None):
        self.config, self.dataset, self.learning = config, dataset, learning(config)
        self._batch_sharding = batch_sharding
        self.curve_metrics = curve_metrics(self.learning)
        self.steps, self.steps_per_epoch = steps_of(config, dataset)
        self.evals = min(config.evals, self.steps)
        self.activation = specs.build(ACTIVATIONS, config.activation, "activation", as_activation)
        self._augment = None if config.augment == "none" else specs.build(AUGMENTS, config.augment, "augment")
        self._optimizer = specs.build(OPTIMIZERS, config.optimizer, "optimizer")
        self._schedule = specs.build(SCHEDULES, config.schedule, "schedule")
        self._task = self._task_with(config.init)
        probed = config.probe if self._task.signals else ()
        self.probe_steps = sorted({self.steps if at == -1 else at for at in probed if at <= self.steps})
        self._eval_batch = max(1, min(EVAL_BATCH, EVAL_NUMBERS // math.prod(dataset.train.x.shape[1:])))

    def eval_step(self, k: int | np.ndarray) -> int | np.ndarray:
        """The step at which evaluation k is taken; evaluation 0 is of the initialisation."""
        return k * self.steps // self.evals

    def _evaluations_before(self, step: jax.Array) -> jax.Array:
        """How many evaluations are taken at earlier steps, so also the number of the next one."""
        return (step * self.evals + self.steps - 1) // self.steps

    def evaluations_in(self, first: int, last: int) -> list[int]:
        """The evaluations whose step lies in first..last-1."""
        steps = self.eval_step(np.arange(self.evals))
        return np.flatnonzero((steps >= first) & (steps < last)).tolist()

    def start(self, init: str) -> Callable[[Trial, DeviceData], Carry]:
        """The function that initialises a trial by the initialiser `init`."""
        task = self._task_with(init)

        def start(trial: Trial, data: DeviceData) -> Carry:
            batch = self._batch(trial, data, self._order(trial, 0), jnp.int32(0), augment=False)
            train_state = task.init(batches.stream(trial.seed, batches.INIT), batch.x, self._tx(trial))
            curve = jnp.full((self.evals, len(self.curve_metrics)), jnp.nan, jnp.float32)
            return Carry(train_state, jnp.int32(-1), curve)

        return start

    def advance(self, carry: Carry, trial: Trial, data: DeviceData, first: jax.Array, last: jax.Array) -> Carry:
        """Trains steps first..last-1 and evaluates on the way."""
        tx = self._tx(trial)

        def stretch(loop):
            """The steps of an epoch up to the next evaluation: conditions in every step would cost more than they do."""
            step, carry, order = loop
            epoch = step // self.steps_per_epoch
            # Only here, not before the loop as well: what draws and sorts an order takes long to compile.
            new = (step % self.steps_per_epoch == 0) | (step == first)
            order = jax.lax.cond(new, lambda: self._order(trial, epoch), lambda: order)
            k = self._evaluations_before(step)
            curve = jax.lax.cond(
                self.eval_step(k) == step,
                lambda: carry.curve.at[k].set(self._curve_row(carry.train_state, data)),
                lambda: carry.curve,
            )

            def body(step, trained):
                train_state, diverged_at = trained
                batch = self._batch(trial, data, order, step, augment=True)
                train_state, loss = self._task.step(train_state, batch, tx)
                failed = (diverged_at < 0) & ~jnp.isfinite(loss)
                return train_state, jnp.where(failed, step, diverged_at)

            next_evaluation = self.eval_step(self._evaluations_before(step + 1))
            end = jnp.minimum(last, jnp.minimum((epoch + 1) * self.steps_per_epoch, next_evaluation))
            trained = jax.lax.fori_loop(step, end, body, (carry.train_state, carry.diverged_at))
            return end, Carry(*trained, curve), order

        unknown = jnp.zeros(len(self.dataset.train.y), jnp.int32)
        return jax.lax.while_loop(lambda loop: loop[0] < last, stretch, (first, carry, unknown))[1]

    def finish(self, carry: Carry, data: DeviceData) -> dict[str, jax.Array]:
        """The final metrics: the test and validation splits in full, training as in the curve."""
        roles = zip(("train", "validation", "test"), self._means(carry.train_state, data, roles=3))
        return {f"{role}_{metric}": value for role, metrics in roles for metric, value in metrics.items()}

    def probe(self, carry: Carry, trial: Trial, data: DeviceData, step: jax.Array) -> dict[str, jax.Array]:
        """Layer statistics on the batch that `step` trains on (assay.train.probe)."""
        order = self._order(trial, step // self.steps_per_epoch)
        batch = self._batch(trial, data, order, step, augment=True)
        before = carry.train_state
        after, _ = self._task.step(before, batch, self._tx(trial))
        signals = self._task.signals(before, batch)
        return probes.statistics(signals, before.params, after.params, self.activation)

    @functools.cached_property
    def probe_layers(self) -> dict[str, list[str]]:
        """Names of the layers and kernels of the probe's statistics, in forward order."""
        trial = trial_arrays(self.config)
        data = jax.eval_shape(lambda: batches.put_on_device(self.dataset))
        carry = jax.eval_shape(self.start(self.config.init), trial, data)
        batch = jax.eval_shape(lambda d: self._batch(trial, d, self._order(trial, 0), jnp.int32(0), True), data)
        signals = jax.eval_shape(self._task.signals, carry.train_state, batch)
        return probes.layer_names(signals)

    def examine(self, train_state: TrainState, seed: int) -> Findings:
        """What a trained network shows beyond its final metrics; on the host."""
        if self._task.examine is None:
            return Findings()
        return self._task.examine(train_state, batches.stream(seed, batches.EXAMINE))

    def _task_with(self, init: str) -> Task:
        c = self.config
        settings = {"activation": c.activation, "init": init, "norm": c.norm, "dtype": jnp.dtype(c.dtype)}

        def model(outputs, shape=None):
            return models.build(c.model, **settings, outputs=outputs, shape=shape)

        loss = specs.build(LOSSES, c.loss, "loss")
        return self.learning.make(Problem(model, loss, self.dataset, self.steps, self.config.batch_size))

    def _tx(self, trial: Trial):
        decay = trial.weight_decay if self.config.weight_decay else None
        return transformation(self._optimizer, self._schedule, self.steps, trial.lr, decay)

    def _order(self, trial: Trial, epoch) -> jax.Array:
        return batches.epoch_order(trial.seed, epoch, len(self.dataset.train.y))

    def _batch(self, trial: Trial, data: DeviceData, order: jax.Array, step: jax.Array, augment: bool) -> Batch:
        size = self.config.batch_size
        index = jax.lax.dynamic_slice(order, (step % self.steps_per_epoch * size,), (size,))
        x, labels = self._inputs(data.train.x[index], data), self._task.labels
        y = data.train.y[index] if labels is None else labels(index)
        if augment and self._augment is not None:
            key = batches.stream(trial.seed, batches.AUGMENT)
            shown = batches.Shown(key, index, step // self.steps_per_epoch)
            x, y = self._augment(jax.random.fold_in(key, step), x, y, shown)
        x, y = self._dealt_out((x, y))
        return Batch(x, y, jax.random.fold_in(batches.stream(trial.seed, batches.DROPOUT), step), step)

    def _dealt_out(self, examples: Any) -> Any:
        """Examples `[B, ...]` over the devices; the compiler deals out what is made of them and joins their sums."""
        if self._batch_sharding is None:
            return examples
        return jax.lax.with_sharding_constraint(examples, self._batch_sharding)

    def _inputs(self, x: jax.Array, data: DeviceData) -> jax.Array:
        if self.learning.inputs == "unit":
            return batches.unit(x)
        return batches.standardised(x, data.mean, data.std)

    def _curve_row(self, train_state: TrainState, data: DeviceData) -> jax.Array:
        means = self._means(train_state, data, roles=2)
        return jnp.stack([of_role[metric] for of_role in means for metric in self.learning.metrics])

    def _means(self, train_state: TrainState, data: DeviceData, roles: int) -> list[dict[str, jax.Array]]:
        """Mean metrics of the first `roles` of (curve examples, validation, test), in one pass of equal batches."""
        size = self._eval_batch
        ends = np.cumsum(held_sizes(self.dataset)[:roles])
        starts, count = ends - held_sizes(self.dataset)[:roles], int(ends[-1])

        def one(start):
            index = start + jnp.arange(size)
            # The last batch is filled up with examples that no role counts.
            x = self._dealt_out(self._inputs(data.held.x[index % count], data))
            key = jax.random.fold_in(batches.stream(0, batches.EVALUATE), start)
            metrics = self._task.evaluate(train_state, x, data.held.y[index % count], key)
            mine = (index[None] >= starts[:, None]) & (index[None] < ends[:, None])  # [roles, size]
            return jax.tree.map(lambda m: jnp.sum(jnp.where(mine, m[None], 0), axis=1), metrics)

        sums = jax.lax.map(one, jnp.arange(0, count, size))
        totals = jax.tree.map(lambda s: jnp.sum(s, axis=0), sums)
        return [jax.tree.map(lambda t: t[role] / np.float32((ends - starts)[role]), totals) for role in range(roles)]
