"""The confidence sequence against its own derivation, its inversion, and simulated watching."""

import math

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import numpy as np
import pytest
from scipy import integrate
from scipy import stats

from assay.stats import sequential

ns = st.integers(3, 40)
means = st.floats(-3, 3)
sds = st.floats(0.05, 5)


def marginal(x: np.ndarray, c2: float | None) -> float:
    """Density of x, sigma integrated over d sigma / sigma and, unless c2 is None, delta over N(0, 1 / c2)."""
    log_sigma, delta = np.linspace(-6, 8, 701), np.linspace(-9, 9, 901)
    if c2 is None:
        density = np.exp(stats.norm.logpdf(x, 0.0, np.exp(log_sigma)[:, None]).sum(-1))
    else:
        sigma = np.exp(log_sigma)[:, None, None]
        joint = np.exp(stats.norm.logpdf(x, delta[:, None] * sigma, sigma).sum(-1))  # [sigma, delta]
        density = integrate.simpson(joint * stats.norm.pdf(delta, 0, 1 / math.sqrt(c2)), x=delta)
    return float(integrate.simpson(density, x=log_sigma))


@pytest.mark.parametrize("c2", [1.0, 0.5])
@pytest.mark.parametrize("null", [0.0, 0.4])
def test_e_value_is_the_ratio_of_the_numerically_integrated_mixtures(c2, null):
    x = np.array([0.9, -0.3, 1.4, 0.7])
    expected = marginal(x - null, c2) / marginal(x - null, None)
    found = math.exp(sequential.log_e_value(len(x), x.mean(), x.std(ddof=1), null, c2))
    assert found == pytest.approx(expected, rel=1e-6)


def test_e_value_has_the_form_in_student_t():
    x = np.array([0.9, -0.3, 1.4, 0.7, 0.2, 0.6])
    n, v, t = len(x), len(x) - 1, stats.ttest_1samp(x, 0.1).statistic
    k = 1 / (n + 1)
    expected = math.sqrt(k) * ((1 + t**2 / v) / (1 + k * t**2 / v)) ** ((v + 1) / 2)
    found = sequential.log_e_value(n, x.mean(), x.std(ddof=1), 0.1)
    assert math.exp(found) == pytest.approx(expected, rel=1e-12)


def test_one_value_is_no_evidence():
    assert sequential.log_e_value(1, 2.3, 0.0) == pytest.approx(0.0, abs=1e-12)


@settings(deadline=None, max_examples=50)
@given(ns, means, sds, st.floats(0.001, 0.3))
def test_interval_ends_where_the_p_value_is_alpha(n, mean, sd, alpha):
    low, high = sequential.interval(n, mean, sd, alpha)
    if not np.isfinite(high):
        assert sequential.p_value(n, mean, sd, mean + 1e9 * sd) > alpha * (1 - 1e-6)
        return
    assert low + high == pytest.approx(2 * mean, abs=1e-9 * (high - low))
    for end in (low, high):
        assert sequential.p_value(n, mean, sd, end) == pytest.approx(alpha, rel=1e-6)


@settings(deadline=None, max_examples=50)
@given(ns, means, sds, st.floats(-3, 3), st.floats(-5, 5), st.floats(0.1, 10))
def test_shift_scale_and_sign_do_not_change_the_evidence(n, mean, sd, null, shift, scale):
    p = sequential.p_value(n, mean, sd, null)
    moved = sequential.p_value(n, mean * scale + shift, sd * scale, null * scale + shift)
    assert moved == pytest.approx(p, rel=1e-6)
    assert sequential.p_value(n, -mean, sd, -null) == pytest.approx(p, rel=1e-12)


@settings(deadline=None, max_examples=50)
@given(ns, means, sds, st.floats(0, 3), st.floats(0, 3))
def test_p_falls_with_the_distance_from_the_mean(n, mean, sd, near, far):
    near, far = sorted((near, far))
    closer = sequential.p_value(n, mean, sd, mean + near)
    assert sequential.p_value(n, mean, sd, mean + far) <= closer * (1 + 1e-9)


def test_arrays_broadcast_to_the_scalar_results():
    n, mean, sd, alpha = np.array([[3], [5], [20]]), np.array([0.0, 1.0]), np.array([1.0, 0.0]), 0.05
    low, high = sequential.interval(n, mean, sd, alpha)
    p = sequential.p_value(n, mean, sd, 0.5)
    for i in range(3):
        for j in range(2):
            assert (low[i, j], high[i, j]) == sequential.interval(n[i, 0], mean[j], sd[j], alpha)
            assert p[i, j] == sequential.p_value(n[i, 0], mean[j], sd[j], 0.5)


def test_few_or_equal_values():
    assert sequential.p_value(2, 5.0, 0.01) == 1.0
    assert np.isinf(sequential.interval(2, 5.0, 0.01, 0.2)).all()
    # Equal values: E_n = (n + 1)^((n - 1) / 2) against every other mean, no evidence against their own.
    assert sequential.p_value(4, 1.0, 0.0) == pytest.approx(5**-1.5)
    assert sequential.p_value(4, 1.0, 0.0, 1.0) == 1.0
    assert np.isinf(sequential.interval(4, 1.0, 0.0, 0.05)).all()
    assert sequential.interval(5, 1.0, 0.0, 0.05) == (1.0, 1.0)


@pytest.mark.parametrize("alpha", [0.2, 0.05, 0.01, 0.001])
def test_fewest_is_the_first_bounded_interval(alpha):
    n = sequential.fewest(alpha)
    assert n == min(m for m in range(3, 50) if (m + 1) ** ((m - 1) / 2) > 1 / alpha)
    assert (n, alpha) != (5, 0.05) or np.isfinite(sequential.interval(n, 0.0, 1.0, alpha)[0])


@settings(deadline=None, max_examples=30)
@given(st.floats(0.02, 3), st.floats(0.05, 2), st.sampled_from([0.05, 0.01]))
def test_planned_seeds_are_the_first_that_suffice(distance, sd, alpha):
    n = sequential.seeds_to_exclude(distance, sd, alpha)
    if n is None:
        assert sequential.interval(100_000, 0.0, sd, alpha)[1] >= distance
        return
    assert sequential.interval(n, 0.0, sd, alpha)[1] < distance
    assert n == sequential.FEWEST or sequential.interval(n - 1, 0.0, sd, alpha)[1] >= distance


def test_watched_after_every_value_it_covers_and_the_t_interval_does_not():
    x = np.random.default_rng(1).normal(0.7, 2.0, (4000, 60))
    missed, t_missed = np.zeros(4000, bool), np.zeros(4000, bool)
    for n in range(3, 61):
        mean, sd = x[:, :n].mean(1), x[:, :n].std(1, ddof=1)
        low, high = sequential.interval(n, mean, sd, 0.05)
        missed |= (low > 0.7) | (high < 0.7)
        t_missed |= np.abs(mean - 0.7) > stats.t.ppf(0.975, n - 1) * sd / math.sqrt(n)
    # Ville's bound, with three standard errors of 4,000 repeats.
    assert 0.01 < missed.mean() <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 4000)
    assert t_missed.mean() > 0.2
