"""How a number is written: errors as percentages, their differences as percentage points, the rest as they are.

Everything here returns ASCII; the page and the terminal choose their own signs afterwards.
"""

from collections.abc import Sequence
import math
from typing import Any

MISSING = "n/a"
_NAMES = {"steps_to_target": "steps to target", "seconds": "seconds"}


def is_error(metric: str) -> bool:
    """Whether a metric is a fraction of wrong answers (0..1), shown in per cent."""
    return metric.endswith("error")


def name(metric: str) -> str:
    """`test_error` -> `test error`."""
    return _NAMES.get(metric, metric.replace("_", " "))


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


def difference(metric: str, x: float | None, signed: bool = True) -> str:
    """A difference with its unit: `-0.42 pp` (percentage points), `+120`, `0.0031`."""
    return f"{_bare(metric, x, signed)} pp" if finite(x) and is_error(metric) else _bare(metric, x, signed)


def effect(metric: str, x: float | None, bounds: Sequence[float | None] | None) -> str:
    """An effect with its interval: `-0.42 pp [-0.60, -0.24]`."""
    if not finite(x) or bounds is None or any(bound is None for bound in bounds):
        return difference(metric, x)
    low, high = (_bare(metric, bound, True) for bound in bounds)
    return f"{difference(metric, x)} [{low}, {high}]"


def _bare(metric: str, x: float | None, signed: bool) -> str:
    if not isinstance(x, (int, float)) or math.isnan(x):
        return MISSING
    sign = "+" if signed else ""
    if math.isinf(x):
        return f"{x:{sign}}"
    if is_error(metric):
        return f"{100 * x:{sign}.{2 if abs(x) >= 1e-4 or x == 0 else 3}f}"
    return f"{x:{sign},.0f}" if abs(x) >= 1000 else f"{x:{sign}.3g}"


def ranges(numbers: Sequence[int]) -> str:
    """Whole numbers as ranges: `[0, 1, 2, 5]` -> `0-2, 5`."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(f"{a}-{b}" if b > a else f"{a}" for a, b in runs) or "none"
