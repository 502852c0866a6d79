"""The ledger: every claim of the sources, what settles it, and the verdict that stored evidence gives."""

from collections.abc import Mapping, Sequence
import csv
import dataclasses
import difflib
import json
import pathlib
import re
from typing import Any

from assay.spec import SpecError

EXACT, OPEN = "exact", "open"
EXACT_FILE = "exact.json"  # outcomes of exact claims by row, in a folder of results
WORDS = ("confirmed", "equivalent", "refuted", "inconclusive", "not run", OPEN)


@dataclasses.dataclass(frozen=True)
class Row:
    """One claim.

    Attributes:
      id: a letter, its group's, and a number.
      group: what the group is about.
      statement, source, cited: what is claimed, in which of the decks or papers, with which figure.
      erratum: what the source says wrongly: and what is right; mostly empty.
      tier: T0 exact, T1 minutes on a laptop, T2 hours, T3 a cluster.
      tested: what is tested and how, in a few words.
      settled_by: "exact" or "experiment:claim id" each; empty while the row is open.
      also: further claims that bear on it and do not decide.
    """

    id: str
    group: str
    statement: str
    source: str
    cited: str
    erratum: str
    tier: str
    tested: str
    settled_by: tuple[str, ...]
    also: tuple[str, ...] = ()

    @property
    def experiments(self) -> tuple[str, ...]:
        """The experiments whose claims settle the row."""
        return tuple(dict.fromkeys(by.split(":")[0] for by in self.settled_by if by != EXACT))


@dataclasses.dataclass(frozen=True)
class Evidence:
    """One thing that a row's verdict rests on.

    Attributes:
      by: "exact" or "experiment:claim id".
      verdict: its word; "not run" where nothing is stored.
      reason: why, one line.
      date: of the run, as 2026-11-21.
      seconds: that the run took, of a study all its trials together; None if unknown.
      details: the stored record.
      folder: where it is stored; None where nothing is.
    """

    by: str
    verdict: str
    reason: str = ""
    date: str = ""
    seconds: float | None = None
    details: Mapping[str, Any] = dataclasses.field(default_factory=dict, hash=False)
    folder: pathlib.Path | None = None


@dataclasses.dataclass(frozen=True)
class Settled:
    """A row with what settles it, and with what else bears on it."""

    row: Row
    evidence: tuple[Evidence, ...]
    further: tuple[Evidence, ...] = ()

    @property
    def verdict(self) -> str:
        """One word for the row: refuted if a part of it is, inconclusive if a part is and none refuted."""
        words = [each.verdict for each in self.evidence]
        for word in ("not run", "refuted", "inconclusive"):
            if word in words:
                return word
        if not words:
            return OPEN
        return "equivalent" if set(words) == {"equivalent"} else "confirmed"

    @property
    def date(self) -> str:
        return max((each.date for each in self.evidence), default="")


def read(path: pathlib.Path) -> tuple[Row, ...]:
    """The rows of a ledger file (CSV, columns as the attributes of Row), group by group.

    Raises:
      SpecError: other columns, an id that is none or occurs twice, a row without statement.
    """
    names = [field.name for field in dataclasses.fields(Row)]
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if reader.fieldnames != names:
            raise SpecError(f"{path}: the columns must be {','.join(names)}, not {','.join(reader.fieldnames or ())}")
        found = [Row(**(line | {name: _items(line[name]) for name in ("settled_by", "also")})) for line in reader]
    seen: set[str] = set()
    for row in found:
        if not re.fullmatch(r"[A-Z]\d+", row.id) or row.id in seen:
            raise SpecError(f"{path}: an id is a letter and a number and occurs once, not {row.id!r}")
        if not row.statement:
            raise SpecError(f"{path}: row {row.id} has no statement")
        seen.add(row.id)
    letters = list(dict.fromkeys(row.id[0] for row in found))
    return tuple(sorted(found, key=lambda row: (letters.index(row.id[0]), int(row.id[1:]))))


def chosen(rows: Sequence[Row], text: str) -> list[Row]:
    """The rows that `A,B3,C14` or `all` names.

    Raises:
      SpecError: a name that is neither a group's letter nor an id.
    """
    names = [name.strip() for name in text.split(",") if name.strip()]
    letters = list(dict.fromkeys(row.id[0] for row in rows))
    known = ["all", *letters, *(row.id for row in rows)]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise SpecError(f"the ledger has no row or group {name!r}{hint} (groups: {', '.join(letters)}, or all)")
    if not names:
        raise SpecError("name groups or rows, as in A,B3,C14, or all")
    return [row for row in rows if {"all", row.id[0], row.id} & set(names)]


def settled(rows: Sequence[Row], folders: Sequence[pathlib.Path]) -> list[Settled]:
    """The rows with their evidence, each from the first of the folders of results that holds it."""
    find = _Finder(folders)
    return [
        Settled(row, *(tuple(find(row.id, by) for by in items) for items in (row.settled_by, row.also))) for row in rows
    ]


def stored(path: pathlib.Path) -> Any:
    """What a file of results holds; None where there is none.

    Raises:
      SpecError: it is damaged.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
    except ValueError:
        raise SpecError(f"{path} is damaged; remove it or run its claims again") from None


def exact_record(outcome: Any, date: str, seconds: float, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What is stored of an exact claim: its outcome (`assay.claims.exact.Exact`) and what produced it."""
    return outcome.to_json() | {"date": date, "seconds": round(seconds, 3), "provenance": dict(provenance)}


class _Finder:
    """Evidence in folders of results; every file is read once."""

    def __init__(self, folders: Sequence[pathlib.Path]):
        self._folders = [folder for folder in folders if folder.is_dir()]
        self._files: dict[pathlib.Path, Any] = {}

    def __call__(self, id: str, by: str) -> Evidence:
        for folder in self._folders:
            found = self._exact(folder, id) if by == EXACT else self._statistical(folder, *by.split(":"))
            if found:
                return found
        return Evidence(by, "not run")

    def _exact(self, folder: pathlib.Path, id: str) -> Evidence | None:
        record = (self._read(folder / EXACT_FILE) or {}).get(id)
        if record is None:
            return None
        known = {name: record[name] for name in ("verdict", "reason", "date", "seconds")}
        return Evidence(EXACT, **known, details=record, folder=folder)

    def _statistical(self, folder: pathlib.Path, experiment: str, claim: str) -> Evidence | None:
        study, verdicts = (self._read(folder / experiment / name) for name in ("study.json", "verdicts.json"))
        record = next((each for each in verdicts or () if each["claim"] == claim), None)
        if study is None or record is None or record["verdict"] is None:
            return None
        return Evidence(
            f"{experiment}:{claim}",
            verdict=record["verdict"],
            reason=record["reason"],
            date=study.get("date", ""),
            seconds=study.get("seconds"),
            details=record,
            folder=folder / experiment,
        )

    def _read(self, path: pathlib.Path) -> Any:
        if path not in self._files:
            self._files[path] = stored(path)
        return self._files[path]


def _items(text: str) -> tuple[str, ...]:
    items = tuple(text.split())
    if wrong := [item for item in items if item != EXACT and not re.fullmatch(r"\w+:[\w-]+", item)]:
        raise SpecError(f"what settles a row is exact or experiment:claim-id, not {wrong[0]!r}")
    return items
