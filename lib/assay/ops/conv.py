"""2-D convolution and its transpose, with gradients that are fast on a CPU (see assay.ops.conv_calls for how).

Other platforms have library calls for the gradients that JAX derives, and keep those.
"""

from collections.abc import Sequence
import functools

import jax
from jax import Array, lax
import jax.numpy as jnp
from jax.typing import DTypeLike

from assay.ops.conv_calls import correlate, Geometry, kernel_gradient, spread
from assay.ops.window import Padding, Pair, explicit_padding, pair

_LAYOUT = ("NHWC", "HWIO", "NHWC")


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
    reach = [(size - 1) * step + 1 for size, step in zip(kernel.shape[:2], dilation)]
    pads = explicit_padding(padding, x.shape[1:3], reach, strides)
    if preferred_element_type is not None:
        preferred_element_type = jnp.dtype(preferred_element_type)
    return _conv(x, kernel, Geometry(strides, pads, dilation, groups, precision, preferred_element_type))


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
      ValueError: shapes or dtypes that do not fit together; another padding.
    """
    if padding not in ("SAME", "VALID"):
        raise ValueError(f"conv_transpose: padding must be 'SAME' or 'VALID', not {padding!r}")
    if x.ndim != 4 or kernel.ndim != 4 or x.shape[3] != kernel.shape[2] or x.dtype != kernel.dtype:
        found = f"{x.dtype}{list(x.shape)} and {kernel.dtype}{list(kernel.shape)}"
        raise ValueError(f"conv_transpose takes x [N, H, W, C] and a kernel [kh, kw, C, O] of its dtype, not {found}")
    strides = pair(strides, "strides")
    edges, sizes = [], []
    for length, size, stride in zip(x.shape[1:3], kernel.shape[:2], strides):
        # Of size + stride - 2 pixels around the spread image, as many at the front as lax puts there.
        if padding == "SAME":
            total = size + stride - 2
            low = size - 1 if stride > size - 1 else -(-total // 2)
        else:
            total, low = size + stride - 2 + max(size - stride, 0), size - 1
        sizes.append((length - 1) * stride + 1 + total - size + 1)
        edges.append((size - 1 - low, (length - 1) * stride + low + 1 - sizes[-1]))
    # The convolution whose transpose this is takes the large image to x.
    geometry = Geometry(strides, tuple(edges), (1, 1), 1, None, None)
    return _spread(x, kernel[::-1, ::-1].transpose(0, 1, 3, 2), tuple(sizes), geometry)


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


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def _conv(x: Array, kernel: Array, geometry: Geometry) -> Array:
    return correlate(x, kernel, geometry)


def _forward(x: Array, kernel: Array, geometry: Geometry) -> tuple[Array, tuple[Array, Array]]:
    if jax.default_backend() == "cpu":
        # Without the barrier x is written twice: in the form that the library takes, and for the gradient.
        x = lax.optimization_barrier(x)
    return correlate(x, kernel, geometry), (x, kernel)


def _backward(geometry: Geometry, residuals: tuple[Array, Array], dy: Array) -> tuple[Array, Array]:
    x, kernel = residuals
    if jax.default_backend() != "cpu":
        return jax.vjp(functools.partial(correlate, geometry=geometry), x, kernel)[1](dy)
    # Without the barrier transposes merge with what made x and dy, and run as strided scalar code.
    x, dy = lax.optimization_barrier((x, dy))
    # Two separate convolutions, so that a first layer's unused dx is dead code.
    dx = spread(dy, kernel, x.shape[1:3], geometry).astype(x.dtype)
    return dx, kernel_gradient(x, dy, kernel.shape, geometry).astype(kernel.dtype)


_conv.defvjp(_forward, _backward)


@functools.partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def _spread(x: Array, kernel: Array, size: Pair, geometry: Geometry) -> Array:
    """The transpose of `correlate`: x `[N, H', W', O]`, kernel `[kh, kw, C, O]` -> `[N, *size, C]`."""
    if jax.default_backend() != "cpu":
        image = jax.ShapeDtypeStruct((x.shape[0], *size, kernel.shape[2]), x.dtype)
        return jax.linear_transpose(lambda image: correlate(image, kernel, geometry), image)(x)[0]
    return spread(x, kernel, size, geometry)


def _spread_forward(
    x: Array, kernel: Array, size: Pair, geometry: Geometry
) -> tuple[Array, tuple[Array, Array]]:
    return _spread(x, kernel, size, geometry), (x, kernel)


def _spread_backward(
    size: Pair, geometry: Geometry, residuals: tuple[Array, Array], dy: Array
) -> tuple[Array, Array]:
    x, kernel = residuals
    if jax.default_backend() != "cpu":
        dx, pullback = jax.vjp(lambda kernel: correlate(dy, kernel, geometry), kernel)
        return dx, pullback(x)[0]
    x, dy = lax.optimization_barrier((x, dy))
    dx = correlate(dy, kernel, geometry)
    return dx, kernel_gradient(dy, x, kernel.shape, geometry).astype(kernel.dtype)


_spread.defvjp(_spread_forward, _spread_backward)
