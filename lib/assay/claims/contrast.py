"""From stored trials to one paired difference per seed, and what was censored, diverged or missing.

A trial that diverged is a result, so it must not drop out of a comparison and leave the survivors: its
error counts as 1, its steps to the target as the whole budget. No other metric has such a worst value; see
`Contrast.obstacle`. Steps to a target that was never reached count as the budget. Both arms get the same
budget, the smaller one, so what is compared is the mean of min(steps, budget): a restricted mean, as in
survival analysis.
"""

from collections.abc import Mapping, Sequence
import dataclasses
import math
from typing import Any

import numpy as np

from assay import config
from assay import spec
from assay.claims.claim import Claim
from assay.metrics import higher_is_better
from assay.metrics import is_error
from assay.metrics import ROLES
from assay.metrics import STEPS

Row = Mapping[str, Any]


@dataclasses.dataclass
class Tally:
    """What became of one arm's trials."""

    trials: int = 0
    censored: int = 0
    diverged: int = 0
    undefined: int = 0


@dataclasses.dataclass(frozen=True)
class Contrast:
    """One difference per seed, positive where the claim's `better` arm has the better metric.

    Attributes:
      seeds: [n] that have all their pairs, ascending.
      differences: float64 [n], worse - better, or log(worse / better); means over the pairs of a seed. The
        other way round where higher is better.
      floor: least standard deviation the differences are given, see `_floor`.
      better_mean, worse_mean: means over the seeds kept, in the metric's units (geometric on scale "ratio").
      better, worse: tallies.
      pairs: matching pairs in one seed.
      dropped: seeds left out because one of their pairs lacks a value.
      budget: the least steps a pair was given, for metric steps_to_target.
      obstacle: why no number of seeds can settle the claim; "" if nothing stands in the way.
    """

    seeds: list[int]
    differences: np.ndarray
    floor: float
    better_mean: float
    worse_mean: float
    better: Tally
    worse: Tally
    pairs: int
    dropped: int
    budget: int | None
    obstacle: str


def contrast(claim: Claim, rows: Sequence[Row]) -> Contrast | str:
    """Pairs the two arms' trials by seed and free fields.

    Args:
      rows: finished trials: Config fields, `status`, `steps` and the final metrics.

    Returns:
      The contrast, or the words that say which arm is not in this run.

    Raises:
      ValueError: the metric is unknown to the rows, or two rows hold the same trial.
    """
    if not rows:
        return "no trial has finished"
    if claim.metric not in rows[0]:
        finals = [name for name in rows[0] if name == STEPS or name.split("_")[0] in ROLES]
        raise ValueError(f"claim {claim.id!r}: {spec.nearest(claim.metric, finals, 'metric')}")
    arms = {}
    for side, selector in (("better", claim.better), ("worse", claim.worse)):
        selected = [row for row in rows if all(_plain(row[k]) == _plain(v) for k, v in selector.items())]
        if not selected:
            return f"arm {', '.join(f'{k}={v}' for k, v in selector.items())} is not in this run"
        arms[side] = _by_pair(claim, selected)
    combinations = {key[1] for key in arms["better"]} & {key[1] for key in arms["worse"]}
    if not combinations:
        return f"the arms share no value of the other fields, so nothing pairs ({_where_apart(claim, rows)})"
    for side, arm in arms.items():
        arms[side] = {key: row for key, row in arm.items() if key[1] in combinations}
    return _paired(claim, arms, combinations)


def _by_pair(claim: Claim, rows: Sequence[Row]) -> dict[tuple, Row]:
    free = _free(claim, rows)
    found = {}
    for row in rows:
        key = (row["seed"], tuple(_plain(row[name]) for name in free))
        if key in found:
            raise ValueError(f"claim {claim.id!r}: two rows hold one trial, {row.get('id', key)}; remove one")
        found[key] = row
    return found


def _plain(value: Any) -> Any:
    return tuple(value) if isinstance(value, (list, np.ndarray)) else value


def _where_apart(claim: Claim, rows: Sequence[Row]) -> str:
    varying = [name for name in _free(claim, rows) if len({_plain(row[name]) for row in rows}) > 1]
    return f"they vary in {', '.join(varying)}"


def _free(claim: Claim, rows: Sequence[Row]) -> list[str]:
    """The Config fields that the claim leaves free, seeds aside."""
    pinned = {"seed", *claim.better}
    return [name for name in config.fields() if name in rows[0] and name not in pinned]


