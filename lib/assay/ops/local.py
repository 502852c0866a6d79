"""Locally connected layer: the windows of a convolution, a kernel of its own at every position."""

from collections.abc import Sequence

from jax import Array, lax
import jax.numpy as jnp

from assay.ops.window import explicit_padding, Padding, pair


def conv_local(
    x: Array,
    kernel: Array,
    kernel_size: Sequence[int],
    *,
    strides: int | Sequence[int] = 1,
    padding: Padding = "SAME",
) -> Array:
    """2-D convolution without weight sharing (LeCun 1989), one matrix product for every position.

    Windows are cut out by slices, whose gradients are elementwise: `lax.conv_general_dilated_local` cuts them out by a
    convolution, and the gradients of that are slow inside a loop on a CPU.

    Args:
      x: [N, H, W, C].
      kernel: [H', W', kh * kw * C, O], of x's dtype; a window's weights lie in the order of [kh, kw, C].
      kernel_size: (kh, kw).
      strides, padding: as in `conv`.

    Returns:
      [N, H', W', O]; with the same kernel at every position what `conv` gives.

    Raises:
      ValueError: ranks, sizes or dtypes that do not fit together.
    """
    if x.ndim != 4 or kernel.ndim != 4:
        raise ValueError(f"conv_local takes x [N, H, W, C], kernel [H', W', K, O], not {x.shape}, {kernel.shape}")
    if x.dtype != kernel.dtype:
        raise ValueError(f"conv_local: x is {x.dtype} and kernel {kernel.dtype}; cast one of them")
    window, steps = pair(kernel_size, "kernel_size"), pair(strides, "strides")
    pads = explicit_padding(padding, x.shape[1:3], window, steps)
    outputs = positions(x.shape[1:3], kernel_size, strides, padding)
    if kernel.shape[:3] != (*outputs, window[0] * window[1] * x.shape[3]):
        raise ValueError(f"conv_local: x {x.shape} has {outputs} windows of {window}, not kernel {kernel.shape}'s")
    zero = jnp.zeros((), x.dtype)
    x = lax.pad(x, zero, ((0, 0, 0), *((low, high, 0) for low, high in pads), (0, 0, 0)))
    ends = [(number - 1) * step + 1 for number, step in zip(outputs, steps)]
    taps = [
        x[:, row : row + ends[0] : steps[0], column : column + ends[1] : steps[1]]
        for row in range(window[0])
        for column in range(window[1])
    ]
    windows = jnp.concatenate(taps, -1).transpose(1, 2, 0, 3)  # [H', W', N, kh * kw * C]
    return jnp.matmul(windows, kernel).transpose(2, 0, 1, 3)


def positions(
    size: Sequence[int], kernel_size: Sequence[int], strides: int | Sequence[int], padding: Padding
) -> tuple[int, int]:
    """(H', W'): how many windows an image of `size` (H, W) has.

    Raises:
      ValueError: none.
    """
    window, strides = pair(kernel_size, "kernel_size"), pair(strides, "strides")
    pads = explicit_padding(padding, size, window, strides)
    spans = [n + sum(pad) - reach for n, reach, pad in zip(size, window, pads)]
    if min(spans) < 0:
        raise ValueError(f"a window of {window} does not fit into an image of {tuple(size)} with padding {pads}")
    return tuple(span // stride + 1 for span, stride in zip(spans, strides))
