"""Reads what a study left on disk. The report knows nothing else: what is not stored is not shown."""

from collections.abc import Mapping, Sequence
import dataclasses
import json
from pathlib import Path
from typing import Any, NamedTuple

from assay.claims.published import compare, Comparison, Published
from assay.claims.tuning import Choice, choose
from assay.report import arms, quantities


class ReportError(ValueError):
    """A study's folder that cannot be reported on; the message is one line that says what would be right."""


class Study(NamedTuple):
    """A stored study, gathered into arms.

    Attributes:
      folder: `runs/<study>`.
      metric: the metric that the study is about, without its split: "error".
      about: study.json.
      finished: results.parquet, one mapping per finished trial.
      rows: those of them that are compared: all, or of every arm those at the value that its tuning chose.
      choices: every arm's tuning; empty where nothing was tuned.
      fields: the Config fields that tell the arms apart: the axes with several values first; none that is tuned.
      arms: every planned arm, finished or not.
      verdicts: verdicts.json, or None where no verdict was given yet.
      published: for each arm (same order), the published figures it can stand beside.
    """

    folder: Path
    metric: str
    about: dict[str, Any]
    finished: list[arms.Row]
    rows: list[arms.Row]
    choices: list[Choice]
    fields: list[str]
    arms: list[arms.Arm]
    verdicts: list[dict[str, Any]] | None
    published: list[list[Comparison]]

    @property
    def train(self) -> str:
        return f"train_{self.metric}"

    @property
    def validation(self) -> str:
        return f"validation_{self.metric}"

    @property
    def test(self) -> str:
        return f"test_{self.metric}"

    @property
    def further(self) -> list[str]:
        """Final metrics beside the study's: other means over the test split, and what the task found out."""
        return arms.further(self.rows, self.metric, _config_fields(self.about))


def read(folder: Path) -> Study:
    """Reads study.json, results.parquet and verdicts.json; the last two may not be there yet.

    Raises:
      ReportError: study.json is absent, a file is damaged, or a published error is no fraction.
    """
    folder = Path(folder)
    if not (folder / "study.json").is_file():
        raise ReportError(f"no study.json in {folder}; give the folder of a study that was run, runs/<study>")
    about = _json(folder / "study.json", dict)
    verdicts = _json(folder / "verdicts.json", list) if (folder / "verdicts.json").is_file() else None
    finished = _rows(folder / "results.parquet")
    metric = str(about.get("metric") or "error")  # studies stored before there were others do not say
    choices = _choices(about, finished, f"validation_{metric}")
    rows = [row for choice in choices for row in choice.rows] if about.get("tried") else finished
    axes = {
        field: [_plain(v) for v in values]
        for field, values in (about.get("axes") or {}).items()
        if field != "seed"
    }
    fields = [field for field, values in axes.items() if len(values) > 1]
    aside = {*fields, *(about.get("tried") or {})}
    fields += [field for field in arms.varying(rows, _config_fields(about)) if field not in aside]
    gathered = arms.group(
        rows, fields, {field: _planned(rows, field, axes.get(field, [])) for field in fields}
    )
    if not set(fields) <= set(axes):  # which combinations of a field without axis were planned is not stored
        gathered = [arm for arm in gathered if arm.rows]
    published = _published(about)
    settled = {field: _plain(value) for field, value in constants(about, rows, fields).items()}
    beside = [
        [compare(each, arm.rows) for each in published if _selects(each, settled | arm.fields)]
        for arm in gathered
    ]
    return Study(folder, metric, about, finished, rows, choices, fields, gathered, verdicts, beside)


def constants(about: Mapping[str, Any], rows: Sequence[arms.Row], fields: Sequence[str]) -> dict[str, Any]:
    """What every arm shares: as the trials spell it, or as the study does where none has finished."""
    shared = (about.get("base") or {}) | {
        field: values[0] for field, values in (about.get("axes") or {}).items() if values
    }
    stored, apart = rows[0] if rows else {}, {*fields, *(about.get("tried") or {}), "seed"}
    return {field: stored.get(field, value) for field, value in shared.items() if field not in apart}


def _choices(about: Mapping[str, Any], rows: Sequence[arms.Row], metric: str) -> list[Choice]:
    """What was chosen is not stored: it follows from the trials."""
    tried = {field: [_plain(value) for value in values] for field, values in (about.get("tried") or {}).items()}
    untuned = {field: _plain(about["base"][field]) for field in tried}
    return choose(rows, tried, untuned, metric) if tried else []


def _config_fields(about: Mapping[str, Any]) -> list[str]:
    return list(dict.fromkeys([*(about.get("axes") or {}), *(about.get("base") or {})]))


def _planned(rows: Sequence[arms.Row], field: str, values: Sequence[Any]) -> list[Any]:
    """The planned values of a field; those of the trials where they are spelt otherwise."""
    seen = list(dict.fromkeys(row.get(field) for row in rows))
    return list(values) if values and set(seen) <= set(values) else seen


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _json(path: Path, kind: type) -> Any:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ReportError(f"cannot read {path}: {error}; run the study again to write it anew") from None
    if not isinstance(content, kind):
        raise ReportError(f"{path} must hold a JSON {'object' if kind is dict else 'list'}")
    return content


def _rows(path: Path) -> list[arms.Row]:
    if not path.is_file():
        return []
    import pyarrow  # slow to import, and only needed here
    from pyarrow import parquet

    try:
        rows = parquet.read_table(path).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ReportError(f"cannot read {path}: {reason}; run the study again to write it anew") from None
    return [{name: _plain(value) for name, value in row.items()} for row in rows]


def _published(about: Mapping[str, Any]) -> list[Published]:
    names = [field.name for field in dataclasses.fields(Published)]
    try:
        found = [Published(**{name: entry[name] for name in names}) for entry in about.get("published") or []]
    except KeyError as error:
        raise ReportError(
            f"study.json: a published figure lacks {error}; it has {', '.join(names)}"
        ) from None
    except ValueError as error:
        raise ReportError(f"study.json: {error}") from None
    for each in found:
        if quantities.is_error(each.metric) and not 0 <= each.value <= 1:
            raise ReportError(
                f"{each.source}: {each.metric} {each.value:g} must be a fraction 0..1 (1 % is 0.01)"
            )
    return found


def _selects(published: Published, config: Mapping[str, Any]) -> bool:
    return all(config.get(field) == _plain(value) for field, value in published.arm.items())