def _paired(claim: Claim, arms: Mapping[str, Mapping[tuple, Row]], combinations: set[tuple]) -> Contrast:
    tallies, values = {}, {}
    stepwise = claim.metric == STEPS
    budgets = {c: _budget(arms, c) if stepwise else None for c in combinations}
    for side, arm in arms.items():
        tallies[side] = tally = Tally(trials=len(arm))
        values[side] = {key: _value(row, claim.metric, budgets[key[1]], tally) for key, row in arm.items()}
    every = np.array([value for side in values.values() for value in side.values() if value is not None])
    obstacle = _obstacle(claim, tallies, every)
    seeds = sorted({seed for arm in arms.values() for seed, _ in arm})
    kept, table = [], []
    for seed in seeds:
        row = [[values[side].get((seed, c)) for c in combinations] for side in ("better", "worse")]
        if all(value is not None for side in row for value in side):
            kept.append(seed)
            table.append(row)
    scaled = np.array(table, np.float64).reshape(len(kept), 2, len(combinations))  # [n, arm, pair]
    logarithmic = claim.scale == "ratio" and not (len(scaled) and scaled.min() <= 0)
    scaled = np.log(scaled) if logarithmic else scaled
    means = scaled.mean((0, 2)) if kept else np.full(2, math.nan)
    better_mean, worse_mean = np.exp(means) if logarithmic else means
    sign = -1 if higher_is_better(claim.metric) else 1
    return Contrast(
        seeds=kept,
        differences=sign * (scaled[:, 1] - scaled[:, 0]).mean(-1),
        floor=_floor(every, len(combinations), claim.scale),
        better_mean=float(better_mean),
        worse_mean=float(worse_mean),
        better=tallies["better"],
        worse=tallies["worse"],
        pairs=len(combinations),
        dropped=len(seeds) - len(kept),
        budget=min(budgets.values()) if stepwise else None,
        obstacle=obstacle,
    )


def _budget(arms: Mapping[str, Mapping[tuple, Row]], combination: tuple) -> int:
    """Steps both arms had in this pair; a diverged trial may have stopped early, so others come first."""
    longest = []
    for arm in arms.values():
        rows = [row for key, row in arm.items() if key[1] == combination]
        whole = [row["steps"] for row in rows if row["status"] != "diverged"]
        longest.append((bool(whole), max(whole or [row["steps"] for row in rows])))
    told = [steps for whole, steps in longest if whole]
    return min(told) if told else max(steps for _, steps in longest)


def _value(row: Row, metric: str, budget: int | None, tally: Tally) -> float | None:
    value, diverged = row.get(metric), row["status"] == "diverged"
    known = value is not None and math.isfinite(value)
    tally.diverged += diverged
    if metric == STEPS:
        tally.censored += not known or value > budget
        return min(float(value), float(budget)) if known else float(budget)
    if not known and diverged and is_error(metric):
        return 1.0
    tally.undefined += not known and diverged
    return float(value) if known else None


def _obstacle(claim: Claim, tallies: Mapping[str, Tally], every: np.ndarray) -> str:
    if all(tally.censored == tally.trials for tally in tallies.values()) and claim.metric == STEPS:
        return "no trial of either arm reached the target: train longer or set an easier target_error"
    if lost := sum(tally.undefined for tally in tallies.values()):
        trials = sum(tally.trials for tally in tallies.values())
        return (
            f"{lost} of {trials} trials diverged and have no {claim.metric}; "
            f"the survivors alone would mislead: ask about an error or {STEPS}"
        )
    if claim.scale == "ratio" and len(every) and every.min() <= 0:
        return f"a ratio needs positive values, but {claim.metric} is {every.min():g} once: use differences"
    return ""


def _floor(every: np.ndarray, pairs: int, scale: str) -> float:
    """Half the metric's resolution, for the mean of `pairs` pairs: the differences' least standard deviation.

    An error is a multiple of 1 / (test examples), steps of the evaluation interval. A few equal differences
    are then no sign of a small spread: a variable on a lattice of step q may take two neighbouring points,
    with sd up to q / 2. The step is read off the values, as the smallest gap between them; 0 if all are
    equal.
    """
    levels = np.unique(np.round(every, 9))
    if len(levels) < 2:
        return 0.0
    step = float(np.diff(levels).min())
    if scale == "ratio":
        step /= max(float(np.median(every)), step)
    return step / (2 * math.sqrt(pairs))
