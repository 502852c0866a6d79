"""Reads what a study left on disk. The report knows nothing else: what is not stored is not shown."""

from collections.abc import Mapping
import json
from pathlib import Path
from typing import Any, NamedTuple

from assay.report import arms, quantities


class ReportError(ValueError):
    """A study's folder that cannot be reported on; the message is one line that says what would be right."""


class Study(NamedTuple):
    """A stored study, gathered into arms.

    Attributes:
      folder: `runs/<study>`.
      about: study.json.
      rows: results.parquet, one mapping per finished trial.
      fields: the Config fields that tell the arms apart: the axes with several values first.
      arms: every planned arm, finished or not.
      verdicts: verdicts.json, or None where no verdict was given yet.
      published: for each arm (same order), the published results it can stand beside.
    """

    folder: Path
    about: dict[str, Any]
    rows: list[arms.Row]
    fields: list[str]
    arms: list[arms.Arm]
    verdicts: list[dict[str, Any]] | None
    published: list[list[dict[str, Any]]]


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
    rows = _rows(folder / "results.parquet")
    axes = {field: list(values) for field, values in (about.get("axes") or {}).items() if field != "seed"}
    fields = [field for field, values in axes.items() if len(values) > 1]
    fields += [f for f in arms.varying(rows, list(about.get("base") or axes)) if f not in fields]
    base = dict(about.get("base") or {})
    plan = {field: axes.get(field) or sorted({row[field] for row in rows}, key=str) for field in fields}
    gathered = arms.group(rows, fields, plan)
    if any(field not in axes for field in fields):  # no plan says which combinations of these exist
        gathered = [arm for arm in gathered if arm.rows]
    constant = base | {field: values[0] for field, values in axes.items() if len(values) == 1}
    published = [_published(about, constant | arm.fields) for arm in gathered]
    return Study(folder, about, rows, fields, gathered, verdicts, published)


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
        return parquet.read_table(path).to_pylist()
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise ReportError(f"cannot read {path}: {reason}; run the study again to write it anew") from None


def _published(about: Mapping[str, Any], config: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = []
    for entry in about.get("published") or []:
        metric, value = entry.get("metric", "test_error"), entry.get("value")
        if quantities.is_error(metric) and not (quantities.finite(value) and 0 <= value <= 1):
            raise ReportError(f"published {metric} {value!r} must be a fraction 0..1, as errors are stored (1 % = 0.01)")
        if all(config.get(field) == wanted for field, wanted in (entry.get("arm") or {}).items()):
            found.append({"metric": metric, **entry})
    return found
