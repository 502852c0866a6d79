"""Tuning: of every arm the value of its tuned fields that validates best, so that arms are compared each at its best.

Every arm is trained at the same values with the same seeds, and the choice reads the validation split alone; claims and
tables then read the test split of the chosen value. What that leaves open: the choice and the claims share their seeds,
and an interval takes the choice as given. A choice made anew when seeds are added may fall on another value, and the
claims are then about that one, at all seeds.
"""

from collections.abc import Mapping, Sequence
import itertools
import math
from typing import Any, NamedTuple

import numpy as np

from assay import config

Row = Mapping[str, Any]


class Choice(NamedTuple):
    """One arm's tuning.

    Attributes:
      value: the tuned fields at the value chosen.
      scores: mean validation metric by value (in the order of the fields), over the seeds that all values have; NaN
        where no run has one.
      diverged: by value, how many of these runs did.
      rows, untuned: the trials at the value chosen, and at the base's own.
    """

    value: dict[str, Any]
    scores: dict[tuple, float]
    diverged: dict[tuple, int]
    rows: list[Row]
    untuned: list[Row]


def choose(
    rows: Sequence[Row], tried: Mapping[str, Sequence[Any]], untuned: Mapping[str, Any], metric: str
) -> list[Choice]:
    """For every arm the value with the lowest mean validation metric.

    An error of a run that diverged counts as 1. Of a metric without such a worst value, a value that lost fewer runs is
    before one that lost more. Ties go to the value tried first.

    Args:
      rows: finished trials, as `assay.sweep.store.Store.rows` gives them.
      tried: tuned fields with the values that every arm is trained at; all their combinations are.
      untuned: the base's own value of each.
      metric: `validation_error` or another for which lower is better.

    Returns:
      A Choice for every arm, in order of appearance; not for an arm that has no seed with all of its values.
    """
    fixed = [name for name in config.fields() if rows and name in rows[0] and name not in ("seed", *tried)]
    arms: dict[tuple, dict[tuple, dict[int, Row]]] = {}
    for row in rows:
        values = arms.setdefault(tuple(row[name] for name in fixed), {})
        values.setdefault(tuple(row[name] for name in tried), {})[row["seed"]] = row
    found = [_choice(values, tried, untuned, metric) for values in arms.values()]
    return [choice for choice in found if choice]


def _choice(
    values: Mapping[tuple, Mapping[int, Row]],
    tried: Mapping[str, Sequence[Any]],
    untuned: Mapping[str, Any],
    metric: str,
) -> Choice | None:
    combinations = list(itertools.product(*tried.values()))
    runs = [values.get(value, {}) for value in combinations]
    shared = sorted(set.intersection(*map(set, runs)))
    if not shared:
        return None
    found = {v: [values[v][seed].get(metric) for seed in shared] for v in combinations}
    known = {v: [each for each in found[v] if each is not None and math.isfinite(each)] for v in combinations}
    scores = {v: float(np.mean(known[v])) if known[v] else math.nan for v in combinations}

    def rank(value: tuple) -> tuple[int, float]:
        return len(shared) - len(known[value]), scores[value] if known[value] else math.inf

    best = min(combinations, key=rank)  # the first of equals
    diverged = {v: sum(values[v][seed]["status"] == "diverged" for seed in shared) for v in combinations}
    own = tuple(untuned[name] for name in tried)
    rows, before = ([values[v][seed] for seed in sorted(values[v])] for v in (best, own))
    return Choice(dict(zip(tried, best)), scores, diverged, rows, before)


def tuned(choices: Sequence[Choice]) -> list[Row]:
    """The trials of every arm at its value, as one claim or table compares them: without the tuned fields."""
    return [
        {name: value for name, value in row.items() if name not in choice.value}
        for choice in choices
        for row in choice.rows
    ]
