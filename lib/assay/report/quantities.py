"""How a number is written: errors as percentages, their differences as points, the rest as they are.

Everything here returns ASCII; the page and the terminal choose their own signs afterwards.
"""

from collections.abc import Mapping, Sequence
import math
from typing import Any

from assay.metrics import is_error, STEPS

MISSING = "n/a"


def name(metric: str) -> str:
    """`test_error` -> `test error`."""
    return metric.replace("_", " ")


def axis(metric: str) -> str:
    """What stands beside an axis or over a column of bare numbers: `test error, %`, `test mse`."""
    return name(metric) + ", %" * is_error(metric)


def bare(metric: str, x: float) -> str:
    """A measured value without its unit, as the axis says it: `1.76`, `0.0531`."""
    return value(metric, x).removesuffix(" %")


def finite(x: Any) -> bool:
    """Whether x is a number that can be drawn; None, NaN and infinities are not."""
    return isinstance(x, (int, float)) and math.isfinite(x)


def value(metric: str, x: float | None) -> str:
    """A measured value with its unit: `1.76 %`, `0.0531`, `1,250`."""
    if not finite(x):
        return MISSING
    if is_error(metric):
        return f"{100 * x:.2f} %"
    return f"{x:,.0f}" if float(x).is_integer() or abs(x) >= 1000 else f"{x:.4g}"


def interval(metric: str, low: float | None, high: float | None) -> str:
    """`[1.70, 1.82]`, in the unit of `value`; empty when there is none."""
    if not (finite(low) and finite(high)):
        return ""
    return f"[{value(metric, low)}, {value(metric, high)}]".replace(" %", "")


def amount(metric: str, scale: str, x: float | None, signed: bool = False) -> str:
    """The size of an effect with its unit: `0.42 points` (of per cent), `120 steps`, `6.1 times`, `0.0031`.

    Args:
      scale: "difference", in the metric's units, or "ratio".
    """
    if not finite(x):
        return MISSING
    unit = (
        " times"
        if scale == "ratio"
        else " points"
        if is_error(metric)
        else " steps"
        if metric == STEPS
        else ""
    )
    return _bare(metric, scale, x, signed) + unit


def effect(verdict: Mapping[str, Any]) -> str:
    """A verdict's effect with its interval: `+0.42 points [+0.24, +0.60]`; positive is as claimed."""
    metric, scale = str(verdict.get("metric")), str(verdict.get("scale") or "difference")
    found = amount(metric, scale, verdict.get("effect"), signed=True)
    return f"{found} {bounds(metric, scale, verdict.get('interval'))}".strip()


def bounds(metric: str, scale: str, interval: Sequence[float | None] | None) -> str:
    """An effect's interval without unit: `[+0.24, +0.60]`, `[no bound, +0.60]`; empty where it has no end."""
    if not interval or not any(map(finite, interval)):
        return ""
    low, high = (_bare(metric, scale, x, True) if finite(x) else "no bound" for x in interval)
    return f"[{low}, {high}]"


def _bare(metric: str, scale: str, x: float, signed: bool) -> str:
    sign = "+" if signed and scale != "ratio" else ""
    if is_error(metric) and scale != "ratio":
        return f"{100 * x:{sign}.2f}"
    return f"{x:{sign},.0f}" if abs(x) >= 1000 or (metric == STEPS and scale != "ratio") else f"{x:{sign}.3g}"


def ranges(numbers: Sequence[int]) -> str:
    """Whole numbers as ranges: `[0, 1, 2, 5]` -> `0-2, 5`."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{a}-{b}" if b > a else f"{a}" for a, b in runs) or "none"
