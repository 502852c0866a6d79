"""Convolutions as training programs are compiled: against lax's own, and by a library in every call."""

import re

import jax
from jax import lax
import jax.numpy as jnp
import numpy as np
import pytest

from assay import ops
from assay.ops.compiler import compiler_options, onednn

# x, kernel, and how: strides above, at and below the kernel's size, images smaller than it, groups, odd paddings.
CASES = {
    "plain": ((2, 6, 7, 3), (3, 3, 3, 4), {}),
    "strided": ((2, 9, 8, 3), (3, 5, 3, 4), dict(strides=2)),
    "gaps": ((2, 7, 7, 3), (1, 2, 3, 4), dict(strides=3)),
    "small image": ((2, 2, 2, 3), (3, 3, 3, 4), {}),
    "one pixel": ((2, 1, 1, 3), (3, 3, 3, 4), dict(strides=2)),
    "one tap": ((2, 5, 4, 3), (1, 1, 3, 4), {}),
    "groups": ((2, 6, 6, 4), (3, 3, 2, 6), dict(strides=2, groups=2)),
    "dilated": ((2, 9, 9, 3), (3, 3, 3, 4), dict(dilation=2)),
    "strided, dilated": ((2, 9, 9, 3), (3, 3, 3, 4), dict(strides=(2, 1), dilation=(2, 2))),
    "wide padding": ((2, 5, 5, 3), (2, 1, 3, 4), dict(padding=((3, 0), (1, 2)), strides=(1, 2))),
}


def draw(shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def compiled(function):
    return jax.jit(function, compiler_options=compiler_options())


def close(actual, wanted):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), actual, wanted)


def value_and_pulled(convolve, x, kernel):
    y, pullback = jax.vjp(convolve, x, kernel)
    return y, pullback(jnp.sin(y))


def test_value_and_gradients_equal_lax_under_the_options_of_training():
    arguments = {name: (draw(x), draw(kernel, 1)) for name, (x, kernel, _) in CASES.items()}

    def lax_conv(x, kernel, strides=1, padding="SAME", dilation=1, groups=1):
        both = lambda value: (value, value) if isinstance(value, int) else value
        numbers = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(
            x, kernel, both(strides), padding, None, both(dilation), numbers, feature_group_count=groups
        )

    def all_of(conv, arguments):
        hows = {name: how for name, (_, _, how) in CASES.items()}
        return {
            name: value_and_pulled(lambda *a: conv(*a, **hows[name]), *both) for name, both in arguments.items()
        }

    ours = compiled(lambda arguments: all_of(ops.conv, arguments))(arguments)
    close(ours, jax.jit(lambda arguments: all_of(lax_conv, arguments))(arguments))


@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_transposed_convolution_equals_lax_under_the_options_of_training(padding):
    cases = [((2, 4), (4, 4), 2), ((3, 3), (2, 2), 2), ((3, 2), (3, 5), 1), ((2, 3), (2, 1), 3)]
    arguments = [(draw((2, *size, 3)), draw((*kernel, 3, 4), 1)) for size, kernel, _ in cases]

    def all_of(conv, arguments):
        return [
            value_and_pulled(lambda *a: conv(*a, strides=(stride, stride), padding=padding), *both)
            for both, (_, _, stride) in zip(arguments, cases)
        ]

    ours = compiled(lambda arguments: all_of(ops.conv_transpose, arguments))(arguments)
    close(ours, jax.jit(lambda arguments: all_of(lax.conv_transpose, arguments))(arguments))


def test_accelerators_keep_the_gradients_that_jax_derives(monkeypatch):
    x, kernel = draw((2, 3, 3, 3)), draw((4, 4, 3, 2), 1)
    monkeypatch.setattr(jax, "default_backend", lambda: "tpu")
    monkeypatch.setattr("assay.ops.conv_calls.onednn", lambda: False)
    conv = lambda x, kernel: ops.conv_transpose(x, kernel, strides=2)
    close(
        value_and_pulled(conv, x, kernel),
        value_and_pulled(lambda x, kernel: lax.conv_transpose(x, kernel, (2, 2), "SAME"), x, kernel),
    )


@pytest.mark.skipif(not onednn(), reason="this jaxlib has no oneDNN")
def test_every_convolution_in_a_training_loop_is_a_library_call():
    x, kernel = draw((4, 2, 2, 32)), draw((3, 3, 32, 32), 1)

    def step(_, kernel):
        def loss(kernel):
            y = ops.conv(ops.conv_transpose(x, kernel, strides=2), kernel, strides=2)
            return jnp.square(ops.conv(y, kernel)).sum()

        return kernel - 1e-6 * jax.grad(loss)(kernel)

    text = compiled(lambda kernel: lax.fori_loop(0, 3, step, kernel)).lower(kernel).compile().as_text()
    # Forward and by the kernel for each of the three, by the image for the last two.
    assert len(re.findall(r'custom_call_target="__onednn\$convolution"', text)) == 8
    assert not re.findall(r" convolution\(", text)
