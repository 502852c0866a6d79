"""The three calls that a 2-D convolution and its gradients are made of, in the form that the CPU backend is fast in.

`correlate` is the convolution, `spread` its transpose in the image, `kernel_gradient` its transpose in the kernel.

Inside a loop body the CPU backend runs a convolution by a library only if it is NHWC x HWIO -> NHWC without dilation of
its image; anything else falls to a scalar loop. So all three are such convolutions (docs/performance.md has the times):

  spread           a stride-1 convolution that makes the stride x stride pixels of a patch as channels, then moves them
  kernel_gradient  the image as [1, H, W*C, N], dy as a kernel [H', W', N, O] dilated by C: a position of the
                   result is a tap and a channel, so that the library has rows of kw*C numbers to work on

Of the libraries in it, oneDNN is faster than the one that XLA prefers, and takes what that one does not:
convolutions with a third axis of length 1, and kernels whose channels are in the other order.
"""

from typing import Any, NamedTuple

import jax
from jax import Array, lax
from jax.experimental.layout import Layout, with_layout_constraint
import jax.numpy as jnp

from assay.ops.compiler import onednn
from assay.ops.window import Pair

_LAYOUT = ("NHWC", "HWIO", "NHWC")


class Geometry(NamedTuple):
    """Of a convolution: padding is (low, high) per axis, dilation the kernel's; the rest as lax has it."""

    strides: Pair
    padding: tuple[Pair, Pair]
    dilation: Pair
    groups: int
    precision: Any
    preferred_element_type: Any


def correlate(x: Array, kernel: Array, geometry: Geometry, inverted: bool = False) -> Array:
    """The convolution: `[N, H, W, C]` by `[kh, kw, C / groups, O]` -> `[N, H', W', O]`.

    Args:
      inverted: the kernel is `[kh, kw, O, C / groups]`.
    """
    padding, by_onednn = geometry.padding, _by_onednn(x, kernel, geometry)
    if inverted and not by_onednn:
        kernel, inverted = materialise(kernel.transpose(0, 1, 3, 2)), False
    if jax.default_backend() == "cpu" and (_larger(kernel, x) or min(map(min, padding)) < 0):
        # XLA would exchange a small image with its kernel and flip it, which no library takes.
        edges = ((0, 0, 0), *((low, high, 0) for low, high in padding), (0, 0, 0))
        x, padding = lax.optimization_barrier(lax.pad(x, jnp.zeros((), x.dtype), edges)), ((0, 0), (0, 0))
    strides, dilation, numbers = geometry.strides, geometry.dilation, _LAYOUT
    if by_onednn:
        x, kernel, padding = x[:, None], kernel[None], ((0, 0), *padding)
        strides, dilation = (1, *strides), (1, *dilation)
        numbers = ("NDHWC", "DHWOI" if inverted else "DHWIO", "NDHWC")
    y = lax.conv_general_dilated(
        x,
        kernel,
        strides,
        padding,
        rhs_dilation=dilation,
        dimension_numbers=numbers,
        feature_group_count=geometry.groups,
        precision=geometry.precision,
        preferred_element_type=geometry.preferred_element_type,
    )
    return y[:, 0] if by_onednn else y


def spread(dy: Array, kernel: Array, size: Pair, geometry: Geometry) -> Array:
    """`correlate` transposed in its image: `[N, H', W', O]` by `[kh, kw, C / groups, O]` -> `[N, *size, C]`.

    Along an axis, y[p] is the sum of dy[q] kernel[p + low - stride q]. With p + low = stride u + r, the remainder r
    picks the taps r, r + stride, ... of the kernel, and these are convolved with dy: one convolution for all r.
    """
    strides, dilation, groups = geometry.strides, geometry.dilation, geometry.groups
    if max(strides) > 1 and max(dilation) > 1:
        edges = [(0, 0, step - 1) for step in dilation]
        kernel, dilation = lax.pad(kernel, jnp.zeros((), kernel.dtype), (*edges, (0, 0, 0), (0, 0, 0))), (1, 1)
    axes = [
        _axis(*axis)
        for axis in zip(kernel.shape[:2], strides, dilation, dy.shape[1:3], size, geometry.padding)
    ]
    taps, parts = [axis.taps for axis in axes], [axis.parts for axis in axes]
    inputs, outputs = kernel.shape[2], kernel.shape[3] // groups
    fill = [(0, axis.taps * axis.parts - have, 0) for axis, have in zip(axes, kernel.shape)]
    kernel = lax.pad(kernel, jnp.zeros((), kernel.dtype), (*fill, (0, 0, 0), (0, 0, 0)))
    kernel = kernel.reshape(taps[0], parts[0], taps[1], parts[1], inputs, groups, outputs)[::-1, :, ::-1]
    kernel = kernel.transpose(0, 2, 5, 1, 3, 4, 6).reshape(*taps, -1, outputs)
    padding = tuple(axis.padding for axis in axes)
    inner = geometry._replace(strides=(1, 1), padding=padding, dilation=dilation)
    y = correlate(dy, kernel.astype(dy.dtype), inner, inverted=True)
    if parts == [1, 1] == list(strides):
        return y
    n, h, w, _ = y.shape
    y = y.reshape(n, h, w, groups, *parts, inputs).transpose(0, 1, 4, 2, 5, 3, 6)
    # Pixels that no tap reaches, where the stride is larger than the kernel.
    gaps = [(0, stride - part, 0) for stride, part in zip(strides, parts)]
    none = (0, 0, 0)
    y = lax.pad(y, jnp.zeros((), y.dtype), (none, none, gaps[0], none, gaps[1], none, none))
    y = y.reshape(n, h * strides[0], w * strides[1], groups * inputs)
    return y[:, axes[0].first : axes[0].first + size[0], axes[1].first : axes[1].first + size[1]]


