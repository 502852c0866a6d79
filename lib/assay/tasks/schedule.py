"""Learning-rate schedules of tasks whose steps are not one update each."""

from typing import Any

import jax
import jax.numpy as jnp
import optax


def at_step(opt_state: Any, step: jax.Array) -> Any:
    """The optimiser state with its learning-rate schedule, if any, at `step` of the run.

    Adam's own count stays that of its updates.
    """

    def is_schedule(value):
        return isinstance(value, optax.ScaleByScheduleState)

    def moved(value):
        return optax.ScaleByScheduleState(jnp.asarray(step, jnp.int32)) if is_schedule(value) else value

    return jax.tree.map(moved, opt_state, is_leaf=is_schedule)
