"""Claim: a statement about two arms that trials can confirm or refute."""

from collections.abc import Callable, Mapping
import dataclasses
import math
import types
from typing import Any

from assay import config
from assay import spec

SCALES = ("difference", "ratio")
EXPECTS = ("difference", "equivalence")


@dataclasses.dataclass(frozen=True)
class Claim:
    """`better` has a better metric than `worse` by more than the smallest effect of interest, or is equal.

    Attributes:
      id: short name, unique in its study.
      statement: the claim in plain words.
      better, worse: the two arms: the same Config fields with other values (Specs in canonical spelling, see
        `spelt`). Fields they leave free are averaged over: one difference per seed, over all matching pairs.
      metric: a final metric: "test_error", "steps_to_target", "test_psnr", ... Lower is better, for those of
        `assay.metrics.HIGHER_IS_BETTER` higher.
      smallest: smallest effect of interest. Scale "difference": in the metric's units (errors are fractions
        0..1), at least 0. Scale "ratio": the ratio worse / better, at least 1.
      scale: whether the effect is worse - better, or worse / better (geometric mean over seeds); of a metric
        for which higher is better, better - worse, or better / worse.
      expects: "difference" if `better` is claimed to be better, "equivalence" if both are claimed equal up
        to the smallest effect (which arm is called better is then of no consequence).
      source: where the claim stands (deck and slide, paper and table).
      cited: what that source says, with its figure.

    Raises:
      ValueError: one line on the first thing wrong.
    """

    id: str
    statement: str
    better: Mapping[str, Any] = dataclasses.field(hash=False)
    worse: Mapping[str, Any] = dataclasses.field(hash=False)
    smallest: float
    metric: str = "test_error"
    scale: str = "difference"
    expects: str = "difference"
    source: str = ""
    cited: str = ""

    def __post_init__(self):
        for side in ("better", "worse"):
            object.__setattr__(self, side, types.MappingProxyType(dict(getattr(self, side))))
        if problem := self._problem():
            raise ValueError(f"claim {self.id!r}: {problem}")

    def _problem(self) -> str:
        known = [name for name in config.fields() if name != "seed"]
        for name in (*self.better, *self.worse):
            if name == "seed":
                return "seeds pair the arms and can't be part of one"
            if name not in known:
                return spec.nearest(name, known, "Config field")
        if not self.better or set(self.better) != set(self.worse):
            return "better and worse must name the same Config fields, at least one"
        if dict(self.better) == dict(self.worse):
            return "better and worse are the same arm"
        if not self.id or not self.statement or not self.metric:
            return "id, statement and metric must not be empty"
        if self.scale not in SCALES:
            return spec.nearest(self.scale, SCALES, "scale")
        if self.expects not in EXPECTS:
            return spec.nearest(self.expects, EXPECTS, "value of expects")
        nothing = 0.0 if self.scale == "difference" else 1.0
        if isinstance(self.smallest, bool) or not isinstance(self.smallest, (int, float)):
            return f"smallest must be a number, not {self.smallest!r}"
        if not nothing <= self.smallest < math.inf:
            wanted = f"at least {nothing:g} and finite on scale {self.scale}"
            return f"smallest must be {wanted}, not {self.smallest:g}"
        if self.expects == "equivalence" and self.smallest == nothing:
            return f"equivalence needs a smallest effect above {nothing:g}"
        return ""

    @property
    def margin(self) -> float:
        """The smallest effect on the scale of the differences: itself, or its logarithm on scale "ratio"."""
        return float(self.smallest) if self.scale == "difference" else math.log(self.smallest)

    def spelt(self, canonical: Callable[[str, Any], Any]) -> "Claim":
        """This claim with every value of an arm replaced by `canonical(field, value)`, as rows spell it."""
        arms = {
            side: {name: canonical(name, value) for name, value in getattr(self, side).items()}
            for side in ("better", "worse")
        }
        return dataclasses.replace(self, **arms)
