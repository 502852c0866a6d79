"""Holm's procedure against closed testing, of which it is the shortcut."""

import itertools

from hypothesis import given
from hypothesis import settings
from hypothesis import strategies as st
import numpy as np
import pytest

from assay.stats import multiple

families = st.lists(st.floats(0, 1), min_size=1, max_size=6)


def closed(p: list[float], i: int) -> float:
    """Adjusted p of claim i: the largest Bonferroni p of all sub-families that contain it."""
    others = [j for j in range(len(p)) if j != i]
    subsets = itertools.chain.from_iterable(itertools.combinations(others, r) for r in range(len(p)))
    return max(min(1.0, (len(s) + 1) * min(p[j] for j in (i, *s))) for s in subsets)


@settings(deadline=None, max_examples=100)
@given(families)
def test_adjusted_p_is_that_of_closed_testing(p):
    expected = [closed(p, i) for i in range(len(p))]
    np.testing.assert_allclose(multiple.adjust(np.array(p)), expected, rtol=1e-12)


@settings(deadline=None, max_examples=100)
@given(families, st.integers(0, 5), st.floats(0, 1))
def test_a_smaller_p_never_raises_any_adjusted_p(p, i, factor):
    lower = list(p)
    lower[i % len(p)] *= factor
    assert (multiple.adjust(np.array(lower)) <= multiple.adjust(np.array(p)) + 1e-15).all()


@settings(deadline=None, max_examples=100)
@given(families, st.sampled_from([0.01, 0.05, 0.2]))
def test_levels_decide_as_the_adjusted_p_do(p, alpha):
    p = np.array(p)
    levels = multiple.levels(p, alpha)
    clear = np.abs(p - levels) > 1e-12
    np.testing.assert_array_equal((p <= levels)[clear], (multiple.adjust(p) <= alpha)[clear])
    assert (levels >= alpha / len(p) - 1e-15).all() and (levels <= alpha + 1e-15).all()


def test_known_values_and_leading_axes():
    p = np.array([[0.04, 0.01, 0.03], [0.5, 0.02, 0.9]])
    np.testing.assert_allclose(multiple.adjust(p), [[0.06, 0.03, 0.06], [1.0, 0.06, 1.0]])
    np.testing.assert_allclose(multiple.levels(p, 0.06), [[0.06, 0.02, 0.03], [0.03, 0.02, 0.03]])


@pytest.mark.parametrize("bad", [np.nan, -0.1, 1.1])
def test_no_p_value(bad):
    with pytest.raises(ValueError, match=r"0\.\.1"):
        multiple.adjust(np.array([0.5, bad]))
