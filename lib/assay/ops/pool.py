"""Max and average pooling of NHWC images whose gradients are elementwise.

The gradient of `lax.reduce_window` with max is a select-and-scatter, which the CPU backend runs pixel by
pixel. Here an image is pooled along its two axes, one after the other; along one axis a window is
`window` strided slices ("taps"), and which tap won is remembered as one small integer per output.
"""

from collections.abc import Callable, Sequence
import functools
from typing import NamedTuple

import jax
from jax import Array, lax
import jax.numpy as jnp

from assay.ops.accumulation import accumulator
from assay.ops.window import Padding, Pair, explicit_padding, pair


class _Line(NamedTuple):
    """Windows along one axis of `size` pixels; `padding` is (low, high)."""

    axis: int
    size: int
    window: int
    stride: int
    padding: Pair

    @property
    def outputs(self) -> int:
        return (self.size + sum(self.padding) - self.window) // self.stride + 1


def max_pool(
    x: Array,
    window: int | Sequence[int] = (2, 2),
    strides: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
) -> Array:
    """Maximum over windows. Among equal maxima the gradient goes to the first in row-major order.

    (The rule of `lax.reduce_window` and of PyTorch.) NaN in a window gives NaN. Padding never wins.

    Args:
      x: [N, H, W, C], floating point.
      window, strides: one number or (rows, columns); strides default to the window.
      padding: "SAME", "VALID", or pixels to add: one number, one per axis, or (low, high) per axis.

    Returns:
      [N, H', W', C]; VALID drops the rows and columns at the end that fill no window.

    Raises:
      ValueError: x is not four-dimensional or not floating point, or a window that does not fit.
    """
    # Columns first: then the first row's winner is the first in row-major order.
    for line in reversed(_lines("max_pool", x, window, strides, padding)):
        x = _max_pool(x, line)
    return x


def avg_pool(
    x: Array,
    window: int | Sequence[int] = (2, 2),
    strides: int | Sequence[int] | None = None,
    padding: Padding = "VALID",
) -> Array:
    """Mean over windows; padding counts as zeros, as it does by default in flax and PyTorch.

    Sums are taken in float32 at least. Arguments, result and errors as in `max_pool`.
    """
    lines = _lines("avg_pool", x, window, strides, padding)
    sums = x.astype(accumulator(x.dtype))
    for line in lines:
        sums = _sum_pool(sums, line)
    return (sums / (lines[0].window * lines[1].window)).astype(x.dtype)


def _lines(what: str, x: Array, window, strides, padding) -> list[_Line]:
    if x.ndim != 4 or not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(f"{what} takes floating-point images [N, H, W, C], not {x.dtype}{list(x.shape)}")
    window = pair(window, "window")
    strides = window if strides is None else pair(strides, "strides")
    pads = explicit_padding(padding, x.shape[1:3], window, strides)
    if any(min(pad) < 0 or max(pad) >= size for pad, size in zip(pads, window)):
        raise ValueError(f"{what}: padding {pads} must be at least 0 and smaller than the window {window}")
    if any(n + sum(pad) < size for n, pad, size in zip(x.shape[1:3], pads, window)):
        raise ValueError(
            f"{what}: window {window} is larger than the image {x.shape[1:3]} with padding {pads}"
        )
    return [_Line(*line) for line in zip((1, 2), x.shape[1:3], window, strides, pads)]


def _pad(x: Array, line: _Line, low: int, high: int, inner: int = 0, fill: float = 0.0) -> Array:
    edges = [(low, high, inner) if axis == line.axis else (0, 0, 0) for axis in range(x.ndim)]
    return lax.pad(x, jnp.asarray(fill, x.dtype), edges)


def _taps(x: Array, line: _Line, fill: float) -> list[Array]:
    """The window's positions, each as one strided slice of x with `line.outputs` pixels along the axis."""
    x = _pad(x, line, *line.padding, fill=fill)
    end = (line.outputs - 1) * line.stride + 1
    return [lax.slice_in_dim(x, tap, tap + end, line.stride, line.axis) for tap in range(line.window)]


def _untap(share: Callable[[Array], Array], line: _Line) -> Array:
    """Transpose of `_taps`: the image's gradient from the share of the outputs' gradient that each tap gets.

    Args:
      share: from tap numbers, shaped like an output with an axis of any length put in after `line.axis`, to
        shares with that axis.
    """
    low = line.padding[0]
    if line.window == line.stride:
        # Windows do not overlap: every pixel is one tap of one window, so that all are written in one pass.
        shape = [line.window if axis == line.axis + 1 else 1 for axis in range(5)]
        dx = lax.collapse(
            share(lax.broadcasted_iota(jnp.int32, shape, line.axis + 1)), line.axis, line.axis + 2
        )
        return _pad(dx, line, -low, line.size + low - line.outputs * line.stride)
    rest = line.size + low - (line.outputs - 1) * line.stride - 1
    parts = (share(jnp.full((1,) * 5, tap, jnp.int32)).squeeze(line.axis + 1) for tap in range(line.window))
    spread = (_pad(part, line, tap - low, rest - tap, line.stride - 1) for tap, part in enumerate(parts))
    return functools.reduce(lax.add, spread)


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def _max_pool(x: Array, line: _Line) -> Array:
    return functools.reduce(lax.max, _taps(x, line, -jnp.inf))


def _max_forward(x: Array, line: _Line) -> tuple[Array, Array]:
    best, *others = _taps(x, line, -jnp.inf)
    winner = jnp.zeros(best.shape, jnp.uint8 if line.window <= 256 else jnp.int32)
    for tap, value in enumerate(others, start=1):
        wins = (value > best) | (value != value)
        best = lax.select(wins, value, best)
        winner = lax.select(wins, jnp.full_like(winner, tap), winner)
    return best, winner


def _max_backward(line: _Line, winner: Array, dy: Array) -> tuple[Array]:
    winner, dy = jnp.expand_dims(winner.astype(jnp.int32), line.axis + 1), jnp.expand_dims(dy, line.axis + 1)
    return (_untap(lambda taps: jnp.where(winner == taps, dy, jnp.zeros_like(dy)), line),)


_max_pool.defvjp(_max_forward, _max_backward)


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def _sum_pool(x: Array, line: _Line) -> Array:
    return functools.reduce(lax.add, _taps(x, line, 0.0))


def _sum_forward(x: Array, line: _Line) -> tuple[Array, None]:
    return _sum_pool(x, line), None


def _sum_backward(line: _Line, _: None, dy: Array) -> tuple[Array]:
    dy = jnp.expand_dims(dy, line.axis + 1)
    return (_untap(lambda taps: jnp.broadcast_to(dy, jnp.broadcast_shapes(dy.shape, taps.shape)), line),)


_sum_pool.defvjp(_sum_forward, _sum_backward)
