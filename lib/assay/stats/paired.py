"""What paired differences say at a fixed number of seeds: interval, permutation test, effect size."""

import dataclasses
import math

import numpy as np

RESAMPLES = 9999


@dataclasses.dataclass(frozen=True)
class Paired:
    """Evidence from paired differences at a fixed n; NaN where n is too small for a figure.

    Attributes:
      n: number of differences.
      mean, sd: of the differences (sd with n - 1 in the denominator), in their units.
      interval: BCa bootstrap interval of the mean (Efron 1987, JASA 82:171), at `confidence`.
      p: two-sided sign-flip permutation p-value of the null "symmetric about 0"; exact up to 13 differences.
      improvement: share of differences above 0, ties counted half: the probability of improvement of
        Agarwal et al. 2021 (arXiv:2108.13264), over pairs.
      d: mean / sd, Cohen's d of the differences.
    """

    n: int
    mean: float
    sd: float
    interval: tuple[float, float]
    confidence: float
    p: float
    improvement: float
    d: float


def paired(differences: np.ndarray, *, confidence: float = 0.95, seed: int = 0) -> Paired:
    """Summarises paired differences; the same differences and seed give the same figures.

    Args:
      differences: float [n], above 0 where the pair speaks for an improvement.
      confidence: of the interval, in 0..1.
      seed: of the resampling.

    Raises:
      ValueError: not one-dimensional, or a difference that is not finite.
    """
    x = np.asarray(differences, np.float64)
    if x.ndim != 1 or not np.all(np.isfinite(x)):
        raise ValueError("paired differences must be one row of finite numbers")
    n = len(x)
    equal = all_equal(x)
    mean = float(np.mean(x)) if n else math.nan
    sd = math.nan if n < 2 else 0.0 if equal else float(np.std(x, ddof=1))
    improvement = float(np.mean((x > 0) + 0.5 * (x == 0))) if n else math.nan
    return Paired(
        n=n,
        mean=mean,
        sd=sd,
        interval=_interval(x, mean, equal, confidence, seed),
        confidence=confidence,
        p=permutation(x, seed=seed) if n else math.nan,
        improvement=improvement,
        d=_d(mean, sd),
    )


def all_equal(differences: np.ndarray) -> bool:
    """Whether the differences are equal up to rounding, as 0.3 - 0.2 and 0.2 - 0.1 are."""
    return len(differences) == 0 or bool(np.ptp(differences) <= 1e-12 * np.max(np.abs(differences)))


def permutation(differences: np.ndarray, *, seed: int = 0) -> float:
    """Two-sided p-value of the mean under random signs; all 2^n signs where they are at most `RESAMPLES`.

    Args:
      differences: finite float [n], n at least 1.
    """
    if len(differences) == 1 or not np.any(differences):
        return 1.0
    from scipy import stats

    scale = np.max(np.abs(differences))

    def mean(x: np.ndarray, axis: int) -> np.ndarray:
        return np.round(np.mean(x / scale, axis=axis), 12)  # sums that are equal but for rounding are ties

    result = stats.permutation_test(
        (differences,), mean, permutation_type="samples", vectorized=True, n_resamples=RESAMPLES, rng=seed
    )
    return float(result.pvalue)


def _interval(x: np.ndarray, mean: float, equal: bool, confidence: float, seed: int) -> tuple[float, float]:
    if len(x) < 3:
        return math.nan, math.nan
    if equal:
        return mean, mean
    from scipy import stats

    found = stats.bootstrap(
        (x,), np.mean, confidence_level=confidence, n_resamples=RESAMPLES, method="BCa", rng=seed
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def _d(mean: float, sd: float) -> float:
    if sd == 0:
        return math.copysign(math.inf, mean) if mean else math.nan
    return mean / sd
