"""Arms: the trials that differ by their seed alone, and what their runs say together."""

from collections.abc import Mapping, Sequence
import itertools
import math
from typing import Any, NamedTuple

import numpy as np
from scipy import special

from assay import config
from assay.metrics import PROBED, ROLES
from assay.report import quantities

Row = Mapping[str, Any]
# Columns of results.parquet, Config fields aside, that measure no network.
_ASIDE = ("id", "status", "steps", "diverged_at", "seconds", quantities.STEPS, "parameters")
# Fields whose value says what it is; any other is written field=value.
_PLAIN = ("task", "dataset", "model", "activation", "init", "optimizer")


class Estimate(NamedTuple):
    """A mean over runs with its 95 % t interval; NaN where there is none."""

    mean: float
    low: float
    high: float
    n: int


class Arm(NamedTuple):
    """The finished trials of one combination of the varying fields.

    Attributes:
      fields: the varying fields and their values here.
      rows: one row of results.parquet per finished trial, diverged ones included.
    """

    fields: dict[str, Any]
    rows: list[Row]

    @property
    def label(self) -> str:
        return ", ".join(labelled(field, value) for field, value in self.fields.items()) or "the only arm"

    @property
    def key(self) -> tuple[Any, ...]:
        """The varying values: what tells this arm from the others."""
        return tuple(self.fields.values())

    @property
    def diverged(self) -> list[Row]:
        return [row for row in self.rows if row.get("status") == "diverged"]

    def values(self, metric: str) -> np.ndarray:
        """The runs' final values where they have one, float64 [runs].

        Of a diverged run an error is 1, and any other metric is missing.
        """
        found = [row.get(metric) for row in self.rows]
        return np.array([value for value in found if quantities.finite(value)], dtype=np.float64)

    def estimate(self, metric: str) -> Estimate:
        """Mean and 95 % t interval over seeds; errors are kept inside their range 0..1."""
        return estimate(self.values(metric), (0.0, 1.0) if quantities.is_error(metric) else None)


def estimate(values: np.ndarray, within: tuple[float, float] | None = None) -> Estimate:
    """Mean with the two-sided 95 % interval of Student's t (n - 1 degrees of freedom); none below 2 runs."""
    n = len(values)
    if n == 0:
        return Estimate(math.nan, math.nan, math.nan, 0)
    mean = float(values.mean())
    if n == 1:
        return Estimate(mean, math.nan, math.nan, 1)
    half = float(special.stdtrit(n - 1, 0.975) * values.std(ddof=1) / math.sqrt(n))
    low, high = (mean - half, mean + half) if within is None else np.clip((mean - half, mean + half), *within)
    return Estimate(mean, float(low), float(high), n)


def steps_to_target(arm: Arm) -> tuple[float, int, int]:
    """Median steps to the target, runs that reached it, runs in all.

    A run that never reaches it counts as later than every other, so the median is NaN where half of the runs
    or more never do.
    """
    found = [row.get(quantities.STEPS) for row in arm.rows]
    steps = [value if quantities.finite(value) else math.inf for value in found]
    reached = sum(map(math.isfinite, steps))
    middle = sorted(steps)[(len(steps) - 1) // 2 : len(steps) // 2 + 1]
    median = sum(middle) / len(middle) if middle else math.nan
    return (median if math.isfinite(median) else math.nan), reached, len(steps)


def labelled(field: str, value: Any) -> str:
    """`tanh` for an activation, `lr=0.1` or `norm=none` for what would not explain itself."""
    return (
        str(value) if field in _PLAIN and isinstance(value, str) and value != "none" else f"{field}={value}"
    )


def varying(rows: Sequence[Row], fields: Sequence[str]) -> list[str]:
    """The fields, seed aside, that take more than one value in the rows."""
    return [f for f in fields if f != "seed" and len({row.get(f) for row in rows}) > 1]


def group(
    rows: Sequence[Row], fields: Sequence[str], axes: Mapping[str, Sequence[Any]] | None = None
) -> list[Arm]:
    """Rows gathered into arms.

    Args:
      fields: the varying fields, in the order they are shown.
      axes: field -> planned values. Arms come in the order of the plan, and a planned arm without a finished
        trial is there with no rows. Without a plan they come as they first appear.

    Returns:
      One Arm per combination.
    """
    gathered: dict[tuple[Any, ...], list[Row]] = {}
    if axes is not None:
        gathered = {combo: [] for combo in itertools.product(*(axes.get(f, ()) for f in fields))}
    for row in rows:
        gathered.setdefault(tuple(row.get(field) for field in fields), []).append(row)
    return [
        Arm(dict(zip(fields, combo)), sorted(found, key=lambda row: row.get("seed") or 0))
        for combo, found in gathered.items()
    ]


def further(rows: Sequence[Row], metric: str, fields: Sequence[str] = ()) -> list[str]:
    """Final metrics other than the study's `metric`: of the test split, and what the task found out.

    Those that sum up the layers are not among them: the layers have figures of their own.

    Args:
      fields: Config fields of the rows beyond today's.
    """
    aside = {*_ASIDE, *config.fields(), *fields, f"test_{metric}"}
    names = dict.fromkeys(name for row in rows for name in row if name not in aside)
    return [name for name in names if not name.startswith(tuple(f"{prefix}_" for prefix in (*ROLES[:2], *PROBED)))]


def extremes(scores: Sequence[float], limit: int) -> list[int]:
    """Indices, in order, of the `limit` items to draw: all, or half the lowest and half the highest."""
    if len(scores) <= limit:
        return list(range(len(scores)))
    order = np.argsort(np.where(np.isfinite(scores), scores, np.inf), kind="stable")
    return sorted(int(i) for i in (*order[: limit - limit // 2], *order[len(order) - limit // 2 :]))
