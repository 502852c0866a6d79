"""Losses against NumPy in float64."""

import math

from hypothesis import given, settings, strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from assay import spec as specs
from assay.spec import SpecError
from assay.tasks import LOSSES

random = np.random.default_rng(0)
LOGITS = random.normal(size=(7, 4)).astype(np.float32) * 5
LABELS = random.integers(0, 4, 7).astype(np.int32)


def loss_of(spec):
    return specs.build(LOSSES, spec, "loss")


def cross_entropy(logits, labels, smoothing):
    logits = logits.astype(np.float64)
    classes = logits.shape[1]
    targets = np.full(logits.shape, smoothing / classes)
    targets[np.arange(len(labels)), labels] += 1 - smoothing
    shifted = logits - logits.max(1, keepdims=True)
    return -(targets * (shifted - np.log(np.exp(shifted).sum(1, keepdims=True)))).sum(1)


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.9])
def test_cross_entropy_and_smoothing(smoothing):
    loss = loss_of(f"cross_entropy(smoothing={smoothing})")
    expected = cross_entropy(LOGITS, LABELS, smoothing)
    np.testing.assert_allclose(loss(jnp.asarray(LOGITS), jnp.asarray(LABELS)), expected, rtol=1e-5)
    gradient = jax.grad(lambda logits: loss(logits, jnp.asarray(LABELS)).sum())(jnp.asarray(LOGITS))
    p = np.exp(LOGITS - LOGITS.max(1, keepdims=True))
    targets = np.full((7, 4), smoothing / 4)
    targets[np.arange(7), LABELS] += 1 - smoothing
    np.testing.assert_allclose(gradient, p / p.sum(1, keepdims=True) - targets, rtol=1e-4, atol=1e-6)


def test_squared_error_is_a_sum_over_classes():
    expected = ((LOGITS.astype(np.float64) - np.eye(4)[LABELS]) ** 2).sum(1)
    np.testing.assert_allclose(loss_of("squared_error")(jnp.asarray(LOGITS), jnp.asarray(LABELS)), expected, rtol=1e-5)


@settings(deadline=None, max_examples=20)
@given(st.integers(2, 12), st.integers(0, 11), st.sampled_from(["cross_entropy", "cross_entropy(smoothing=0.3)"]))
def test_equal_logits_cost_ln_k(classes, label, spec):
    """Whatever the label, the smoothing and the common level."""
    labels = jnp.array([label % classes] * 2)
    logits = jnp.stack([jnp.zeros(classes), jnp.full(classes, 50.0)])
    np.testing.assert_allclose(loss_of(spec)(logits, labels), math.log(classes), rtol=1e-5)


def test_large_logits_stay_finite():
    logits, labels = jnp.array([[1e4, -1e4, 0.0]] * 2), jnp.array([0, 1])
    np.testing.assert_allclose(loss_of("cross_entropy")(logits, labels), [0, 2e4], rtol=1e-6)


def test_smoothing_costs_a_confident_answer():
    """-ln p of the right class tends to 0; with smoothing s the minimum is the targets' entropy, not 0."""
    logits, label = jnp.array([[30.0, 0, 0, 0]]), jnp.array([0])
    assert loss_of("cross_entropy")(logits, label)[0] < 1e-6
    np.testing.assert_allclose(loss_of("cross_entropy(smoothing=0.2)")(logits, label)[0], 0.15 * 30, rtol=1e-4)


@pytest.mark.parametrize("smoothing", ["-0.1", "1.0", "2", "'a'"])
def test_smoothing_out_of_range_is_refused(smoothing):
    with pytest.raises(SpecError, match="smoothing must be"):
        loss_of(f"cross_entropy(smoothing={smoothing})")