def kernel_gradient(x: Array, dy: Array, kernel_shape: tuple[int, ...], geometry: Geometry) -> Array:
    """`correlate` transposed in its kernel: `[N, H, W, C]` and `[N, H', W', O]` -> `kernel_shape`."""
    n, h, w, channels = x.shape
    (kh, kw, inputs, outputs), groups = kernel_shape, geometry.groups
    if (kh, kw) == geometry.strides == (1, 1) and groups == 1 and not any(map(any, geometry.padding)):
        flat = x.astype(dy.dtype).reshape(-1, inputs), dy.reshape(-1, outputs)
        of = {"precision": geometry.precision, "preferred_element_type": geometry.preferred_element_type}
        return lax.dot_general(*flat, (((0,), (0,)), ((), ())), **of).reshape(kernel_shape)
    # Whole pixels first, then within pixels: XLA's transposes run number by number, and this order keeps to the cache.
    image = materialise(x.transpose(1, 2, 0, 3)).reshape(h, w, n, groups, inputs)
    image = materialise(image.transpose(0, 1, 4, 3, 2)).reshape(1, h, w * inputs, groups * n)
    window = materialise(dy.transpose(1, 2, 0, 3))  # [H', W', N, O]
    reach = [(size - 1) * step + 1 for size, step in zip((kh, kw), geometry.dilation)]
    span = [(size - 1) * stride + 1 for size, stride in zip(dy.shape[1:3], geometry.strides)]
    rows, columns = (
        (low, span + reach - 1 - size - low)
        for size, reach, span, (low, _) in zip((h, w), reach, span, geometry.padding)
    )
    inner = geometry._replace(
        strides=(geometry.dilation[0], 1),
        padding=(rows, (columns[0] * inputs, columns[1] * inputs)),
        dilation=(geometry.strides[0], geometry.strides[1] * inputs),
    )
    dw = correlate(image.astype(dy.dtype), window, inner)
    return dw.reshape(kh, reach[1], inputs, outputs)[:, :: geometry.dilation[1]]


class _Axis(NamedTuple):
    taps: int
    parts: int
    padding: Pair
    first: int


def _axis(kernel: int, stride: int, dilation: int, outputs: int, size: int, padding: Pair) -> _Axis:
    """One axis of `spread`: taps of a part's kernel, parts of a patch, padding of dy, the first pixel that is asked."""
    low = padding[0]
    taps, first, last = -(-kernel // stride), low // stride, (low + size - 1) // stride
    edges = ((taps - 1) * dilation - first, last - (outputs - 1))
    return _Axis(taps, min(kernel, stride), edges, low - stride * first)


def materialise(x: Array) -> Array:
    """Has a transposed array written out: folded into a convolution it would leave the fast layout.

    The barrier alone forbids the folding, but then the array is written twice, once in the old order.
    """
    return lax.optimization_barrier(with_layout_constraint(x, Layout(tuple(range(x.ndim)))))


def _by_onednn(x: Array, kernel: Array, geometry: Geometry) -> bool:
    wide = geometry.preferred_element_type in (None, jnp.float32)
    return onednn() and x.dtype == kernel.dtype == jnp.float32 and wide


def _larger(kernel: Array, x: Array) -> bool:
    return kernel.shape[0] * kernel.shape[1] > x.shape[1] * x.shape[2]
