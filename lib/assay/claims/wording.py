"""Effects and verdicts in plain words."""

from collections.abc import Mapping
import math
from typing import Any

from assay.claims.claim import Claim
from assay.claims.contrast import Contrast
from assay.metrics import higher_is_better
from assay.metrics import is_error
from assay.metrics import STEPS

# Fields whose value says what it is; any other is written field=value.
_PLAIN = ("task", "dataset", "model", "activation", "init", "loss", "optimizer", "schedule", "dtype")


def arms(claim: Claim) -> tuple[str, str, str]:
    """What the arms share, and what sets each apart: ("tanh", "glorot_uniform", "uniform_fan_in")."""
    shared = {name: value for name, value in claim.better.items() if claim.worse[name] == value}
    apart = [{k: v for k, v in arm.items() if k not in shared} for arm in (claim.better, claim.worse)]
    return _label(shared), _label(apart[0]), _label(apart[1])


def _label(fields: Mapping[str, Any]) -> str:
    return ", ".join(str(v) if k in _PLAIN else f"{k}={v}" for k, v in fields.items())


def number(claim: Claim, value: float) -> str:
    """An effect without its unit: errors in points (percent), steps whole, the rest to three figures."""
    if claim.scale == "ratio":
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    if is_error(claim.metric):
        return f"{100 * value:.2f}"
    return f"{value:,.0f}" if claim.metric == STEPS else f"{value:.3g}"


def amount(claim: Claim, value: float) -> str:
    """An effect's size with its unit: "0.31 points", "1,200 steps", "0.02", "6.1 times"."""
    if claim.scale == "ratio":
        return f"{number(claim, value)} times"
    unit = " points" if is_error(claim.metric) else " steps" if claim.metric == STEPS else ""
    return number(claim, value) + unit


def metric(claim: Claim) -> str:
    """The metric's name in words."""
    return "steps to the target" if claim.metric == STEPS else claim.metric.replace("_", " ")


def finding(claim: Claim, effect: float, interval: tuple[float, float], seeds: int) -> str:
    """One clause: who has how much less, or more where that is better, with interval and number of seeds."""
    low, high = interval if claim.scale == "ratio" or effect >= 0 else (-interval[1], -interval[0])
    bounded = math.isfinite(low) and math.isfinite(high)
    range_ = f"[{number(claim, low)}, {number(claim, high)}]" if bounded else "[no bounds yet]"
    shared, better, worse = arms(claim)
    left, right = (f"{shared} with {better}", f"with {worse}") if shared else (better, worse)
    higher = higher_is_better(claim.metric)
    if claim.scale == "ratio":
        most, least = (better, worse) if higher else (worse, better)
        most, least = (f"{shared} with {arm}" if shared else arm for arm in (most, least))
        what = f"{number(claim, effect)} times the {metric(claim)} of {least}"
        return f"{most} has {what} {range_}, {seeds} seeds"
    fewer = "more" if (effect < 0) != higher else "fewer" if claim.metric == STEPS else "less"
    verb = "reaches" if higher else "needs" if claim.metric == STEPS else "makes"
    size = amount(claim, abs(effect))
    words = f"{size.removesuffix(' steps')} {fewer} {metric(claim)}"
    return f"{left} {verb} {words} than {right} {range_}, {seeds} seeds"


def cautions(claim: Claim, found: Contrast) -> str:
    """What befell the trials, as further sentences; "" if nothing did."""
    _, better, worse = arms(claim)
    said = []
    for label, tally in ((better, found.better), (worse, found.worse)):
        if tally.censored:
            said.append(
                f"{tally.censored} of {tally.trials} trials of {label} had not reached the target after "
                f"{found.budget:,} steps and count as that many (at least)"
            )
        if tally.diverged:
            counted = ", errors without a value counting as 100 %" if is_error(claim.metric) else ""
            said.append(f"{tally.diverged} of {tally.trials} trials of {label} diverged{counted}")
    if found.pairs > 1:
        said.append(f"Each seed counts with the mean over {found.pairs} pairs that agree in all other fields")
    if found.dropped:
        said.append(f"{found.dropped} seeds left out: they lack the trial of one arm")
    return "".join(f". {text}" for text in said)
