"""The anytime-valid t test: a confidence sequence that may be looked at after every seed.

A t interval covers at one n fixed beforehand; looked at after every seed it fails far more often than it
says. A confidence sequence covers at all n at once: P(some n has the mean outside its interval) <= alpha.

Derivation. X_1..X_n are independent N(mu, sigma^2). Under the null mu = mu0, sigma gets the right Haar
measure d sigma / sigma; under the alternative, in addition, (mu - mu0) / sigma gets the mixture N(0, 1 /
c2). With S = sum (X_i - mean)^2, M = mean - mu0 and k = c2 / (n + c2), integrating both out leaves

    E_n(mu0) = sqrt(k) [(S + n M^2) / (S + k n M^2)]^(n / 2)
             = sqrt(k) [(1 + t^2 / v) / (1 + k t^2 / v)]^((v + 1) / 2),     v = n - 1,  t = sqrt(n) M / sd.

The ratio depends on the data through the scale-invariant (X_i - mu0) / |X_1 - mu0| alone. Of these it is a
likelihood ratio, hence, whatever sigma is, a martingale from E_1 = 1 at mu0 = mu, and Ville's inequality
gives P(E_n(mu) >= 1 / alpha for some n) <= alpha. The interval at level alpha holds all mu0 with E_n(mu0) <
1 / alpha.

Sources: Lai 1976, "On confidence sequences", Annals of Statistics 4:265 (right Haar mixture over sigma);
Wang & Ramdas 2024, "Anytime-valid t-tests and confidence sequences for Gaussian means with unknown
variance", arXiv:2310.03722 (Gaussian instead of flat mixture over the mean: a test martingale in the
reduced filtration). All functions are NumPy float64 and broadcast.
"""

import numpy as np
from numpy.typing import ArrayLike

FEWEST = 3
"""Below this many seeds no p-value under 1 and no bounded interval is given."""

C2 = 1.0
"""Precision of the mixture over the standardised mean: the test is tuned to effects of about one sd."""


def log_e_value(
    n: ArrayLike, mean: ArrayLike, sd: ArrayLike, null: ArrayLike = 0.0, c2: float = C2
) -> np.ndarray:
    """log E_n(null), the evidence against the mean `null`; +inf where all values are equal to another mean.

    Args:
      n: number of values, at least 1.
      mean: their mean.
      sd: their standard deviation with n - 1 in the denominator (at n = 1 pass 0).
      null: the mean under test, in the units of `mean`.
      c2: precision of the mixture over the standardised mean, above 0.
    """
    n, mean, sd, null = (np.asarray(value, np.float64) for value in (n, mean, sd, null))
    k = c2 / (n + c2)
    within, between = (n - 1) * sd**2, n * (mean - null) ** 2
    # Equal values that are the null exactly speak for it: 0 / 0 stands for the limit M -> 0, a ratio of 1.
    exact = (within == 0) & (between == 0)
    ratio = np.where(exact, 1.0, within + between) / np.where(exact, 1.0, within + k * between)
    return 0.5 * np.log(k) + 0.5 * n * np.log(ratio)


def p_value(
    n: ArrayLike, mean: ArrayLike, sd: ArrayLike, null: ArrayLike = 0.0, c2: float = C2
) -> np.ndarray:
    """min(1, 1 / E_n(null)): valid at whatever n one stops; 1 below `FEWEST` values.

    The smallest level whose interval leaves `null` out. Arguments as for `log_e_value`.
    """
    n = np.asarray(n)
    p = np.exp(-np.maximum(log_e_value(np.maximum(n, FEWEST), mean, sd, null, c2), 0.0))
    return np.where(n < FEWEST, 1.0, p)


def interval(
    n: ArrayLike, mean: ArrayLike, sd: ArrayLike, alpha: ArrayLike, c2: float = C2
) -> tuple[np.ndarray, np.ndarray]:
    """The confidence sequence's interval (low, high) at level `alpha` after n values.

    E_n < 1 / alpha solved for t^2 / v: (T - 1) / (1 - k T) with T = (alpha^2 k)^(-1/n); unbounded where k T
    >= 1, because E_n never exceeds k^(-(n - 1) / 2): few values can't speak against any mean, however equal
    they are.

    Args:
      alpha: probability that the sequence ever leaves the mean out, in 0..1 (exclusive).
      n, mean, sd, c2: as for `log_e_value`; n may be 0.
    """
    n, mean, sd, alpha = (np.asarray(value, np.float64) for value in (n, mean, sd, alpha))
    few, n = n < FEWEST, np.maximum(n, FEWEST)
    k = c2 / (n + c2)
    log_t = -(2.0 * np.log(alpha) + np.log(k)) / n
    bounded = (log_t + np.log(k) < 0) & ~few
    log_t = np.where(bounded, log_t, 0.0)
    scale = np.sqrt((n - 1) / n * np.expm1(log_t) / -np.expm1(log_t + np.log(k)))
    half = np.where(bounded, sd * scale, np.inf)
    return mean - half, mean + half


def fewest(alpha: float) -> int:
    """The smallest n at which the interval at level `alpha` can be bounded: 5 at .05, 6 at .01."""
    n = FEWEST
    while not np.isfinite(interval(n, 0.0, 1.0, alpha)[1]):
        n += 1
    return n


def seeds_to_exclude(distance: float, sd: float, alpha: float, most: int = 100_000) -> int | None:
    """The smallest n at which a mean `distance` away is left out if mean and sd stay as they are.

    A plan, not a promise: half of all runs need more. None if it takes more than `most`.

    Args:
      distance: from the mean to the value to leave out, in the units of `sd`, above 0.
    """
    n = np.unique(np.geomspace(FEWEST, most, 2000).astype(np.int64))
    enough = interval(n, 0.0, sd, alpha)[1] < distance
    if not enough.any():
        return None
    first = int(np.argmax(enough))
    below = int(n[first - 1]) + 1 if first else FEWEST
    exact = np.arange(below, int(n[first]) + 1)
    return int(exact[np.argmax(interval(exact, 0.0, sd, alpha)[1] < distance)])
