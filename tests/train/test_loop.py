"""A program trains as an independent implementation does, and how a run is cut into calls changes no bit of it."""

import dataclasses
import functools

import jax
import numpy as np
import pytest

from assay import models
from assay.config import Config
from assay.data import batches, load
from assay.spec import SpecError
from assay.train.canonical import canonical
from assay.train.loop import Program, program_key, trial_arrays

TINY = canonical(Config(model="mlp(depth=2,width=16)", activation="tanh", epochs=3, evals=5, batch_size=100))


@functools.cache
def digits():
    return load("digits")


@functools.cache
def device_data():
    return batches.put_on_device(digits())


@functools.cache
def compiled(config):
    program = Program(config, digits())
    return program, jax.jit(program.start(config.init)), jax.jit(program.advance), jax.jit(program.finish)


def trained(config, cuts):
    _, start, advance, _ = compiled(config)
    trial = trial_arrays(config)
    carry = start(trial, device_data())
    for first, last in zip(cuts, cuts[1:]):
        carry = advance(carry, trial, device_data(), first, last)
    return carry


def assert_same_bits(a, b):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(np.asarray(x), np.asarray(y))


def test_cutting_a_run_into_calls_changes_no_bit():
    program, *_ = compiled(TINY)
    whole = trained(TINY, [0, program.steps])
    assert_same_bits(whole, trained(TINY, [0, 1, 2, 9, 13, program.steps]))
    assert_same_bits(whole, trained(TINY, [0, program.steps_per_epoch, 2 * program.steps_per_epoch, program.steps]))


def test_training_follows_an_independent_implementation():
    """Ten steps of a tanh network by backpropagation written out in float64 NumPy."""
    steps = 10
    carry = trained(TINY, [0])
    layers = [carry.train_state.params[f"Dense_{i}"] for i in range(3)]
    weights = [np.asarray(layer["kernel"], np.float64) for layer in layers]
    biases = [np.asarray(layer["bias"], np.float64) for layer in layers]
    data = digits()
    x_all = (data.train.x.reshape(len(data.train.y), -1) / 255 - data.mean) / data.std
    order = np.asarray(batches.epoch_order(TINY.seed, 0, len(data.train.y)))
    for step in range(steps):
        index = order[step * 100 : (step + 1) * 100]
        hidden = [x_all[index]]
        for w, b in zip(weights[:-1], biases[:-1]):
            hidden.append(np.tanh(hidden[-1] @ w + b))
        logits = hidden[-1] @ weights[-1] + biases[-1]
        p = np.exp(logits - logits.max(1, keepdims=True))
        delta = (p / p.sum(1, keepdims=True) - np.eye(10)[data.train.y[index]]) / 100
        for i in (2, 1, 0):
            gradient = hidden[i].T @ delta, delta.sum(0)
            delta = delta @ weights[i].T * (1 - hidden[i] ** 2)
            weights[i] = weights[i] - TINY.lr * gradient[0]
            biases[i] = biases[i] - TINY.lr * gradient[1]
    params = trained(TINY, [0, steps]).train_state.params
    for i in range(3):
        np.testing.assert_allclose(params[f"Dense_{i}"]["kernel"], weights[i], atol=2e-6)
        np.testing.assert_allclose(params[f"Dense_{i}"]["bias"], biases[i], atol=2e-6)


def test_final_metrics_are_means_over_the_whole_splits():
    program, _, _, finish = compiled(TINY)
    carry = trained(TINY, [0, program.steps])
    final = {name: float(value) for name, value in finish(carry, device_data()).items()}
    data = digits()
    params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), carry.train_state.params)
    for role in ("validation", "test"):
        split = getattr(data, role)
        h = (split.x.reshape(len(split.y), -1) / 255 - data.mean) / data.std
        for i in range(2):
            h = np.tanh(h @ params[f"Dense_{i}"]["kernel"] + params[f"Dense_{i}"]["bias"])
        logits = h @ params["Dense_2"]["kernel"] + params["Dense_2"]["bias"]
        log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        assert final[f"{role}_loss"] == pytest.approx(-log_p[np.arange(len(split.y)), split.y].mean(), abs=1e-5)
        assert final[f"{role}_error"] == pytest.approx((logits.argmax(1) != split.y).mean(), abs=1e-7)


def test_every_evaluation_is_recorded_at_its_step():
    program, *_, finish = compiled(TINY)
    carry = trained(TINY, [0, program.steps])
    assert np.isfinite(np.asarray(carry.curve)).all()
    assert program.eval_step(0) == 0 and program.eval_step(program.evals) == program.steps
    k = 3
    partial = trained(TINY, [0, int(program.eval_step(k))])
    assert np.isnan(np.asarray(partial.curve)[k]).all()  # recorded by the call that starts at its step
    now = finish(partial, device_data())
    np.testing.assert_allclose(
        np.asarray(carry.curve)[k],
        [now["train_loss"], now["train_error"], now["validation_loss"], now["validation_error"]],
        rtol=1e-6,
    )


