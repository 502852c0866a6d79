"""Published values beside ours: no more than the evidence bears."""

from collections.abc import Mapping, Sequence
import dataclasses
import math
from typing import Any

import numpy as np

from assay import config
from assay import spec
from assay.metrics import is_error

MARKS = {
    "V1": "checked in the paper",
    "V2": "from a copy that quotes the paper",
    "C": "computed",
    "Mh": "reported, unverified",
    "Mm": "reported, unverified",
    "Ml": "reported, unverified",
}
"""How well a published figure is verified, and the words for it. M: from memory, high to low confidence."""


@dataclasses.dataclass(frozen=True)
class Published:
    """A figure from the literature for one arm.

    Attributes:
      arm: Config fields and values (canonical spelling) that select our trials to compare with.
      metric: the final metric of ours that it is compared with.
      value: the published figure in that metric's units (errors are fractions 0..1).
      source: paper and table.
      protocol: how it was obtained, by name: Config fields, arguments of their Specs ("width", "depth"), or
        any other condition ("preprocessing"), with the published value; "" where the paper does not say.
      mark: how well the figure is verified, a key of `MARKS`.

    Raises:
      ValueError: one line on the first thing wrong.
    """

    arm: Mapping[str, Any] = dataclasses.field(hash=False)
    metric: str
    value: float
    source: str
    protocol: Mapping[str, Any] = dataclasses.field(hash=False)
    mark: str

    def __post_init__(self):
        if self.mark not in MARKS:
            raise ValueError(f"{self.source}: {spec.nearest(self.mark, list(MARKS), 'mark')}")
        known = [name for name in config.fields() if name != "seed"]
        if unknown := [name for name in self.arm if name not in known]:
            raise ValueError(f"{self.source}: {spec.nearest(unknown[0], known, 'Config field')}")
        if not math.isfinite(self.value):
            raise ValueError(f"{self.source}: the published value must be finite, not {self.value}")


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Our figure beside a published one.

    Attributes:
      published: the figure.
      mean: of our trials, NaN without any; in the metric's units, a diverged trial's error counting as 1.
      half_width: of the 95 % t interval of the mean; NaN below two trials.
      n, diverged: our trials with a value, and how many of all diverged.
      differs, unknown: names in the protocol whose value is another here, or that can't be compared.
      text: all of it in one line.
    """

    published: Published
    mean: float
    half_width: float
    n: int
    diverged: int
    differs: tuple[str, ...]
    unknown: tuple[str, ...]
    text: str


def compare(published: Published, rows: Sequence[Mapping[str, Any]]) -> Comparison:
    """Our trials of the published arm beside its figure, with what differs between the two protocols.

    Args:
      rows: finished trials: every Config field, `status` and the final metrics. They may include other arms.
    """
    ours = [row for row in rows if all(row[name] == value for name, value in published.arm.items())]
    diverged = sum(row["status"] == "diverged" for row in ours)
    known = [value for row in ours if (value := _value(row, published.metric)) is not None]
    values = np.array(known, np.float64)
    mean = float(values.mean()) if len(values) else math.nan
    half_width = _half_width(values)
    differs, unknown = _protocol(published.protocol, ours)
    text = (
        f"ours {_ours(published.metric, mean, half_width, len(values))}, "
        f"published {_number(published.metric, published.value)} ({MARKS[published.mark]})"
    )
    if diverged:
        text += f"; {diverged} of our {len(ours)} trials diverged"
    if len(values):
        text += _conditions(differs, unknown) if published.protocol else ": protocol not recorded"
    return Comparison(published, mean, half_width, len(values), diverged, differs, unknown, text)


def _value(row: Mapping[str, Any], metric: str) -> float | None:
    value = row.get(metric)
    if value is not None and math.isfinite(value):
        return float(value)
    return 1.0 if row["status"] == "diverged" and is_error(metric) else None


def _half_width(values: np.ndarray) -> float:
    if len(values) < 2:
        return math.nan
    from scipy import special

    return float(special.stdtrit(len(values) - 1, 0.975) * values.std(ddof=1) / math.sqrt(len(values)))


def _protocol(
    protocol: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names that differ and names that can't be compared; what varies among our own rows differs."""
    ours = [_conditions_of(row) for row in rows]
    told = [name for name in protocol if protocol[name] != "" and ours and all(name in one for one in ours)]
    differs = tuple(name for name in told if not all(_same(one[name], protocol[name]) for one in ours))
    return differs, tuple(name for name in protocol if name not in told)


def _same(ours: Any, theirs: Any) -> bool:
    if isinstance(theirs, (list, tuple)):  # a list is how a stored tuple reads back
        return isinstance(ours, (list, tuple)) and list(ours) == list(theirs)
    try:
        return float(ours) == float(theirs)
    except (TypeError, ValueError):
        return str(ours) == str(theirs)


def _conditions_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row's Config fields, and the arguments written in its task's, data set's and model's Specs."""
    found: dict[str, Any] = {}
    for name in ("task", "dataset", "model"):
        if name in row:
            found |= dict(spec.parse(row[name]).kwargs)
    return found | {name: row[name] for name in config.fields() if name in row}


def _ours(metric: str, mean: float, half_width: float, n: int) -> str:
    if n == 0:
        return "not in this run"
    if n == 1:
        return f"{_number(metric, mean)} (1 seed, no interval)"
    unit = " %" if is_error(metric) else ""
    center = _number(metric, mean).removesuffix(" %")
    return f"{center} +- {_number(metric, half_width).removesuffix(' %')}{unit} ({n} seeds, 95 % interval)"


def _number(metric: str, value: float) -> str:
    return f"{100 * value:.2f} %" if is_error(metric) else f"{value:.4g}"


def _conditions(differs: Sequence[str], unknown: Sequence[str]) -> str:
    told = [f"differs in {', '.join(differs)}"] if differs else []
    told += [f"not compared in {', '.join(unknown)}"] if unknown else []
    return f": protocol {'; '.join(told)}" if told else ": protocol equal in all that is recorded"
