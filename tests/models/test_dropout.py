"""Dropout of both kinds: what it keeps, and that it is there in training alone."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from assay import models
from assay.models.dropout import AlphaDropout
from assay.spec import SpecError

X = jnp.asarray(np.random.default_rng(0).normal(size=(400, 500)), jnp.float32)


@pytest.mark.parametrize("rate", [0.05, 0.5])
def test_alpha_dropout_keeps_mean_and_variance(rate):
    out = AlphaDropout(rate).apply({}, X, True, rngs={"dropout": jax.random.key(0)})
    np.testing.assert_allclose([out.mean(), out.std()], [0, 1], atol=0.01)
    values, counts = np.unique(np.asarray(out), return_counts=True)
    assert counts.max() / X.size == pytest.approx(rate, abs=0.005)  # all that is dropped has one value
    # Klambauer et al. 2017: a x + b with a' the limit of SELU.
    limit, kept = -1.0507009873554805 * 1.6732632423543772, 1 - rate
    a = (kept + limit**2 * kept * rate) ** -0.5
    b = -a * limit * rate
    assert values[counts.argmax()] == pytest.approx(a * limit + b, rel=1e-5)
    stays = np.asarray(out) != values[counts.argmax()]
    np.testing.assert_allclose(np.asarray(out)[stays], (a * np.asarray(X) + b)[stays], atol=1e-5)


@functools.cache
def outputs(spec, keys=(0, 0, 1)):
    model = models.build(spec, activation="selu", init="lecun_normal", norm="none", outputs=3)
    params, state = model.init(jax.random.key(0), X[:8])
    run = lambda train, key: np.asarray(model.apply(params, state, X[:8], key=key, train=train)[0].logits)
    return run(False, None), *(run(True, jax.random.key(key)) for key in keys)


@pytest.mark.parametrize("spec", ["mlp(dropout=0.5)", "mlp(input_dropout=0.2)", "mlp(alpha=True,dropout=0.1)"])
def test_a_network_drops_in_training_alone(spec):
    test, first, again, other = outputs(spec)
    np.testing.assert_array_equal(test, outputs("mlp")[0])
    np.testing.assert_array_equal(first, again)
    assert np.any(first != other) and np.any(first != test)


def test_without_rates_nothing_is_dropped():
    test, first, *_ = outputs("mlp")
    np.testing.assert_array_equal(test, first)
    np.testing.assert_array_equal(outputs("mlp(alpha=True)")[1], test)


def test_rates_are_shares():
    for name in ("dropout", "input_dropout"):
        with pytest.raises(SpecError, match=f"{name} must be in \\[0, 1\\), not 1.0"):
            outputs(f"mlp({name}=1.0)")
