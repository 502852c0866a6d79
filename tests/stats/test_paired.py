"""Fixed-n evidence against SciPy's tests, enumeration, and its own symmetries."""

import itertools
import math

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import numpy as np
import pytest
from scipy import stats

from assay.stats import equivalence
from assay.stats import paired

few = st.lists(st.integers(-20, 20), min_size=3, max_size=8).map(lambda v: np.array(v, np.float64) / 7)


@settings(deadline=None, max_examples=20)
@given(few)
def test_permutation_p_is_the_share_of_all_sign_flips(x):
    flips = [abs(np.dot(s, x)) >= abs(x.sum()) - 1e-12 for s in itertools.product((1, -1), repeat=len(x))]
    assert paired.permutation(x) == pytest.approx(np.mean(flips))


@settings(deadline=None, max_examples=10)
@given(few, st.sampled_from([0.125, 2.0, 8.0]))
def test_swapped_arms_flip_the_evidence_and_units_scale_it(x, scale):
    one, swapped, scaled = paired.paired(x), paired.paired(-x), paired.paired(x * scale)
    assert swapped.mean == -one.mean and swapped.sd == one.sd
    assert swapped.p == pytest.approx(one.p)
    assert swapped.improvement == pytest.approx(1 - one.improvement)
    np.testing.assert_allclose(swapped.d, -one.d)
    np.testing.assert_allclose(scaled.d, one.d, rtol=1e-6)
    np.testing.assert_allclose(scaled.interval, np.array(one.interval) * scale, rtol=1e-6, atol=1e-9)


def test_figures_of_a_known_sample():
    x = np.array([0.3, 0.1, -0.2, 0.4, 0.0, 0.5, 0.2])
    found = paired.paired(x)
    assert (found.n, found.mean, found.sd) == (7, pytest.approx(13 / 70), pytest.approx(np.std(x, ddof=1)))
    assert found.improvement == pytest.approx((5 + 0.5) / 7)
    assert found.d == pytest.approx(stats.ttest_1samp(x, 0).statistic / math.sqrt(7))
    assert found == paired.paired(x)


def test_bca_interval_follows_efrons_formula():
    x = np.random.default_rng(3).lognormal(size=25)
    boot = np.random.default_rng(4).choice(x, (200_000, 25)).mean(1)
    jack = (x.sum() - x) / 24
    centred = jack.mean() - jack
    a = (centred**3).sum() / (6 * (centred**2).sum() ** 1.5)
    z0 = stats.norm.ppf((boot < x.mean()).mean())
    z = z0 + stats.norm.ppf([0.025, 0.975])
    expected = np.quantile(boot, stats.norm.cdf(z0 + z / (1 - a * z)))
    np.testing.assert_allclose(paired.paired(x).interval, expected, rtol=0.03)


def test_larger_samples_are_drawn_from_the_flips_and_agree_with_the_t_test():
    x = np.random.default_rng(0).normal(0.4, 1.0, 40)
    assert paired.permutation(x) == pytest.approx(stats.ttest_1samp(x, 0).pvalue, abs=0.01)


@pytest.mark.parametrize("value", [0.0, 0.25, -0.1])
@pytest.mark.parametrize("n", [3, 4, 20])
def test_equal_differences(value, n):
    found = paired.paired(np.full(n, value))
    assert found.sd == 0 and found.interval == pytest.approx((value, value))
    if value:
        assert found.d == math.copysign(math.inf, value)
        assert found.p == pytest.approx(max(2 / 2**n, 2e-4) if n < 14 else 2e-4, abs=2e-4)
    else:
        assert math.isnan(found.d) and found.p == 1.0 and found.improvement == 0.5


def test_equal_up_to_rounding():
    found = paired.paired(np.array([0.3 - 0.2, 0.4 - 0.3, 0.1, 0.1]))
    assert found.sd == 0 and found.d == math.inf


@pytest.mark.parametrize("n", [0, 1, 2])
def test_too_few_differences_give_no_interval(n):
    found = paired.paired(np.array([0.2, 0.3])[:n])
    assert all(math.isnan(end) for end in found.interval)
    assert math.isnan(found.mean) == (n == 0) and math.isnan(found.sd) == (n < 2)


@pytest.mark.parametrize("bad", [np.array([0.1, np.nan]), np.array([[0.1]]), np.array([np.inf])])
def test_not_finite_or_not_a_row(bad):
    with pytest.raises(ValueError, match="finite"):
        paired.paired(bad)


@settings(deadline=None, max_examples=20)
@given(few, st.floats(0.05, 3))
def test_tost_is_inside_exactly_where_the_90_percent_interval_is(x, margin):
    if np.ptp(x) == 0:
        assert equivalence.tost(x, -margin, margin) == (0.0 if abs(x[0]) < margin else 1.0)
        return
    low, high = stats.ttest_1samp(x, 0).confidence_interval(0.9)
    assert (equivalence.tost(x, -margin, margin) < 0.05) == (-margin < low and high < margin)
    assert equivalence.tost(-x, -margin, margin) == pytest.approx(equivalence.tost(x, -margin, margin))


def test_tost_refuses_what_it_cannot_test():
    with pytest.raises(ValueError, match="at least two"):
        equivalence.tost(np.array([0.1]), -1, 1)
    with pytest.raises(ValueError, match="in order"):
        equivalence.tost(np.array([0.1, 0.2]), 1, -1)
