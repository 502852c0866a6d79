"""What happened while an arm trained: its metrics.jsonl files, each read once, as arrays over seeds."""

from collections.abc import Sequence
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from assay.report.arms import Arm
from assay.report.store import ReportError

PROBES = ("activation_std", "saturated", "gradient_std")


class Traces(NamedTuple):
    """The course of one arm's trials.

    Attributes:
      steps: the steps at which any of them was evaluated, int64 [E].
      curves: metric -> float64 [trials, E]; NaN where a trial has no finite value.
      layers: the probed layers' names, forward.
      probes: statistic -> (first probe, last probe), each float64 [trials that have it, L].
      missing: trials without a metrics.jsonl.
    """

    steps: np.ndarray
    curves: dict[str, np.ndarray]
    layers: list[str]
    probes: dict[str, tuple[np.ndarray, np.ndarray]]
    missing: int


def read(folder: Path, arm: Arm, metrics: Sequence[str]) -> Traces:
    """Reads the `metrics` of every trial of an arm, and its probes.

    Raises:
      ReportError: a line that is no JSON and not the last one (a torn last line is what a kill leaves).
    """
    evaluations, probes, missing = [], [], 0
    for row in arm.rows:
        path = folder / str(row["id"]) / "metrics.jsonl"
        try:
            lines = path.read_bytes().splitlines()
        except FileNotFoundError:
            missing += 1
            continue
        records = _records(path, lines)
        evaluations.append(
            [record for record in records if "probe" not in record and "diverged" not in record]
        )
        probes.append([record for record in records if "probe" in record])
    steps = sorted({record["step"] for trial in evaluations for record in trial})
    at = {step: i for i, step in enumerate(steps)}
    curves = {metric: np.full((len(evaluations), len(steps)), np.nan) for metric in metrics}
    for i, trial in enumerate(evaluations):
        for record in trial:
            for metric, values in curves.items():
                values[i, at[record["step"]]] = np.nan if record.get(metric) is None else record[metric]
    probes = [trial for trial in probes if trial]
    layers = list(probes[0][0]["probe"]["layer"]) if probes else []
    last = max((trial[-1]["step"] for trial in probes), default=-1)
    first = min((trial[0]["step"] for trial in probes), default=-1)
    # A run that diverged has no last probe; its first one must not stand in for it.
    ended = [trial[-1] for trial in probes if trial[-1]["step"] == last > first]
    ends = {
        name: (_stack([trial[0] for trial in probes], name, layers), _stack(ended, name, layers))
        for name in PROBES
        if probes
    }
    return Traces(np.array(steps, dtype=np.int64), curves, layers, ends, missing)


def _records(path: Path, lines: Sequence[bytes]) -> list[dict[str, Any]]:
    records = []
    for number, line in enumerate(lines, start=1):
        try:
            records.append(json.loads(line))
        except ValueError:
            if number < len(lines):
                raise ReportError(
                    f"{path}, line {number} is no JSON; run the study again to write it anew"
                ) from None
    return records


def _stack(records: Sequence[dict[str, Any]], name: str, layers: Sequence[str]) -> np.ndarray:
    values = [record["probe"].get(name) or [None] * len(layers) for record in records]
    found = [[np.nan if value is None else value for value in row] for row in values]
    return np.array(found, dtype=np.float64).reshape(len(records), len(layers))


def middle(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Median, 10 % and 90 % quantile over trials: [trials, n] -> three [n]; NaN where none has a value."""
    result = np.full((3, values.shape[1]), np.nan)
    seen = np.isfinite(values).any(axis=0)
    if seen.any():
        result[:, seen] = np.nanquantile(
            np.where(np.isfinite(values), values, np.nan)[:, seen], (0.5, 0.1, 0.9), axis=0
        )
    return result[0], result[1], result[2]
