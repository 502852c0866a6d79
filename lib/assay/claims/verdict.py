"""Verdicts: what the trials of a study say about its claims."""

from collections.abc import Mapping, Sequence
import dataclasses
import math
from typing import Any

import numpy as np

from assay.claims import decide as rule
from assay.claims import wording
from assay.claims.claim import Claim
from assay.claims.contrast import contrast
from assay.claims.contrast import Contrast
from assay.stats import equivalence
from assay.stats import multiple
from assay.stats import paired as fixed
from assay.stats import sequential


@dataclasses.dataclass(frozen=True)
class Verdict:
    """One claim's outcome with its evidence.

    Effects are positive where the claim's `better` arm is better: worse - better in the metric's units, or,
    on scale "ratio", worse / better; the other way round where higher is better. Figures that don't exist
    are NaN here and null in JSON.

    Attributes:
      claim: the claim.
      verdict: "confirmed", "refuted", "equivalent" or "inconclusive"; None if the claim was not tested.
      reason: the outcome in plain words, without the verdict's own.
      effect, interval: mean over seeds and its anytime-valid confidence sequence at `level`: they decide.
      p: anytime-valid p-value of the decision after Holm; at most `alpha` where there is one.
      p_unadjusted: the same before Holm.
      alpha, level: level of the whole study, and what Holm's procedure leaves to this claim.
      n: seeds compared.
      better_mean, worse_mean: means of the arms over those seeds.
      sd: of the paired differences, on the differences' scale (of the logarithms for "ratio").
      bca: BCa bootstrap interval at 95 %, for this claim alone at this n. Evidence; it does not decide.
      permutation_p, permutation_p_holm: sign-flip permutation test at this n, and after Holm.
      tost_p: equivalence test at this n against the smallest effect.
      improvement: share of seeds at which `better` is better (ties half).
      d: mean / sd of the differences.
      trials: per arm, how many trials there are, and how many were censored, diverged, or have no value.
      dropped: seeds left out because a trial of a pair is missing.
      pairs: matching pairs averaged within each seed.
      more_seeds_help: False if the claim is decided, or something other than seeds is missing.
      more_seeds: about how many more seeds would settle it if effect and spread stay; None if unknown.
      command: what reproduces the trials.
    """

    claim: Claim
    verdict: str | None
    reason: str
    alpha: float
    command: str
    effect: float = math.nan
    interval: tuple[float, float] = (math.nan, math.nan)
    p: float = math.nan
    p_unadjusted: float = math.nan
    level: float = math.nan
    n: int = 0
    better_mean: float = math.nan
    worse_mean: float = math.nan
    sd: float = math.nan
    bca: tuple[float, float] = (math.nan, math.nan)
    permutation_p: float = math.nan
    permutation_p_holm: float = math.nan
    tost_p: float = math.nan
    improvement: float = math.nan
    d: float = math.nan
    trials: Mapping[str, Mapping[str, int]] = dataclasses.field(default_factory=dict)
    dropped: int = 0
    pairs: int = 0
    more_seeds_help: bool = False
    more_seeds: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The object of verdicts.json: plain JSON types, null for what does not exist or is unbounded."""
        claim = self.claim
        about = {
            "claim": claim.id,
            "statement": claim.statement,
            "metric": claim.metric,
            "scale": claim.scale,
            "smallest": claim.smallest,
            "expects": claim.expects,
            "source": claim.source,
            "cited": claim.cited,
            "arms": [dict(claim.better), dict(claim.worse)],
        }
        evidence = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)[1:]}
        return {name: _json(value) for name, value in (about | evidence).items()}


def judge(
    claims: Sequence[Claim], rows: Sequence[Mapping[str, Any]], *, alpha: float = 0.05, command: str = ""
) -> list[Verdict]:
    """One verdict per claim, in their order, by the rule of `assay.claims.decide`.

    The claims that this run can test are one family: whatever the number of seeds and however often one has
    looked before, the probability that any of them is ever decided wrongly is held to `alpha`.

    Args:
      claims: with arms in canonical spelling (`Claim.spelt`) and different ids.
      rows: one per finished trial: every Config field, `status` ("done" or "diverged"), `steps`, and the
        final metrics.
      alpha: level of the family, in 0..1 (exclusive).
      command: reproduces the trials; stored with every verdict.

    Raises:
      ValueError: a claim id twice, an unknown metric, a trial twice, or alpha out of range.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie between 0 and 1, not {alpha:g}")
    ids = [claim.id for claim in claims]
    if twice := sorted({name for name in ids if ids.count(name) > 1}):
        raise ValueError(f"claim id {twice[0]!r} is used twice; every claim needs its own")
    found = {claim.id: contrast(claim, rows) for claim in claims}
    tested = [claim for claim in claims if isinstance(found[claim.id], Contrast)]
    judged = _family(tested, [found[claim.id] for claim in tested], alpha, command) if tested else {}
    return [
        judged.get(claim.id) or Verdict(claim, None, str(found[claim.id]), alpha, command) for claim in claims
    ]


