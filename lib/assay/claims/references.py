"""Published figures as data: references.csv holds one a row, and an experiment names it by its key.

    references.published("glorot2010-table1-mnist-tanh-n", {"dataset": "mnist", "activation": "tanh"})

Figures are in the units of our metrics: errors are fractions 0..1, and a published accuracy is one minus an error.
"""

import ast
from collections.abc import Mapping
import csv
import dataclasses
import difflib
import functools
import math
import pathlib
import re
from typing import Any

from assay.claims.published import MARKS, Published
from assay.metrics import is_error
from assay.spec import nearest, SpecError

FILE = pathlib.Path(__file__).with_name("references.csv")

_KEY = re.compile(r"[a-z0-9]+([.-][a-z0-9]+)*")
_METRIC = re.compile(r"[a-z][a-z0-9_]*")


@dataclasses.dataclass(frozen=True)
class Reference:
    """One published figure.

    Attributes:
      key: its name, unique.
      paper, place: where it is from; place is a table or figure, or what is known of it, and may be empty.
      what: the method or model whose figure it is.
      dataset: name of the data set, as in a Config where it is known there; empty where it is of none.
      metric: our final metric (`test_error`, `test_mse`), or a plain name where we have none.
      value: in the metric's units.
      spread: what follows the +-, as given; mostly empty.
      protocol: how it was obtained, as far as that is known (see `Published`).
      mark: how well it is verified, a key of `MARKS`.
    """

    key: str
    paper: str
    place: str
    what: str
    dataset: str
    metric: str
    value: float
    spread: str
    protocol: Mapping[str, Any] = dataclasses.field(hash=False)
    mark: str

    @property
    def source(self) -> str:
        """`Goodfellow et al. 2014, table 1: GAN, +- 2`."""
        where = ", ".join(filter(None, (self.paper, self.place)))
        return f"{where}: {self.what}" + (f", +- {self.spread}" if self.spread else "")


def read(path: pathlib.Path = FILE) -> dict[str, Reference]:
    """The figures of a file (CSV, columns as the attributes of Reference) by key, in its order.

    Protocols are written `name=value; name=value`; numbers, booleans and tuples are Python literals, the rest is text.

    Raises:
      SpecError: one line on the first thing wrong.
    """
    names = [field.name for field in dataclasses.fields(Reference)]
    found: dict[str, Reference] = {}
    with path.open(newline="", encoding="utf-8") as file:
        lines = csv.reader(file)
        if (header := next(lines, [])) != names:
            raise SpecError(f"{path.name}: the columns must be {','.join(names)}, not {','.join(header)}")
        for cells in lines:
            where = f"{path.name}, line {lines.line_num}"
            if len(cells) != len(names):
                raise SpecError(f"{where}: a row has {len(names)} cells, not {len(cells)}")
            reference = _reference(where, dict(zip(names, cells)))
            if reference.key in found:
                raise SpecError(f"{where}: the key {reference.key!r} occurs twice")
            found[reference.key] = reference
    return found


def published(key: str, arm: Mapping[str, Any], metric: str = "") -> Published:
    """The figure `key` of references.csv, to stand beside our trials of an arm.

    Args:
      arm: Config fields and values that select them; among them the data set that the figure is about.
      metric: a final metric of ours with the same units and meaning, where it is not the figure's own.

    Raises:
      SpecError: no such key, an arm on other data, an error beside what is none; `Published` checks the arm.
    """
    if (reference := _all().get(key)) is None:
        close = ", ".join(difflib.get_close_matches(key, list(_all()), n=3, cutoff=0.0))
        raise SpecError(f"unknown reference {key!r}; the nearest of references.csv are {close}")
    if not reference.dataset or arm.get("dataset") != reference.dataset:
        about = repr(reference.dataset) if reference.dataset else "no data set, so that no arm can stand beside it"
        raise SpecError(f"{key} is about {about}, not {arm.get('dataset')!r}")
    if metric and is_error(metric) != is_error(reference.metric):
        raise SpecError(f"{key} is a {reference.metric}, which {metric} is not comparable with")
    return Published(
        arm=arm,
        metric=metric or reference.metric,
        value=reference.value,
        source=reference.source,
        protocol=reference.protocol,
        mark=reference.mark,
    )


@functools.cache
def _all() -> Mapping[str, Reference]:
    return read()


def _reference(where: str, cells: Mapping[str, str]) -> Reference:
    key, metric, mark = cells["key"], cells["metric"], cells["mark"]
    if not _KEY.fullmatch(key):
        raise SpecError(f"{where}: a key is lower-case words joined by -, as in lecun1998-fig9-mnist, not {key!r}")
    for name in ("paper", "what"):
        if not cells[name]:
            raise SpecError(f"{where}: {key} has no {name}")
    if not _METRIC.fullmatch(metric):
        raise SpecError(f"{where}: a metric is a name such as test_error, not {metric!r}")
    if mark not in MARKS:
        raise SpecError(f"{where}: {nearest(mark, list(MARKS), 'mark')}")
    value, protocol = _value(where, cells["value"], metric), _protocol(where, cells["protocol"])
    return Reference(**(dict(cells) | {"value": value, "protocol": protocol}))


def _value(where: str, text: str, metric: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise SpecError(f"{where}: a value is a finite number, not {text!r}")
    if is_error(metric) and not 0 <= value <= 1:
        raise SpecError(f"{where}: {metric} must be a fraction 0..1 (1 % is 0.01), not {text}")
    return value


def _protocol(where: str, text: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in filter(None, text.split("; ")):
        name, _, value = item.partition("=")
        if not name.strip() or not value.strip() or name in found:
            raise SpecError(f"{where}: a protocol is name=value; name=value with every name once, not {text!r}")
        found[name] = _literal(value)
    return found


def _literal(text: str) -> Any:
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
