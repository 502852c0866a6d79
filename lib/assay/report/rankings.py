"""Rankings: the order of the arms at the base's own value and at the value that tuning chose, and where it flips."""

from collections.abc import Mapping, Sequence
import itertools
import math
from typing import Any, NamedTuple

import numpy as np

from assay.claims.tuning import Choice
from assay.report import quantities
from assay.report.arms import Arm, Estimate, estimate

FLIPS = 5  # that are written out


class Standing(NamedTuple):
    """One arm before and after tuning.

    Attributes:
      arm, untuned: its trials at the value chosen, and at the base's own.
      choice: how that was chosen.
      at_end: whether the value lies at an end of the values tried, so that a better one may lie beyond.
      places: rank by the mean test metric among the arms on the same data, from 1, untuned and tuned; 0 without mean.
    """

    arm: Arm
    untuned: Arm
    choice: Choice
    at_end: bool
    places: tuple[int, int]

    @property
    def value(self) -> str:
        """`0.03`, or `lr=0.03, weight_decay=0.0` of several fields; with a star at an end."""
        chosen = self.choice.value
        texts = [str(v) if len(chosen) == 1 else f"{name}={v}" for name, v in chosen.items()]
        return ", ".join(texts) + "*" * self.at_end

    @property
    def validation(self) -> float:
        return self.choice.scores[tuple(self.choice.value.values())]

    @property
    def diverged(self) -> int:
        """Runs that diverged, at any value."""
        return sum(self.choice.diverged.values())


def standings(choices: Sequence[Choice], fields: Sequence[str], metric: str) -> list[Standing]:
    """Args: the arms' tuning, the fields that tell arms apart, and the study's metric without its split."""
    pairs = []
    for choice in choices:
        named = {field: choice.rows[0].get(field) for field in fields}
        pairs.append((Arm(named, choice.rows), Arm(named, choice.untuned)))
    before, after = (_places([pair[i] for pair in pairs], f"test_{metric}") for i in (1, 0))
    return [
        Standing(arm, untuned, choice, _at_end(choice), places)
        for (arm, untuned), choice, places in zip(pairs, choices, zip(before, after))
    ]


def _places(arms: Sequence[Arm], metric: str) -> list[int]:
    means = [arm.estimate(metric).mean for arm in arms]
    places = []
    for arm, mean in zip(arms, means):
        lower = sum(_on_same_data(arm, other) and less < mean for other, less in zip(arms, means))
        places.append(lower + 1 if math.isfinite(mean) else 0)
    return places


def _on_same_data(one: Arm, other: Arm) -> bool:
    return one.rows[0].get("dataset") == other.rows[0].get("dataset")


def _at_end(choice: Choice) -> bool:
    for values, chosen in zip(zip(*choice.scores), choice.value.values()):
        numeric = sorted({value for value in values if isinstance(value, (int, float))})
        if len(numeric) > 2 and chosen in (numeric[0], numeric[-1]) and chosen != 0:  # nothing lies below no decay
            return True
    return False


def said(found: Sequence[Standing], base: Mapping[str, Any], metric: str) -> list[str]:
    """What tuning was, and what it changed, in sentences."""
    if not found:
        return ["No arm has a seed at all of its values yet."]
    counts = {name: len(dict.fromkeys(v)) for name, v in zip(base, zip(*found[0].choice.scores))}
    fields, own = " and ".join(base), ", ".join(f"{name}={value}" for name, value in base.items())
    tries = " x ".join(map(str, counts.values()))
    lines = [
        f"Every arm was trained at the same {tries} values of {fields}, with the same seeds; its value is the one with "
        f"the lowest mean validation {quantities.name(metric)}. Claims are about arms at their values, on test. "
        f"Untuned: {own} for all."
    ]
    if any(each.at_end for each in found):
        lines.append("* at an end of the values tried: a better one may lie beyond.")
    swapped = flips(found, f"test_{metric}")
    if not swapped:
        lines.append("Tuned and untuned, the arms are in the same order.")
    else:
        listed = [f"{a} / {b}" + " (beyond seed noise both times)" * clear for a, b, clear in swapped[:FLIPS]]
        more = f"; and {len(swapped) - FLIPS} more" * (len(swapped) > FLIPS)
        lines.append(f"The order flips (ahead untuned / ahead tuned): {'; '.join(listed)}{more}.")
    return lines


def flips(found: Sequence[Standing], metric: str) -> list[tuple[str, str, bool]]:
    """Pairs of arms on the same data (labels) whose means are in one order untuned and in the other tuned, the first ahead untuned.

    The third says whether both orders are beyond the noise of seeds: paired 95 % t intervals that leave 0 out.
    """
    result = []
    for one, other in itertools.combinations(found, 2):
        if not _on_same_data(one.arm, other.arm):
            continue
        before, after = (_paired(*arms, metric) for arms in ((one.untuned, other.untuned), (one.arm, other.arm)))
        if before.mean * after.mean < 0:
            clear = all(each.low * each.high > 0 for each in (before, after))
            first, second = (one, other) if before.mean < 0 else (other, one)
            result.append((first.arm.label, second.arm.label, clear))
    return sorted(result, key=lambda flip: not flip[2])


def _paired(one: Arm, other: Arm, metric: str) -> Estimate:
    """Mean over seeds of one's metric minus the other's."""
    mine, theirs = ({row["seed"]: row.get(metric) for row in arm.rows} for arm in (one, other))
    seeds = [s for s in mine if quantities.finite(mine[s]) and quantities.finite(theirs.get(s))]
    return estimate(np.array([mine[seed] - theirs[seed] for seed in seeds]))
