"""Learning-rate schedules of tasks whose steps are not one update each."""

from typing import Any

import jax
import optax


def at_step(opt_state: Any, step: jax.Array) -> Any:
    """The optimiser state with its learning-rate schedule at `step` of the run; Adam's own count stays its updates'."""

    def is_schedule(path, value):
        del value
        return any(getattr(entry, "tuple_name", "") == "ScaleByScheduleState" for entry in path)

    return optax.tree_utils.tree_set(opt_state, is_schedule, count=step)