@pytest.mark.parametrize("evals", [1, 7, 30, 33])
def test_evaluations_cover_any_number_of_steps(evals):
    program = Program(dataclasses.replace(TINY, evals=evals), digits())
    assert program.evaluations_in(0, program.steps) == list(range(program.evals))
    halves = program.evaluations_in(0, 11) + program.evaluations_in(11, program.steps)
    assert halves == list(range(program.evals))


def test_the_same_seed_gives_every_arm_the_same_start_and_batches():
    relu = canonical(dataclasses.replace(TINY, activation="relu"))
    a, b = trained(TINY, [0]), trained(relu, [0])
    assert_same_bits(a.train_state.params, b.train_state.params)
    other = dataclasses.replace(TINY, seed=1)
    assert not np.array_equal(
        a.train_state.params["Dense_0"]["kernel"], trained(other, [0]).train_state.params["Dense_0"]["kernel"]
    )


def test_divergence_is_recorded_at_its_step():
    wild = dataclasses.replace(TINY, activation="relu", lr=1e18, loss="squared_error")
    program, *_ = compiled(wild)
    carry = trained(wild, [0, program.steps])
    at = int(carry.diverged_at)
    assert 0 < at < program.steps
    assert int(trained(wild, [0, at]).diverged_at) == -1
    assert int(trained(wild, [0, at + 1]).diverged_at) == at
    assert int(trained(TINY, [0, program.steps]).diverged_at) == -1


def test_data_axes_do_not_make_another_program():
    same = [dataclasses.replace(TINY, **change) for change in ({"seed": 3}, {"lr": 0.5}, {"init": "he_normal"})]
    assert len({program_key(config) for config in (TINY, *same)}) == 1
    decayed = [dataclasses.replace(TINY, weight_decay=decay) for decay in (1e-4, 1e-3)]
    assert len({program_key(config) for config in decayed}) == 1
    assert program_key(decayed[0]) != program_key(TINY)
    assert program_key(dataclasses.replace(TINY, activation="relu")) != program_key(TINY)


def test_augmentation_touches_training_alone():
    shifted = canonical(dataclasses.replace(TINY, augment="shift"))
    program, _, _, finish = compiled(shifted)
    plain, moved = trained(TINY, [0]), trained(shifted, [0])
    for name, value in finish(moved, device_data()).items():
        assert float(value) == pytest.approx(float(compiled(TINY)[3](plain, device_data())[name]), abs=1e-6)
    assert not np.array_equal(
        trained(shifted, [0, 3]).train_state.params["Dense_0"]["kernel"],
        trained(TINY, [0, 3]).train_state.params["Dense_0"]["kernel"],
    )


def test_bfloat16_trains_with_float32_parameters():
    config = dataclasses.replace(TINY, dtype="bfloat16")
    program, *_, finish = compiled(config)
    carry = trained(config, [0, program.steps])
    assert {leaf.dtype for leaf in jax.tree.leaves(carry.train_state.params)} == {np.dtype("float32")}
    wide = compiled(TINY)[-1](trained(TINY, [0, program.steps]), device_data())
    # 8 bits of mantissa round every activation by up to 0.4 %; the runs part slowly, not at once.
    assert abs(float(finish(carry, device_data())["train_loss"]) - float(wide["train_loss"])) < 0.05


def test_a_batch_larger_than_the_data_is_refused():
    with pytest.raises(SpecError, match="batch_size 5000 is larger than the training split of digits"):
        Program(dataclasses.replace(TINY, batch_size=5000), digits())


def test_bfloat16_keeps_what_it_learns_in_float32():
    """Updates below bfloat16's resolution (2^-9 of a weight) add up: weights and momentum are float32."""
    config = canonical(dataclasses.replace(TINY, dtype="bfloat16", optimizer="momentum", lr=1e-5))
    before, after = (jax.tree.leaves(trained(config, cuts).train_state) for cuts in ([0], [0, 5]))
    kinds = {leaf.dtype for leaf in after if leaf.dtype != np.int32}
    assert kinds == {np.dtype("float32")}
    kernels = [(np.asarray(a), np.asarray(b)) for a, b in zip(before, after) if np.ndim(a) == 2 and np.any(a)]
    assert len(kernels) == 3  # momentum began at 0
    assert all(np.mean(a != b) > 0.5 for a, b in kernels)
    assert all(np.mean(np.asarray(a, jax.numpy.bfloat16) == np.asarray(b, jax.numpy.bfloat16)) > 0.9 for a, b in kernels)


def test_bfloat16_products_are_summed_in_float32():
    made = {"activation": "relu", "init": "constant(value=1.0)", "norm": "none", "dtype": jax.numpy.bfloat16}
    model = models.build("mlp(depth=0)", **made, outputs=1)
    x = jax.numpy.ones((1, 1000))
    output, _ = model.apply(*model.init(jax.random.key(0), x), x, key=None, train=False)
    assert output.logits == 1000  # in bfloat16 a sum of ones ends at 256
