"""TOST, two one-sided tests that a mean lies inside bounds.

Schuirmann 1987, Journal of Pharmacokinetics and Biopharmaceutics 15:657.
"""

import numpy as np

from assay.stats.paired import all_equal


def tost(differences: np.ndarray, low: float, high: float) -> float:
    """p-value of the null "the mean difference is not inside (low, high)", by paired t tests at a fixed n.

    Args:
      differences: paired differences, float [n]; n at least 2.
      low, high: the bounds of equivalence, in the units of the differences; low < high.

    Returns:
      The larger of the two one-sided p-values. Where all differences are equal, 0 inside the bounds, else 1.

    Raises:
      ValueError: fewer than two differences, a non-finite one, or bounds out of order.
    """
    differences = np.asarray(differences, np.float64)
    if differences.ndim != 1 or len(differences) < 2 or not np.all(np.isfinite(differences)):
        raise ValueError("TOST needs at least two finite paired differences")
    if not low < high:
        raise ValueError(f"the bounds of equivalence must be in order, not {low:g} and {high:g}")
    if all_equal(differences):
        return 0.0 if low < differences[0] < high else 1.0
    from scipy import stats

    above = stats.ttest_1samp(differences, low, alternative="greater").pvalue
    below = stats.ttest_1samp(differences, high, alternative="less").pvalue
    return float(max(above, below))
