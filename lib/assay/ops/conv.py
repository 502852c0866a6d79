"""2-D convolution whose gradients stay in the layout that XLA's CPU backend is fast in.

Inside a loop body that backend runs a convolution by its library only if it reads NHWC x HWIO -> NHWC. The
gradient convolutions that JAX derives do not, and fall to a scalar loop (ResNet-20 in a `lax.scan`: 70 times
slower). So both gradients are written here as forward convolutions in that layout:

  dx = conv(dy dilated by the stride, kernel flipped in space with its channels transposed)
  dw = conv(x as [C, H, W, N], dy as [H', W', N, O] dilated by the stride), transposed back

Other platforms have library calls for the derived gradients and keep them.
"""

from collections.abc import Sequence
import functools
from typing import Any, NamedTuple

import jax
from jax import Array, lax
from jax.experimental.layout import Layout, with_layout_constraint
import jax.numpy as jnp
from jax.typing import DTypeLike

from assay.ops.window import Padding, Pair, explicit_padding, pair

_LAYOUT = ("NHWC", "HWIO", "NHWC")


class _Geometry(NamedTuple):
    strides: Pair
    padding: tuple[Pair, Pair]
    dilation: Pair
    groups: int
    precision: Any
    preferred_element_type: Any


def conv(
    x: Array,
    kernel: Array,
    *,
    strides: int | Sequence[int] = 1,
    padding: Padding = "SAME",
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
    precision: lax.PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """2-D convolution (cross-correlation, as everywhere in the field) with gradients that are fast on a CPU.

    Reverse-mode derivatives of every order work; forward mode (`jax.jvp`) does not, being a `custom_vjp`.

    Args:
      x: [N, H, W, C].
      kernel: [kh, kw, C / groups, O], of x's dtype.
      strides: of the window, one number or (rows, columns).
      padding: "SAME", "VALID", or zeros to add: one number, one per axis, or (low, high) per axis.
      dilation: of the kernel (atrous convolution).
      groups: the channels of x and the O outputs are split into this many independent convolutions.
      precision: as in `lax.conv_general_dilated`.
      preferred_element_type: dtype of accumulation and result; x's dtype by default. (The CPU backend
        accumulates bfloat16 in float32 either way and rounds once, at the end.)

    Returns:
      [N, H', W', O].

    Raises:
      ValueError: ranks, channels, groups or padding that do not fit together.
    """
    if x.ndim != 4 or kernel.ndim != 4:
        raise ValueError(
            f"conv takes x [N, H, W, C], kernel [kh, kw, C/groups, O], not {x.shape}, {kernel.shape}"
        )
    if groups < 1 or x.shape[3] != groups * kernel.shape[2] or kernel.shape[3] % groups:
        raise ValueError(f"x {x.shape} and kernel {kernel.shape} do not fit together with groups={groups}")
    if x.dtype != kernel.dtype:
        raise ValueError(f"conv: x is {x.dtype} and kernel {kernel.dtype}; cast one of them")
    strides, dilation = pair(strides, "strides"), pair(dilation, "dilation")
    pads = explicit_padding(padding, x.shape[1:3], _reach(kernel, dilation), strides)
    if preferred_element_type is not None:
        preferred_element_type = jnp.dtype(preferred_element_type)
    return _conv(x, kernel, _Geometry(strides, pads, dilation, groups, precision, preferred_element_type))


def conv_transpose(
    x: Array, kernel: Array, *, strides: int | Sequence[int] = 1, padding: Padding = "SAME"
) -> Array:
    """Transposed convolution ("deconvolution"): x spread by the strides, then convolved (Dumoulin & Visin 2016).

    Args:
      x: [N, H, W, C].
      kernel: [kh, kw, C, O].
      strides: of the output, one number or one per axis.
      padding: "SAME" makes [N, sh H, sw W, O], "VALID" [N, sh (H-1) + max(kh, sh), ...].

    Returns:
      [N, H', W', O]; what `lax.conv_transpose` gives.

    Raises:
      ValueError: as `conv`; another padding.
    """
    if padding not in ("SAME", "VALID"):
        raise ValueError(f"conv_transpose: padding must be 'SAME' or 'VALID', not {padding!r}")
    strides = pair(strides, "strides")
    edges = []
    for size, stride in zip(kernel.shape[:2], strides):
        # Of size + stride - 2 pixels, as many at the front as lax puts there.
        if padding == "SAME":
            total = size + stride - 2
            low = size - 1 if stride > size - 1 else -(-total // 2)
        else:
            total, low = size + stride - 2 + max(size - stride, 0), size - 1
        edges.append((low, total - low))
    zero = jnp.zeros((), x.dtype)
    spread = lax.pad(x, zero, ((0, 0, 0), *((0, 0, stride - 1) for stride in strides), (0, 0, 0)))
    return conv(spread, kernel, padding=edges)


def conv_general_dilated(
    lhs: Array,
    rhs: Array,
    window_strides: Sequence[int],
    padding: str | Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int] | None = None,
    rhs_dilation: Sequence[int] | None = None,
    dimension_numbers: lax.ConvGeneralDilatedDimensionNumbers = None,
    feature_group_count: int = 1,
    batch_group_count: int = 1,
    precision: lax.PrecisionLike = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """`lax.conv_general_dilated` with `conv` wherever `conv` applies: 2-D, NHWC x HWIO, no input dilation.

    Fits `flax.linen.Conv(conv_general_dilated=...)`. Arguments, result and errors are lax's.
    """
    numbers = lax.conv_dimension_numbers(lhs.shape, rhs.shape, dimension_numbers)
    channels_last = lax.conv_dimension_numbers(lhs.shape, rhs.shape, _LAYOUT) if lhs.ndim == 4 else None
    plain = lhs_dilation is None or all(d == 1 for d in lhs_dilation)
    if numbers == channels_last and plain and batch_group_count == 1:
        return conv(
            lhs,
            rhs,
            strides=window_strides,
            padding=padding,
            dilation=rhs_dilation or 1,
            groups=feature_group_count,
            precision=precision,
            preferred_element_type=preferred_element_type,
        )
    return lax.conv_general_dilated(
        lhs,
        rhs,
        window_strides,
        padding,
        lhs_dilation,
        rhs_dilation,
        numbers,
        feature_group_count,
        batch_group_count,
        precision,
        preferred_element_type,
    )


def _library(x: Array, kernel: Array, geometry: _Geometry) -> Array:
    return lax.conv_general_dilated(
        x,
        kernel,
        geometry.strides,
        geometry.padding,
        rhs_dilation=geometry.dilation,
        dimension_numbers=_LAYOUT,
        feature_group_count=geometry.groups,
        precision=geometry.precision,
        preferred_element_type=geometry.preferred_element_type,
    )


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _conv(x: Array, kernel: Array, geometry: _Geometry) -> Array:
    return _library(x, kernel, geometry)


def _forward(x: Array, kernel: Array, geometry: _Geometry) -> tuple[Array, tuple[Array, Array]]:
    return _library(x, kernel, geometry), (x, kernel)


def _backward(geometry: _Geometry, residuals: tuple[Array, Array], dy: Array) -> tuple[Array, Array]:
    x, kernel = residuals
    if jax.default_backend() != "cpu":
        return jax.vjp(functools.partial(_library, geometry=geometry), x, kernel)[1](dy)
    # Without the barrier the transposes below merge with what made x and dy, and run as strided scalar code.
    x, dy = lax.optimization_barrier((x, dy))
    # Two separate convolutions, so that a first layer's unused dx is dead code.
    return _input_gradient(x, kernel, dy, geometry), _kernel_gradient(x, kernel, dy, geometry)


_conv.defvjp(_forward, _backward)


def _reach(kernel: Array, dilation: Pair) -> list[int]:
    return [(size - 1) * step + 1 for size, step in zip(kernel.shape[:2], dilation)]


def _span(dy: Array, geometry: _Geometry) -> list[int]:
    return [(size - 1) * stride + 1 for size, stride in zip(dy.shape[1:3], geometry.strides)]


def _materialise(x: Array) -> Array:
    """Has a transposed array written out: folded into the convolution it would leave the fast layout.

    The barrier alone forbids the folding, but then the array is written twice, once in the old order.
    """
    return lax.optimization_barrier(with_layout_constraint(x, Layout(tuple(range(x.ndim)))))


def _input_gradient(x: Array, kernel: Array, dy: Array, geometry: _Geometry) -> Array:
    kh, kw, inputs, outputs = kernel.shape
    groups = geometry.groups
    flipped = kernel[::-1, ::-1].reshape(kh, kw, inputs, groups, outputs // groups)
    flipped = flipped.transpose(0, 1, 4, 3, 2).reshape(kh, kw, outputs // groups, groups * inputs)
    sides = zip(x.shape[1:3], _reach(kernel, geometry.dilation), _span(dy, geometry), geometry.padding)
    padding = [(reach - 1 - low, size + low - span) for size, reach, span, (low, _) in sides]
    dx = lax.conv_general_dilated(
        dy,
        _materialise(flipped).astype(dy.dtype),
        (1, 1),
        padding,
        lhs_dilation=geometry.strides,
        rhs_dilation=geometry.dilation,
        dimension_numbers=_LAYOUT,
        feature_group_count=groups,
        precision=geometry.precision,
        preferred_element_type=geometry.preferred_element_type,
    )
    return dx.astype(x.dtype)


def _kernel_gradient(x: Array, kernel: Array, dy: Array, geometry: _Geometry) -> Array:
    n, h, w, channels = x.shape
    groups = geometry.groups
    # [N, H, W, C] -> [C/G, H, W, G*N]: the batch is summed over, the groups stay apart.
    image = x.reshape(n, h, w, groups, channels // groups).transpose(4, 1, 2, 3, 0)
    image = image.reshape(channels // groups, h, w, groups * n)
    window = dy.transpose(1, 2, 0, 3)  # [H', W', N, O]
    sides = zip((h, w), _reach(kernel, geometry.dilation), _span(dy, geometry), geometry.padding)
    padding = [(low, span + reach - 1 - size - low) for size, reach, span, (low, _) in sides]
    dw = lax.conv_general_dilated(
        _materialise(image).astype(dy.dtype),
        _materialise(window),
        geometry.dilation,
        padding,
        rhs_dilation=geometry.strides,
        dimension_numbers=_LAYOUT,
        feature_group_count=groups,
        precision=geometry.precision,
        preferred_element_type=geometry.preferred_element_type,
    )
    return dw.transpose(1, 2, 0, 3).astype(kernel.dtype)
