"""Phases: what each changes, its optimiser, the schedule over all of them."""

import functools

from hypothesis import given, settings, strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from assay.tasks.boltzmann.phases import descent, in_phases, lengths, Phase
from assay.tasks.task import Batch

START = {"a": {"w": np.float32(1)}, "b": {"w": np.float32(2)}, "c": {"w": np.float32(3)}}


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 5000), st.integers(0, 6), st.floats(0.01, 1))
def test_lengths_divide_the_run(steps, parts, share):
    found = lengths(steps, parts, share)
    assert len(found) == parts + 1 and sum(found) == steps and min(found) >= 0
    assert not parts or max(found[:-1]) - min(found[:-1]) <= 1
    assert sum(found[:-1]) == (round(share * steps) if parts else 0)


def test_lengths():
    assert lengths(10, 2, 0.6) == [3, 3, 4]
    assert lengths(7, 3, 1.0) == [2, 3, 2, 0]


def slope(params, state, batch):
    """A loss whose gradient in every weight is the step's number + 1."""
    total = params["a"]["w"] + params["b"]["w"] + params["c"]["w"]
    return total * (batch.step + 1).astype(jnp.float32), state + 1


@functools.cache
def trained(name):
    rate = lambda count: 0.1 / (1 + count.astype(jnp.float32))
    tx = {
        "trace": optax.chain(optax.trace(0.5), optax.scale_by_learning_rate(lambda count: jnp.float32(-1))),
        "schedule": optax.scale_by_learning_rate(rate),
        "adam": optax.chain(optax.scale_by_adam(), optax.scale_by_learning_rate(rate)),
    }[name]
    twice = lambda params: params | {"c": {"w": 2 * params["c"]["w"]}}
    phases = [
        Phase(2, ("a",), descent(("a",), slope)),
        Phase(0, ("b",), descent(("b",), slope)),
        Phase(3, ("b", "c"), descent(("b", "c"), slope), enter=twice),
    ]
    init, step = in_phases(lambda key, x: (START, jnp.int32(0)), phases)
    states = [init(None, None, tx)]
    jitted = jax.jit(lambda state, at: step(state, Batch(None, None, None, at), tx))
    for at in range(5):
        state, loss = jitted(states[-1], jnp.int32(at))
        assert loss.shape == ()
        states.append(state)
    return states


def values(name, weight):
    return np.array([float(state.params[weight]["w"]) for state in trained(name)])


def test_a_phase_moves_its_own_parameters_and_enters_once():
    np.testing.assert_allclose(values("schedule", "a"), 1 - 0.1 * np.array([0, 1, 2, 2, 2, 2]), rtol=1e-6)
    np.testing.assert_allclose(values("schedule", "b"), 2 - 0.1 * np.array([0, 0, 0, 1, 2, 3]), rtol=1e-6)
    # Doubled before its first step.
    np.testing.assert_allclose(values("schedule", "c"), [3, 3, 3, 6 - 0.1, 6 - 0.2, 6 - 0.3], rtol=1e-6)
    assert [int(state.state) for state in trained("schedule")] == list(range(6))


def test_every_phase_begins_with_an_empty_optimiser():
    """Gradients 1, 2 | 3, 4, 5 through a trace of 0.5, added as they are."""
    np.testing.assert_allclose(np.diff(values("trace", "a")), [1, 2.5, 0, 0, 0])
    np.testing.assert_allclose(np.diff(values("trace", "b")), [0, 0, 3, 5.5, 7.75])


def test_schedules_go_by_the_run_and_corrections_by_the_phase():
    """A first step of Adam is its learning rate whatever the gradient, if its own count is 1."""
    with jax.numpy_dtype_promotion("standard"):  # Adam raises a float32 to an int32 power
        steps = np.diff(values("adam", "b"))
    assert steps[2] == pytest.approx(-0.1 / 3, rel=1e-4)  # at step 2 of the run
    adam = [state for state in trained("adam")[-1].opt_state[2] if hasattr(state, "mu")]
    assert [int(state.count) for state in adam] == [3]
