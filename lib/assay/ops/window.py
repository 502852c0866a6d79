"""Geometry of sliding windows over the two spatial axes: what convolution and pooling agree on."""

from collections.abc import Sequence

from jax import lax

Pair = tuple[int, int]
Padding = str | int | Sequence[int | tuple[int, int]]


def pair(value: int | Sequence[int], what: str) -> Pair:
    """One positive integer for both axes, or one per axis.

    Raises:
      ValueError: anything else; `what` names it.
    """
    values = (value, value) if isinstance(value, int) else tuple(value)
    if len(values) != 2 or min(values) < 1:
        raise ValueError(f"{what} must be one or two positive integers, not {value!r}")
    return values


def explicit_padding(
    padding: Padding, size: Sequence[int], reach: Sequence[int], strides: Pair
) -> tuple[Pair, Pair]:
    """(low, high) padding per axis for windows that reach over `reach` pixels of images of `size`.

    Raises:
      ValueError: a padding of no known form.
    """
    wrong = f"padding must be 'SAME', 'VALID', a number, or a number or (low, high) per axis, not {padding!r}"
    if isinstance(padding, str):
        if padding.upper() not in ("SAME", "VALID"):
            raise ValueError(wrong)
        return tuple(lax.padtype_to_pads(size, reach, strides, padding.upper()))
    sides = (padding, padding) if isinstance(padding, int) else tuple(padding)
    pads = tuple((side, side) if isinstance(side, int) else tuple(side) for side in sides)
    if len(pads) != 2 or any(len(pad) != 2 for pad in pads):
        raise ValueError(wrong)
    return pads
