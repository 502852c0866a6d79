"""The one rule that turns a family's paired differences into decisions, at a fixed n and under watch alike.

Every claim has an anytime-valid confidence sequence of its mean effect (`assay.stats.sequential`). It is
decided when the sequence lies wholly in one of three regions: beyond the margin, inside -margin..margin, or
beyond the margin in the other direction. The smallest level at which it does so is the decision's p-value:
the larger of the two p-values of the nulls "mean = margin" and "mean = -margin". Holm's procedure takes
these p-values over all the claims of a study.

What that guarantees. A wrong decision puts a margin between the sequence and the true mean, so it leaves
the true mean out, which at level a ever happens with probability a at most. Hence one claim alone is ever
decided wrongly with probability alpha at most, and by Bonferroni m claims at level alpha / m. Holm's later
steps use the larger alpha / (m - k). That they keep to alpha for decisions with a direction is proven for
independent claims (Shaffer 1980, Annals of Statistics 8:1342; Finner 1999, Annals of Statistics 27:274) and
open for dependent ones, such as claims that share an arm; `benchmarks/calibration.py` measures those.

Where it ends. The sequence is exact for Gaussian differences. Two arms of one distribution give symmetric
differences whatever it is, and heavy tails make the rule more careful (measured there as well). A difference
that is strongly skewed breaks it: with equal means but one arm lognormal and the other constant, a watched
study names a better arm far more often than alpha.
"""

from typing import NamedTuple

import numpy as np

from assay.stats import multiple
from assay.stats import sequential

BEYOND, INSIDE, REVERSED, OPEN = 1, 0, -1, 2


class Decision(NamedTuple):
    """Arrays [..., m] over the claims of a family.

    Attributes:
      region: int8, BEYOND (better by more than the margin), INSIDE (equal up to it), REVERSED (worse by
        more than it), or OPEN (undecided).
      p: anytime-valid p-value of the decision.
      adjusted: p after Holm; decided where adjusted <= alpha.
      level: the level Holm gave the claim.
      low, high: the confidence sequence's interval at that level.
    """

    region: np.ndarray
    p: np.ndarray
    adjusted: np.ndarray
    level: np.ndarray
    low: np.ndarray
    high: np.ndarray


def decide(n: np.ndarray, mean: np.ndarray, sd: np.ndarray, margin: np.ndarray, alpha: float) -> Decision:
    """Decides a family of claims; leading axes are independent studies.

    Args:
      n, mean, sd: of each claim's paired differences, [..., m]; the family is the last axis.
      margin: smallest effect of interest on the differences' scale, at least 0.
      alpha: probability that any claim of the family is ever decided wrongly.
    """
    n, mean, sd, margin = np.broadcast_arrays(n, mean, sd, margin)
    p = np.maximum(sequential.p_value(n, mean, sd, margin), sequential.p_value(n, mean, sd, -margin))
    adjusted, level = multiple.adjust(p), multiple.levels(p, alpha)
    low, high = sequential.interval(n, mean, sd, level)
    where = np.where(mean > margin, BEYOND, np.where(mean < -margin, REVERSED, INSIDE))
    return Decision(np.where(adjusted <= alpha, where, OPEN).astype(np.int8), p, adjusted, level, low, high)
