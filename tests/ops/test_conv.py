"""The convolution and its gradients against lax's own, over shapes and in every transformation in use."""

import re

from flax import linen as nn
from hypothesis import given, settings, strategies as st
import jax
from jax import lax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import signal

from assay import ops

LAYOUT = ("NHWC", "HWIO", "NHWC")


def draw(shape, dtype=jnp.float32, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), dtype)


def relative(actual, expected):
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape
    return np.abs(actual - expected).max(initial=0) / max(np.abs(expected).max(initial=0), 1e-30)


def reference(x, kernel, strides, padding, dilation, groups):
    return lax.conv_general_dilated(
        x,
        kernel,
        strides,
        padding,
        rhs_dilation=dilation,
        dimension_numbers=LAYOUT,
        feature_group_count=groups,
    )


@st.composite
def geometries(draw_):
    small = st.integers(1, 3)
    groups, window, dilation = (
        draw_(small),
        draw_(st.tuples(small, st.integers(1, 4))),
        draw_(st.tuples(small, small)),
    )
    side = st.integers(0, 3)
    padding = draw_(
        st.sampled_from(["SAME", "VALID"]) | st.tuples(st.tuples(side, side), st.tuples(side, side))
    )
    size = tuple((k - 1) * d + draw_(st.integers(1, 6)) for k, d in zip(window, dilation))
    inputs, outputs = groups * draw_(small), groups * draw_(small)
    return (
        (draw_(small), *size, inputs),
        (*window, inputs // groups, outputs),
        dict(strides=draw_(st.tuples(small, small)), padding=padding, dilation=dilation, groups=groups),
    )


@settings(deadline=None, max_examples=30)
@given(geometries())
def test_value_and_gradients_equal_lax(geometry):
    x_shape, kernel_shape, kwargs = geometry
    x, kernel = draw(x_shape), draw(kernel_shape, seed=1)

    def value_and_pulled(convolve, x, kernel):
        y, pullback = jax.vjp(lambda x, k: convolve(x, k, **kwargs), x, kernel)
        return y, *pullback(draw(y.shape, seed=2))

    both = (jax.jit(value_and_pulled, static_argnums=0)(f, x, kernel) for f in (ops.conv, reference))
    for actual, wanted in zip(*both):
        assert relative(actual, wanted) < 1e-5


@pytest.mark.parametrize(
    "strides,padding,dilation,groups", [(1, "SAME", 1, 1), (2, "SAME", 1, 2), (1, "VALID", 2, 1)]
)
def test_bfloat16_gradients_round_once(strides, padding, dilation, groups):
    """Against the float32 gradient of the same bfloat16 numbers: one rounding of the result, at most 2^-9.

    The sums are accumulated in float32, so that nothing grows with the 800 terms of a kernel gradient.
    """
    x, kernel = draw((8, 10, 10, 4), jnp.bfloat16), draw((3, 3, 4 // groups, 6), jnp.bfloat16, 1)
    kwargs = dict(strides=strides, padding=padding, dilation=dilation, groups=groups)
    y, pullback = jax.vjp(lambda x, k: ops.conv(x, k, **kwargs), x, kernel)
    dy = draw(y.shape, jnp.bfloat16, 2)
    wide = [a.astype(jnp.float32) for a in (x, kernel, dy)]
    exact, exact_pullback = jax.vjp(lambda x, k: ops.conv(x, k, **kwargs), *wide[:2])
    for actual, wanted in zip((y, *pullback(dy)), (exact, *exact_pullback(wide[2]))):
        assert actual.dtype == jnp.bfloat16
        assert relative(actual, wanted) < 2**-8


def test_preferred_element_type_keeps_float32_results():
    x, kernel = draw((4, 8, 8, 3), jnp.bfloat16), draw((3, 3, 3, 5), jnp.bfloat16, 1)
    y, pullback = jax.vjp(lambda x, k: ops.conv(x, k, preferred_element_type=jnp.float32), x, kernel)
    assert y.dtype == jnp.float32
    assert relative(y, ops.conv(x.astype(jnp.float32), kernel.astype(jnp.float32))) < 1e-6
    assert [gradient.dtype for gradient in pullback(y)] == [jnp.bfloat16, jnp.bfloat16]


def test_against_scipy():
    x, kernel = draw((1, 9, 8, 2)), draw((3, 4, 2, 1), seed=1)
    expected = sum(signal.correlate(x[0, :, :, c], kernel[:, :, c, 0], mode="valid") for c in range(2))
    np.testing.assert_allclose(
        ops.conv(x, kernel, padding="VALID")[0, :, :, 0], expected, rtol=1e-5, atol=1e-5
    )


def gradients(conv, x, kernel):
    return jax.grad(lambda x, k: jnp.sin(conv(x, k, (2, 2), "SAME", dimension_numbers=LAYOUT)).sum(), (0, 1))(
        x, kernel
    )


def looped(conv, x, kernel):
    def step(carry, _):
        dx, dk = gradients(conv, *carry)
        return (carry[0] + 0.1 * dx, carry[1] + 0.1 * dk), dx

    return lax.scan(step, (x, kernel), None, length=3)


@pytest.mark.parametrize(
    "transform",
    [
        jax.jit(gradients, static_argnums=0),
        jax.jit(looped, static_argnums=0),
        lambda conv, x, k: lax.fori_loop(0, 2, lambda _, c: gradients(conv, *c), (x, k)),
        lambda conv, x, k: jax.vmap(lambda x, k: gradients(conv, x, k))(
            jnp.stack([x, 2 * x]), jnp.stack([k, k + 1])
        ),
        lambda conv, x, k: jax.vmap(lambda k: gradients(conv, x, k))(jnp.stack([k, k + 1])),
        lambda conv, x, k: lax.map(lambda k: gradients(conv, x, k), jnp.stack([k, k + 1])),
        lambda conv, x, k: jax.grad(lambda k: jnp.square(gradients(conv, x, k)[0]).sum())(k),
        lambda conv, x, k: jax.jit(
            jax.grad(jax.checkpoint(lambda k: jnp.sin(gradients(conv, x, k)[1]).sum()))
        )(k),
    ],
    ids=["jit", "scan", "fori_loop", "vmap", "vmap_kernel", "map", "second_order", "checkpoint"],
)
def test_transformations(transform):
    x, kernel = draw((2, 7, 6, 3)), draw((3, 3, 3, 4), seed=1)
    actual = transform(ops.conv_general_dilated, x, kernel)
    wanted = transform(lax.conv_general_dilated, x, kernel)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), actual, wanted)


def convolutions(f, *args):
    """Output shapes of the convolutions in the optimised program."""
    text = jax.jit(f).lower(*args).compile().as_text()
    return re.findall(r"= f32\[([\d,]+)\]\S* (?:convolution|custom-call)\(.*", text)


def test_first_layer_computes_no_input_gradient():
    x, kernel = draw((2, 8, 8, 3)), draw((3, 3, 3, 4), seed=1)
    loss = lambda x, k: jnp.square(ops.conv(x, k)).sum()
    both = convolutions(jax.grad(loss, (0, 1)), x, kernel)
    only = convolutions(jax.grad(loss, 1), x, kernel)
    assert len(both) == len(only) + 1 == 3


@pytest.mark.parametrize(
    "x_shape,kernel_shape,numbers,kwargs",
    [
        ((2, 9, 3), (3, 3, 4), ("NWC", "WIO", "NWC"), {}),
        ((2, 5, 6, 4, 3), (2, 2, 2, 3, 4), ("NDHWC", "DHWIO", "NDHWC"), {}),
        ((2, 5, 6, 3), (3, 3, 3, 4), LAYOUT, dict(lhs_dilation=(2, 1))),
        ((2, 3, 5, 6), (4, 3, 3, 3), None, {}),
        ((4, 5, 6, 3), (3, 3, 3, 4), LAYOUT, dict(batch_group_count=2)),
    ],
    ids=["1d", "3d", "lhs_dilation", "channels_first", "batch_groups"],
)
def test_other_convolutions_are_left_to_lax(x_shape, kernel_shape, numbers, kwargs):
    strides, padding = (1,) * (len(x_shape) - 2), ((1, 1),) * (len(x_shape) - 2)
    args = draw(x_shape), draw(kernel_shape, seed=1)
    for derivative in (lambda f: f, lambda f: jax.grad(lambda *a: jnp.sin(f(*a)).sum(), (0, 1))):
        actual, wanted = (
            derivative(lambda x, k: conv(x, k, strides, padding, dimension_numbers=numbers, **kwargs))(*args)
            for conv in (ops.conv_general_dilated, lax.conv_general_dilated)
        )
        jax.tree.map(np.testing.assert_array_equal, actual, wanted)


def test_flax_module_takes_it():
    x = draw((2, 8, 8, 4))
    make = lambda conv: nn.Conv(6, (3, 3), (2, 2), feature_group_count=2, conv_general_dilated=conv)
    params = make(None).init(jax.random.key(0), x)
    loss = lambda conv: jax.value_and_grad(lambda p: jnp.sin(make(conv).apply(p, x)).sum())(params)
    actual, wanted = loss(ops.conv_general_dilated), loss(None)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), actual, wanted)


