"""Pooling against NumPy written from the definition, lax's reduce_window and finite differences."""

from hypothesis import given, settings, strategies as st
import jax
from jax import lax
import jax.numpy as jnp
import numpy as np
import pytest

from assay import ops


@st.composite
def cases(draw):
    window = draw(st.tuples(st.integers(1, 4), st.integers(1, 3)))
    strides = draw(st.just(window) | st.tuples(st.integers(1, 3), st.integers(1, 4)))
    pads = tuple((draw(st.integers(0, k - 1)), draw(st.integers(0, k - 1))) for k in window)
    padding = draw(st.sampled_from(["SAME", "VALID"]) | st.just(pads))
    size = tuple(k + draw(st.integers(0, 6)) for k in window)
    return (draw(st.integers(1, 2)), *size, draw(st.integers(1, 3))), window, strides, padding


def explicit(shape, window, strides, padding):
    """(low, high) of TensorFlow's SAME and VALID, computed from their definition."""
    if padding == "VALID":
        return ((0, 0), (0, 0))
    if padding != "SAME":
        return padding
    needs = [max((-(-n // s) - 1) * s + k - n, 0) for n, k, s in zip(shape[1:3], window, strides)]
    return tuple((need // 2, need - need // 2) for need in needs)


def windows(x, window, strides, padding, fill):
    """[N, H', W', kh, kw, C] by explicit loops."""
    pads = explicit(x.shape, window, strides, padding)
    x = np.pad(x, ((0, 0), *pads, (0, 0)), constant_values=fill)
    rows = range(0, x.shape[1] - window[0] + 1, strides[0])
    columns = range(0, x.shape[2] - window[1] + 1, strides[1])
    return np.stack(
        [np.stack([x[:, i : i + window[0], j : j + window[1]] for j in columns], 1) for i in rows], 1
    )


def pull(pool, x, dy, *args):
    return jax.jit(lambda x, dy: jax.vjp(lambda x: pool(x, *args), x)[1](dy)[0])(x, dy)


def lax_max_pool(x, window, strides, padding):
    pads = ((0, 0), *explicit(x.shape, window, strides, padding), (0, 0))
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, *window, 1), (1, *strides, 1), pads)


@settings(deadline=None, max_examples=30)
@given(cases(), st.booleans())
def test_max_pool_equals_definition_and_lax_gradient(case, ties):
    shape, *how = case
    rng = np.random.default_rng(0)
    x = rng.integers(0, 3, shape).astype(np.float32) if ties else rng.normal(size=shape).astype(np.float32)
    y = jax.jit(lambda x: ops.max_pool(x, *how))(x)
    np.testing.assert_array_equal(y, windows(x, *how, -np.inf).max((3, 4)))
    dy = jnp.asarray(rng.integers(-8, 9, y.shape), jnp.float32)  # whole numbers: sums are exact in any order
    np.testing.assert_array_equal(pull(ops.max_pool, x, dy, *how), pull(lax_max_pool, x, dy, *how))


@settings(deadline=None, max_examples=20)
@given(cases())
def test_avg_pool_equals_definition_and_is_its_own_transpose(case):
    shape, *how = case
    rng = np.random.default_rng(0)
    x = rng.normal(size=shape).astype(np.float32)
    pool = jax.jit(lambda x: ops.avg_pool(x, *how))
    y = pool(x)
    np.testing.assert_allclose(y, windows(x, *how, 0).mean((3, 4)), rtol=1e-5, atol=1e-6)
    dy = rng.normal(size=y.shape).astype(np.float32)
    # avg_pool is linear: <dy, avg_pool(u)> = <pullback(dy), u> for every u.
    u = rng.normal(size=shape).astype(np.float32)
    dx = pull(ops.avg_pool, jnp.asarray(x), jnp.asarray(dy), *how)
    np.testing.assert_allclose(np.vdot(dy, pool(u)), np.vdot(dx, u), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "how", [((2, 2), None, "VALID"), ((3, 3), (2, 2), "SAME"), ((3, 2), (1, 1), "VALID")]
)
@pytest.mark.parametrize("pool", [ops.max_pool, ops.avg_pool])
def test_gradient_by_finite_differences(pool, how):
    rng = np.random.default_rng(0)
    x = rng.permutation(7 * 7 * 2).reshape(1, 7, 7, 2).astype(np.float32)  # no ties within a step
    weights = rng.normal(size=pool(jnp.asarray(x), *how).shape).astype(np.float32)
    f = jax.jit(lambda x: (pool(x, *how) * weights).sum())
    steps = 0.25 * jnp.eye(x.size, dtype=jnp.float32).reshape(-1, *x.shape)
    numeric = jax.vmap(lambda step: (f(x + step) - f(x - step)) / 0.5)(steps).reshape(x.shape)
    np.testing.assert_allclose(jax.grad(f)(jnp.asarray(x)), numeric, atol=2e-3)


@pytest.mark.parametrize("strides", [None, (1, 1)])
def test_ties_go_to_the_first_in_row_major_order(strides):
    x = jnp.ones((1, 2, 2, 1))
    dx = jax.grad(lambda x: ops.max_pool(x, (2, 2), strides).sum())(x)
    np.testing.assert_array_equal(dx[0, :, :, 0], [[1, 0], [0, 0]])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_max_pool_of_non_finite_values_is_numpys(bad):
    x = np.arange(16, dtype=np.float32).reshape(1, 4, 4, 1)
    x[0, 1, 0, 0] = bad
    expected = windows(x, (2, 2), (2, 2), "VALID", 0).max((3, 4))
    np.testing.assert_array_equal(ops.max_pool(jnp.asarray(x)), expected)
    value, pullback = jax.vjp(ops.max_pool, jnp.asarray(x))
    np.testing.assert_array_equal(value, expected)
    dx = pullback(jnp.ones_like(value))[0]
    assert float(dx.sum()) == 4 and dx[0, 1, 0, 0] == float(not bad < 0)


def test_bfloat16_average_rounds_once():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(1, 30, 30, 1)), jnp.bfloat16)
    y = jax.jit(lambda x: ops.avg_pool(x, 30))(x)
    assert y.dtype == jnp.bfloat16
    assert y[0, 0, 0, 0] == np.asarray(x, np.float32).mean().astype(jnp.bfloat16)
    assert jax.grad(lambda x: ops.avg_pool(x, 3, 2).astype(jnp.float32).sum())(x).dtype == jnp.bfloat16


def test_a_line_of_more_than_256_pixels_remembers_its_maximum():
    x = jnp.arange(300, dtype=jnp.float32).reshape(1, 300, 1, 1)
    dx = jax.jit(jax.grad(lambda x: ops.max_pool(x, (300, 1)).sum()))(x)
    assert dx.sum() == 1 and dx.argmax() == x.argmax()


@pytest.mark.parametrize("pool", [ops.max_pool, ops.avg_pool])
def test_works_inside_scan_and_vmap(pool):
    x = jnp.asarray(np.random.default_rng(0).normal(size=(3, 2, 7, 6, 2)), jnp.float32)
    f = jax.jit(jax.grad(lambda x: jnp.square(pool(x, 3, 2, "SAME")).sum()))
    looped = lax.scan(lambda carry, x: (carry, f(x)), 0, x)[1]
    np.testing.assert_allclose(looped, jnp.stack([f(image) for image in x]), rtol=1e-6)
    np.testing.assert_allclose(looped, jax.vmap(f)(x), rtol=1e-6)


@pytest.mark.parametrize(
    "shape,how,message",
    [
        ((4, 4, 1), (), "takes floating-point images"),
        ((1, 4, 4, 1), (0,), "window must be"),
        ((1, 4, 4, 1), (5,), "larger than the image"),
        ((1, 4, 4, 1), (2, None, 2), "smaller than the window"),
        ((1, 4, 4, 1), (2, None, "FULL"), "padding must be"),
    ],
)
@pytest.mark.parametrize("pool", [ops.max_pool, ops.avg_pool])
def test_bad_input_is_one_clear_line(pool, shape, how, message):
    with pytest.raises(ValueError, match=message) as error:
        pool(jnp.zeros(shape), *how)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("pool", [ops.max_pool, ops.avg_pool])
def test_whole_numbers_are_refused(pool):
    with pytest.raises(ValueError, match="takes floating-point images"):
        pool(jnp.zeros((1, 4, 4, 1), jnp.int32))
