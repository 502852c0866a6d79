"""L1 penalty and max-norm constraint against NumPy, alone and inside optimisers."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from assay import spec as specs
from assay.spec import SpecError
from assay.train.optim import OPTIMIZERS, SCHEDULES, transformation

random = np.random.default_rng(0)
PARAMS = {
    "Dense_0": {"kernel": jnp.asarray(random.normal(size=(6, 4)), jnp.float32), "bias": jnp.full(4, 9.0, jnp.float32)},
    "Conv_0": {"kernel": jnp.asarray(random.normal(size=(3, 3, 2, 5)), jnp.float32)},
    "scale": jnp.full(4, 9.0, jnp.float32),
}
GRADIENTS = jax.tree.map(lambda leaf: jnp.asarray(random.normal(size=leaf.shape), jnp.float32), PARAMS)


def stepped(spec, params=PARAMS, steps=1, decay=None):
    optimizer = specs.build(OPTIMIZERS, spec, "optimizer")
    tx = transformation(optimizer, SCHEDULES["constant"](), steps, np.float32(0.5), decay)

    def step(carry, _):
        params, state = carry
        updates, state = tx.update(GRADIENTS, state, params)
        return (optax.apply_updates(params, updates), state), None

    (params, _), _ = jax.lax.scan(step, (params, tx.init(params)), length=steps)
    return params


def norms(kernel):
    return np.sqrt((np.asarray(kernel, np.float64) ** 2).sum(axis=tuple(range(kernel.ndim - 1))))


@pytest.mark.parametrize("spec", ["sgd(max_norm=1.5)", "nesterov(max_norm=1.5)", "rmsprop(max_norm=1.5)"])
def test_max_norm_holds_after_every_step(spec):
    limit, plain = 1.5, stepped(spec.replace("max_norm=1.5", ""))
    held = stepped(spec)
    for layer in ("Dense_0", "Conv_0"):
        new = np.asarray(plain[layer]["kernel"], np.float64)
        expected = new * np.minimum(1, limit / norms(new))
        np.testing.assert_allclose(held[layer]["kernel"], expected, rtol=1e-5, atol=1e-6)
        assert np.any(norms(new) > limit) and np.any(norms(new) != norms(expected))
        assert np.all(norms(stepped(spec, steps=4)[layer]["kernel"]) <= limit * (1 + 1e-6))
    np.testing.assert_array_equal(held["Dense_0"]["bias"], plain["Dense_0"]["bias"])
    np.testing.assert_array_equal(held["scale"], plain["scale"])


def test_short_vectors_are_left_alone_and_zero_stays_zero():
    np.testing.assert_allclose(
        stepped("sgd(max_norm=1000.0)")["Conv_0"]["kernel"], stepped("sgd")["Conv_0"]["kernel"], rtol=1e-6
    )
    tx = transformation(OPTIMIZERS["sgd"](max_norm=1.0), SCHEDULES["constant"](), 1, 0.5, None)
    zeros = {"kernel": jnp.zeros((3, 2))}
    updates, _ = tx.update(zeros, tx.init(zeros), zeros)
    np.testing.assert_array_equal(updates["kernel"], 0)


def test_l1_adds_the_sign_of_the_weights_to_the_gradient():
    found = stepped("sgd(l1=0.1)")
    for layer in ("Dense_0", "Conv_0"):
        w, g = np.asarray(PARAMS[layer]["kernel"]), np.asarray(GRADIENTS[layer]["kernel"])
        np.testing.assert_allclose(found[layer]["kernel"], w - 0.5 * (g + 0.1 * np.sign(w)), rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(found["Dense_0"]["bias"], stepped("sgd")["Dense_0"]["bias"])


def test_l1_joins_the_gradient_with_weight_decay_before_momentum():
    found = stepped("momentum(beta=0.5,l1=0.1)", steps=2, decay=np.float32(0.2))["Dense_0"]["kernel"]
    w, g, v = np.asarray(PARAMS["Dense_0"]["kernel"], np.float64), np.asarray(GRADIENTS["Dense_0"]["kernel"]), 0
    for _ in range(2):
        v = 0.5 * v + g + 0.1 * np.sign(w) + 0.2 * w
        w = w - 0.5 * v
    np.testing.assert_allclose(found, w, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", sorted(OPTIMIZERS))
def test_every_optimizer_takes_both_and_has_one_spelling_without(name):
    assert str(specs.canonical(OPTIMIZERS, f"{name}(l1=0.0,max_norm=0)", "optimizer")) == name
    made = specs.build(OPTIMIZERS, f"{name}(l1=0.1,max_norm=3)", "optimizer")
    assert (made.l1, made.max_norm) == (0.1, 3)
    for argument in ("l1", "max_norm"):
        with pytest.raises(SpecError, match=f"{argument} must be at least 0"):
            specs.build(OPTIMIZERS, f"{name}({argument}=-1.0)", "optimizer")
