"""Exact claims: a count, a shape, an identity, a worked example. No trials, no statistics: it holds or it does not."""

from collections.abc import Sequence
import dataclasses
from typing import Any

import numpy as np


@dataclasses.dataclass(frozen=True)
class Figure:
    """One figure of a claim: what its source says beside what the code gives.

    Attributes:
      what: what the figure is.
      cited: a number, shape, array or truth value as the source has it; None for a figure that it does not give, which
        is shown and settles nothing.
      obtained: the same by running the code.
      tolerance: absolute; 0 for exact equality.
      mistake: what the source got wrong, in a few words, where the figure differs.
      by_the_source: the cited figure by the source's own, mistaken arithmetic, where it can be told.
      missing: what this machine lacks to obtain the figure, which then is None and decides nothing.

    Raises:
      ValueError: `by_the_source` does not give the cited figure, there is a mistake where there is no difference, or a
        figure is given as well as missing.
    """

    what: str
    cited: Any
    obtained: Any
    tolerance: float = 0.0
    mistake: str = ""
    by_the_source: Any = None
    missing: str = ""

    def __post_init__(self):
        if self.by_the_source is not None and not _equal(self.by_the_source, self.cited, self.tolerance):
            raise ValueError(f"{self.what}: {self.by_the_source} does not reproduce the cited {self.cited}")
        if self.mistake and self.holds:
            raise ValueError(f"{self.what}: {self.cited} is right, so there is no mistake to tell")
        if self.missing and self.obtained is not None:
            raise ValueError(f"{self.what}: {self.obtained} was obtained, so nothing is missing")

    @property
    def holds(self) -> bool | None:
        """Whether it is as cited, or nothing is; None where it could not be obtained."""
        if self.missing:
            return None
        return self.cited is None or _equal(self.obtained, self.cited, self.tolerance)

    def __str__(self) -> str:
        if self.missing:
            return f"{self.what}: not known, {self.missing}"
        said = f"{self.what}: {written(self.obtained)}"
        if self.holds:
            return said
        reason = f" ({self.mistake})" if self.mistake else ""
        return f"{said}, not {written(self.cited)}{reason}"


@dataclasses.dataclass(frozen=True)
class Exact:
    """The outcome of an exact claim.

    Attributes:
      verdict: "refuted" if a cited figure does not hold, "confirmed" if all do, "inconclusive" if one is missing.
      reason: one line: the figures that do not hold, or all of them.
      figures: the evidence.
    """

    verdict: str
    reason: str
    figures: tuple[Figure, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; arrays as nested lists."""
        figures = [
            {
                "what": figure.what,
                "cited": _plain(figure.cited),
                "obtained": _plain(figure.obtained),
                "tolerance": figure.tolerance,
                "by_the_source": _plain(figure.by_the_source),
                "mistake": figure.mistake,
                "missing": figure.missing,
                "holds": figure.holds,
            }
            for figure in self.figures
        ]
        return {"verdict": self.verdict, "reason": self.reason, "figures": figures}


def settle(figures: Sequence[Figure]) -> Exact:
    """The verdict on a claim by its figures.

    Raises:
      ValueError: none of them is cited, so that nothing could be refuted.
    """
    if all(figure.cited is None for figure in figures):
        raise ValueError("an exact claim needs a cited figure")
    cited = [figure for figure in figures if figure.cited is not None]
    wrong = [figure for figure in cited if figure.holds is False]
    missing = [figure for figure in cited if figure.missing]
    verdict = "refuted" if wrong else "inconclusive" if missing else "confirmed"
    return Exact(verdict, "; ".join(map(str, wrong or missing or cited)), tuple(figures))


def written(value: Any) -> str:
    """A figure in a sentence: 78,400; 24 x 24; [[6, 8], [3, 4]]; yes; none for what is stored as null."""
    if value is None:
        return "none"
    if isinstance(value, (bool, np.bool_)):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " x ".join(map(written, value))
    if isinstance(value, (int, np.integer)):
        return f"{int(value):,}"
    if np.ndim(value) == 0 and not isinstance(value, str):
        return f"{float(value):,.6g}"
    if isinstance(value, str):
        return value
    rows = (written(item) for item in np.asarray(value).tolist())
    return f"[{', '.join(rows)}]"


def _equal(a: Any, b: Any, tolerance: float) -> bool:
    if isinstance(a, str) or isinstance(b, str):
        return a == b
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape:
        return False
    if a.dtype == bool or b.dtype == bool:
        return a.dtype == b.dtype and bool(np.all(a == b))
    return bool(np.all(np.abs(a.astype(float) - b.astype(float)) <= tolerance))


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else value
