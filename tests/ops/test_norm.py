"""Normalisation against its formula in float64 NumPy, gradients against automatic and numerical ones."""

from hypothesis import given, settings, strategies as st
import jax
from jax import lax
import jax.numpy as jnp
from jax.test_util import check_grads
import numpy as np
import pytest

from assay import ops
from assay.ops.norm import moments


def draw(shape, seed=0, mean=0.0, std=1.0):
    return np.random.default_rng(seed).normal(mean, std, size=shape).astype(np.float32)


def formula(x, axes, scale, bias, epsilon):
    x = np.asarray(x, np.float64)
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return (x - mean) / np.sqrt(variance + epsilon) * scale + bias


shapes = st.sampled_from([(7, 4), (1, 5, 6, 4), (3, 2, 5, 8), (2, 3, 4)])


@settings(deadline=None, max_examples=12)
@given(shapes, st.sampled_from([1e-5, 1e-2]), st.sampled_from([0.0, -3.0]))
def test_values_are_the_formulas(shape, epsilon, mean):
    x, scale, bias = draw(shape, mean=mean), draw(shape[-1:], 1), draw(shape[-1:], 2)
    batch, batch_mean, batch_variance = ops.batch_norm(jnp.asarray(x), scale, bias, epsilon)
    all_but_last = tuple(range(len(shape) - 1))
    close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
    close(batch, formula(x, all_but_last, scale, bias, epsilon))
    close(batch_mean, x.mean(all_but_last))
    close(batch_variance, x.var(all_but_last))
    layer = ops.layer_norm(jnp.asarray(x), scale, bias, epsilon)
    close(layer, formula(x, tuple(range(1, len(shape))), scale, bias, epsilon))
    half = shape[-1] // 2
    group = ops.group_norm(jnp.asarray(x), scale, bias, 2, epsilon)
    for part in (slice(0, half), slice(half, None)):
        close(
            group[..., part],
            formula(x[..., part], tuple(range(1, len(shape))), scale[part], bias[part], epsilon),
        )


def derived_batch_norm(x, scale, bias, epsilon):
    """The formula in plain jnp, for JAX to differentiate."""
    axes = tuple(range(x.ndim - 1))
    mean = x.mean(axes)
    variance = jnp.square(x - lax.expand_dims(mean, axes)).mean(axes)
    lift = lambda a: lax.expand_dims(a, axes)
    return (x - lift(mean)) / jnp.sqrt(lift(variance) + epsilon) * lift(scale) + lift(bias), mean, variance


@pytest.mark.parametrize("shape", [(9, 3), (4, 3, 5, 2)])
def test_batch_norm_gradient_equals_the_derived_one(shape):
    """Of all three results, so that the statistics may be differentiated too."""
    args = (
        jnp.asarray(draw(shape, mean=2, std=3)),
        jnp.asarray(draw(shape[-1:], 1)),
        jnp.asarray(draw(shape[-1:], 2)),
    )
    weights = draw(shape, 3), draw(shape[-1:], 4), draw(shape[-1:], 5)

    def gradient(f):
        loss = lambda *args: sum(
            (jnp.sin(out) * weight).sum() for out, weight in zip(f(*args, 1e-3), weights)
        )
        return jax.jit(jax.grad(loss, (0, 1, 2)))(*args)

    actual, wanted = gradient(ops.batch_norm), gradient(derived_batch_norm)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5), actual, wanted)


@pytest.mark.parametrize(
    "norm",
    [lambda *a: ops.batch_norm(*a)[0], ops.layer_norm, lambda *a: ops.group_norm(*a, 2)],
    ids=["b", "l", "g"],
)
def test_gradients_by_finite_differences(norm):
    with jax.enable_x64(True):
        x, scale, bias = (
            jnp.asarray(a, jnp.float64) for a in (draw((3, 2, 2, 4)), draw((4,), 1), draw((4,), 2))
        )
        weights = jnp.asarray(draw(x.shape, 3), jnp.float64)
        f = jax.jit(lambda x, scale, bias: (norm(x, scale, bias) * weights).sum())
        check_grads(f, (x, scale, bias), order=2, modes=["rev"], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("mean", [1e4, -1e4])
def test_a_large_mean_does_not_swallow_the_variance(mean):
    """E[x^2] - E[x]^2 in float32 would be off by whole units here: 1e8 has a spacing of 8.

    The mean itself is good to a few units in its last place, which is 0.001 here.
    """
    x = draw((64, 4, 4, 3), mean=mean)
    y, _, variance = ops.batch_norm(jnp.asarray(x), jnp.ones(3), jnp.zeros(3))
    exact = np.asarray(x, np.float64)
    np.testing.assert_allclose(variance, exact.var((0, 1, 2)), rtol=1e-4)
    np.testing.assert_allclose(y, formula(x, (0, 1, 2), 1, 0, 1e-5), atol=5e-3)
    np.testing.assert_allclose(
        ops.group_norm(jnp.asarray(x), jnp.ones(3), jnp.zeros(3), 3).std(), 1, rtol=1e-2
    )


def test_bfloat16_has_float32_statistics():
    x = jnp.asarray(draw((500, 2), mean=3), jnp.bfloat16)
    y, mean, variance = ops.batch_norm(x, jnp.ones(2), jnp.zeros(2))
    assert (y.dtype, mean.dtype, variance.dtype) == (jnp.bfloat16, jnp.float32, jnp.float32)
    wide = np.asarray(x, np.float64)
    np.testing.assert_allclose(mean, wide.mean(0), rtol=1e-5)
    np.testing.assert_allclose(variance, wide.var(0), rtol=1e-5)
    # One rounding of the result: half a unit in the last of 8 bits.
    np.testing.assert_allclose(np.asarray(y, np.float64), formula(wide, 0, 1, 0, 1e-5), rtol=2**-8, atol=1e-4)
    dx = jax.grad(
        lambda x: jnp.sin(ops.batch_norm(x, jnp.ones(2), jnp.zeros(2))[0].astype(jnp.float32)).sum()
    )(x)
    assert dx.dtype == jnp.bfloat16
    assert ops.group_norm(x, jnp.ones(2), jnp.zeros(2), 2).dtype == jnp.bfloat16


def test_constant_channels_give_the_bias_and_finite_gradients():
    x, bias = jnp.full((8, 3), 7.0), jnp.arange(3.0)
    y, pullback = jax.vjp(lambda x: ops.batch_norm(x, jnp.ones(3), bias)[0], x)
    np.testing.assert_array_equal(y, np.broadcast_to(bias, (8, 3)))
    assert jnp.isfinite(pullback(jnp.ones_like(y))[0]).all()


def test_moments_keep_the_axes():
    mean, variance = moments(jnp.asarray(draw((3, 4, 5))), (0, 2))
    assert mean.shape == variance.shape == (1, 4, 1)


@pytest.mark.parametrize("groups", [0, 3])
def test_groups_must_divide_the_channels(groups):
    with pytest.raises(ValueError, match=f"4 channels cannot be split into {groups} equal groups"):
        ops.group_norm(jnp.zeros((2, 4)), jnp.ones(4), jnp.zeros(4), groups)