def undecided(verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Those that more seeds could settle."""
    return [verdict for verdict in verdicts if verdict.more_seeds_help]


def _family(
    claims: Sequence[Claim], found: Sequence[Contrast], alpha: float, command: str
) -> dict[str, Verdict]:
    evidence = [fixed.paired(each.differences) for each in found]
    # An obstructed claim decides nothing, so it must not ease Holm's procedure for the others.
    n = np.array([0 if c.obstacle else each.n for each, c in zip(evidence, found)])
    mean = np.array([each.mean if each.n else 0.0 for each in evidence])
    # The decision's spread never falls below the metric's resolution; the evidence shows the plain one.
    sd = np.array([max(each.sd, c.floor) if each.n > 1 else 0.0 for each, c in zip(evidence, found)])
    decision = rule.decide(n, mean, sd, np.array([claim.margin for claim in claims]), alpha)
    holm = multiple.adjust(np.array([each.p if each.n else 1.0 for each in evidence]))
    verdicts = {}
    for i, claim in enumerate(claims):
        mine = rule.Decision(*(field[i] for field in decision))
        facts = _verdict(claim, found[i], evidence[i], mine, float(sd[i]))
        verdicts[claim.id] = Verdict(
            claim=claim, alpha=alpha, command=command, permutation_p_holm=float(holm[i]), **facts
        )
    return verdicts


def _verdict(
    claim: Claim,
    found: Contrast,
    evidence: fixed.Paired,
    decision: rule.Decision,
    sd: float,
) -> dict[str, Any]:
    """The fields of a Verdict that come from one claim's own trials and decision."""
    unit = _exp if claim.scale == "ratio" else float
    n, mean = evidence.n, evidence.mean
    interval = (unit(float(decision.low)), unit(float(decision.high))) if n else (math.nan, math.nan)
    effect = unit(mean)
    verdict, reason = _outcome(claim, found, decision, effect, interval, n)
    helps = bool(decision.region == rule.OPEN) and not found.obstacle
    more_seeds = _more_seeds(claim, mean, sd, n, float(decision.level)) if helps else None
    if helps:
        reason += _plan(n, more_seeds, float(decision.level))
    low, high = -claim.margin, claim.margin
    return dict(
        verdict=verdict,
        reason=reason + wording.cautions(claim, found),
        effect=effect,
        interval=interval,
        p=float(decision.adjusted),
        p_unadjusted=float(decision.p),
        level=float(decision.level),
        n=n,
        better_mean=found.better_mean,
        worse_mean=found.worse_mean,
        sd=evidence.sd,
        bca=(unit(evidence.interval[0]), unit(evidence.interval[1])),
        permutation_p=evidence.p,
        tost_p=equivalence.tost(found.differences, low, high) if n > 1 and low < high else math.nan,
        improvement=evidence.improvement,
        d=evidence.d,
        trials={"better": dataclasses.asdict(found.better), "worse": dataclasses.asdict(found.worse)},
        dropped=found.dropped,
        pairs=found.pairs,
        more_seeds_help=helps,
        more_seeds=more_seeds,
    )


def _outcome(
    claim: Claim,
    found: Contrast,
    decision: rule.Decision,
    effect: float,
    interval: tuple[float, float],
    n: int,
) -> tuple[str, str]:
    """The verdict's word and why."""
    if found.obstacle:
        return "inconclusive", found.obstacle
    if n < sequential.FEWEST:
        short = sequential.FEWEST - n
        return "inconclusive", f"{n} paired seeds of the {sequential.FEWEST} needed at least: {short} more"
    said = wording.finding(claim, effect, interval, n)
    smallest = f"the smallest effect of interest, {wording.amount(claim, claim.smallest)}"
    if decision.region == rule.OPEN:
        return "inconclusive", said
    if decision.region == rule.INSIDE:
        if censored := found.better.censored + found.worse.censored:
            said += f": within {smallest}"
            return "inconclusive", f"{said}, but {censored} trials fell short: train longer"
        word = "equivalent" if claim.expects == "equivalence" else "refuted"
        return word, f"{said}: equal within {smallest}"
    if claim.expects == "equivalence":
        return "refuted", f"{said}: a difference beyond {smallest}"
    if decision.region == rule.BEYOND:
        return "confirmed", f"{said}: beyond {smallest}"
    return "refuted", f"{said}: the other way round, beyond {smallest}"


def _more_seeds(claim: Claim, mean: float, sd: float, n: int, level: float) -> int | None:
    distance = min(abs(mean - claim.margin), abs(mean + claim.margin)) if n >= sequential.FEWEST else 0.0
    needed = sequential.seeds_to_exclude(distance, sd, level) if distance else None
    return max(needed - n, 1) if needed else None


def _plan(n: int, more_seeds: int | None, level: float) -> str:
    if more_seeds:
        seeds = "1 more seed" if more_seeds == 1 else f"{more_seeds} more seeds"
        return f"; not settled: about {seeds} if effect and spread stay as they are"
    if n < (fewest := sequential.fewest(level)):
        return f"; a verdict takes {fewest} at least at this study's level, {level:.3g}"
    return "; not settled, and too close to the smallest effect of interest to say when it would be"


def _exp(value: float) -> float:
    return math.inf if value > 700 else math.exp(value)


def _json(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {key: _json(item) for key, item in value.items()}
    return [_json(item) for item in value] if isinstance(value, (list, tuple)) else value