@pytest.mark.parametrize(
    "x,kernel,kwargs,message",
    [
        ((2, 8, 3), (3, 3, 3, 4), {}, "conv takes x"),
        ((2, 8, 8, 3), (3, 3, 2, 4), {}, "do not fit together"),
        ((2, 8, 8, 4), (3, 3, 2, 3), dict(groups=2), "do not fit together"),
        ((2, 8, 8, 3), (3, 3, 3, 4), dict(strides=0), "strides must be"),
        ((2, 8, 8, 3), (3, 3, 3, 4), dict(dilation=(1, 1, 1)), "dilation must be"),
        ((2, 8, 8, 3), (3, 3, 3, 4), dict(padding="FULL"), "padding must be"),
        ((2, 8, 8, 3), (3, 3, 3, 4), dict(padding=((1, 1),)), "padding must be"),
    ],
)
def test_bad_input_is_one_clear_line(x, kernel, kwargs, message):
    with pytest.raises(ValueError, match=message) as error:
        ops.conv(jnp.zeros(x), jnp.zeros(kernel), **kwargs)
    assert "\n" not in str(error.value)


def test_mixed_dtypes_are_refused():
    with pytest.raises(ValueError, match="cast one of them"):
        ops.conv(jnp.zeros((1, 4, 4, 1)), jnp.zeros((3, 3, 1, 1), jnp.bfloat16))


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
@pytest.mark.parametrize("size,strides", [((2, 2), 2), ((3, 3), 2), ((4, 4), 2), ((5, 4), (1, 3)), ((1, 1), 2)])
def test_transposed_convolution_is_lax_s(size, strides, padding):
    x, kernel = draw((2, 3, 4, 3)), draw((*size, 3, 2), seed=1)
    pair = (strides, strides) if isinstance(strides, int) else strides
    expected = lax.conv_transpose(x, kernel, pair, padding, dimension_numbers=LAYOUT)
    assert relative(ops.conv_transpose(x, kernel, strides=strides, padding=padding), expected) < 1e-5
    with pytest.raises(ValueError, match="must be 'SAME' or 'VALID', not 3"):
        ops.conv_transpose(x, kernel, padding=3)
