"""Training in phases, one after the other in one compiled run, each of its own part of the parameters."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from assay.tasks.schedule import at_step
from assay.tasks.task import Batch, TrainState

# (TrainState with the optimiser state of the phase, batch, tx) -> (TrainState, loss)
Step = Callable[[TrainState, Batch, optax.GradientTransformation], tuple[TrainState, jax.Array]]


class Phase(NamedTuple):
    """One phase.

    Attributes:
      steps: its length.
      learns: the top-level names of the parameters that it changes.
      step: one update; its optimiser state is of the parameters in `learns`.
      enter: what becomes of the parameters before its first step.
    """

    steps: int
    learns: tuple[str, ...]
    step: Step
    enter: Callable[[Any], Any] = lambda params: params


def descent(learns: Sequence[str], loss: Callable[[Any, Any, Batch], tuple[jax.Array, Any]]) -> Step:
    """Gradient descent of `loss(params, state, batch) -> (loss, state)` in the parameters of the given names alone."""

    def step(train_state, batch, tx):
        params, state, opt_state = train_state

        def of_part(part):
            return loss({**params, **part}, state, batch)

        (value, state), gradients = jax.value_and_grad(of_part, has_aux=True)(part_of(params, learns))
        updates, opt_state = tx.update(gradients, opt_state, part_of(params, learns))
        changed = optax.apply_updates(part_of(params, learns), updates)
        return TrainState({**params, **changed}, state, opt_state), value

    return step


def in_phases(start: Callable, phases: Sequence[Phase]) -> tuple[Callable, Callable]:
    """`init` and `step` of a Task that goes through phases.

    Every phase has an optimiser state of its own, which begins empty; learning-rate schedules go by the step of the
    run, not of the phase.

    Args:
      start: `(key, x) -> (params, state)`.
    """
    ends = np.cumsum([phase.steps for phase in phases])

    def init(key, x, tx):
        params, state = start(key, x)
        return TrainState(params, state, tuple(tx.init(part_of(params, phase.learns)) for phase in phases))

    def step(train_state, batch, tx):
        def run(i: int):
            params, state, opt_states = train_state
            if phases[i].enter is not Phase._field_defaults["enter"]:
                first = batch.step == ends[i] - phases[i].steps
                params = jax.lax.cond(first, phases[i].enter, lambda params: params, params)
            before = TrainState(params, state, at_step(opt_states[i], batch.step))
            after, loss = phases[i].step(before, batch, tx)
            return after._replace(opt_state=(*opt_states[:i], after.opt_state, *opt_states[i + 1 :])), loss

        current = jnp.minimum(jnp.searchsorted(ends, batch.step, side="right"), len(phases) - 1)
        return jax.lax.switch(current, [lambda i=i: run(i) for i in range(len(phases))])

    return init, step


def lengths(steps: int, parts: int, share: float) -> list[int]:
    """`steps` in `parts` of equal length, together `share` of them, and a last part with the rest."""
    ends = [round(share * steps * i / parts) for i in range(parts + 1)] if parts else [0]
    return [*np.diff(ends).tolist(), steps - ends[-1]]


def part_of(params: Any, names: Sequence[str]) -> dict[str, Any]:
    """The parameters of these top-level names."""
    return {name: params[name] for name in names}
