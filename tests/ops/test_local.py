"""The locally connected layer against a sum written out in NumPy, and against the convolution it generalises."""

from hypothesis import given, settings
from hypothesis import strategies as st
import jax
from jax.test_util import check_grads
import numpy as np
import pytest

from assay import ops
from assay.models.local import ConvLocal


def arrays(rng, *shapes):
    return [rng.normal(size=shape).astype(np.float32) for shape in shapes]


def by_hand(x, kernel, window, strides, pads):
    """Windows one by one."""
    x = np.pad(x, ((0, 0), *pads, (0, 0)))
    y = np.empty((x.shape[0], *kernel.shape[:2], kernel.shape[3]), np.float64)
    for row in range(kernel.shape[0]):
        for column in range(kernel.shape[1]):
            top, left = row * strides[0], column * strides[1]
            cut = x[:, top : top + window[0], left : left + window[1]].reshape(x.shape[0], -1)
            y[:, row, column] = cut.astype(np.float64) @ kernel[row, column]
    return y


@settings(max_examples=6, deadline=None)
@given(
    size=st.tuples(st.integers(4, 7), st.integers(4, 7)),
    window=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    strides=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    low=st.integers(0, 2),
    high=st.integers(0, 1),
)
def test_every_window_meets_its_own_weights(size, window, strides, low, high):
    pads = ((low, high), (high, low))
    outputs = [(n + low + high - k) // s + 1 for n, k, s in zip(size, window, strides)]
    x, kernel = arrays(np.random.default_rng(0), (2, *size, 3), (*outputs, window[0] * window[1] * 3, 2))
    y = ops.conv_local(x, kernel, window, strides=strides, padding=pads)
    np.testing.assert_allclose(y, by_hand(x, kernel, window, strides, pads), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("padding", "strides"), [("SAME", 1), ("SAME", 2), ("VALID", 2), (2, 1)])
def test_one_kernel_everywhere_is_a_convolution(padding, strides):
    x, kernel = arrays(np.random.default_rng(1), (2, 6, 5, 3), (3, 3, 3, 4))
    shared = ops.conv(x, kernel, strides=strides, padding=padding)
    local = np.broadcast_to(kernel.reshape(-1, 4), (*shared.shape[1:3], 27, 4))
    np.testing.assert_allclose(
        ops.conv_local(x, local, (3, 3), strides=strides, padding=padding), shared, rtol=1e-4, atol=1e-5
    )


def test_gradients_by_finite_differences():
    x, kernel = arrays(np.random.default_rng(2), (2, 4, 3, 2), (2, 2, 12, 2))
    check_grads(
        lambda x, kernel: ops.conv_local(x, kernel, (3, 2), strides=(1, 2), padding=((0, 0), (1, 0))),
        (x, kernel), order=1, modes=["rev"], eps=1e-2, atol=1e-2, rtol=1e-2,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("shapes", "line"),
    [
        (((2, 6, 6), (4, 4, 9, 2)), r"x \[N, H, W, C\]"),
        (((2, 6, 6, 1), (5, 4, 9, 2)), r"has \(4, 4\) windows of \(3, 3\), not kernel \(5, 4, 9, 2\)'s"),
        (((2, 6, 6, 1), (4, 4, 8, 2)), r"not kernel \(4, 4, 8, 2\)'s"),
        (((2, 2, 6, 1), (1, 4, 9, 2)), r"\(3, 3\) does not fit into an image of \(2, 6\)"),
    ],
)
def test_one_clear_line_for_sizes_that_do_not_fit(shapes, line):
    with pytest.raises(ValueError, match=line):
        ops.conv_local(*(np.zeros(shape, np.float32) for shape in shapes), (3, 3), padding="VALID")
    with pytest.raises(ValueError, match="cast one"):
        ops.conv_local(np.zeros((1, 3, 3, 1), np.float32), np.zeros((1, 1, 9, 1), np.float16), (3, 3))


def test_every_position_is_drawn_as_the_kernel_of_a_convolution():
    """The initialiser sees [kh, kw, in, out], so fan_in is kh kw in; and every position draws anew."""
    seen = []

    def init(key, shape, dtype):
        seen.append(shape)
        return jax.random.normal(key, shape, dtype)

    layer = ConvLocal(5, (3, 2), 1, "VALID", True, init, jax.nn.initializers.ones, np.float32)
    params = layer.init(jax.random.key(0), np.zeros((1, 6, 5, 4), np.float32))["params"]
    assert set(seen) == {(3, 2, 4, 5)}
    assert params["kernel"].shape == (4, 4, 24, 5) and params["bias"].shape == (4, 4, 5)
    assert len(np.unique(params["kernel"])) == params["kernel"].size
