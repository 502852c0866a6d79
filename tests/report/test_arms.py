import math

import numpy as np
import pytest
from scipy import stats

from assay.report import arms, quantities


def test_the_interval_is_scipys(rng: np.random.Generator):
    for n in (2, 3, 20):
        values = rng.normal(5.0, 2.0, n)
        found = arms.estimate(values)
        low, high = stats.t.interval(0.95, n - 1, loc=values.mean(), scale=stats.sem(values))
        assert (found.mean, found.low, found.high, found.n) == pytest.approx(
            (values.mean(), low, high, n), rel=1e-12
        )


def test_an_errors_interval_stays_in_its_range_and_one_run_has_none():
    assert arms.estimate(np.array([0.0, 1.0]), (0.0, 1.0))[1:3] == (0.0, 1.0)
    assert math.isnan(arms.estimate(np.array([0.3])).low)
    assert arms.estimate(np.array([])).n == 0


def rows(*steps: int | None) -> list[dict]:
    return [{"seed": i, "lr": 0.1, "status": "done", "steps_to_target": step} for i, step in enumerate(steps)]


@pytest.mark.parametrize(
    ("steps", "median", "reached"),
    [
        ((10, 30, 20), 20, 3),
        ((10, None, 20), 20, 2),
        ((10, None), math.nan, 1),
        ((10, 20, None, None), math.nan, 2),
        ((None,), math.nan, 0),
    ],
)
def test_the_median_counts_runs_that_never_arrive_as_latest(steps: tuple, median: float, reached: int):
    [arm] = arms.group(rows(*steps), ["lr"])
    assert arms.steps_to_target(arm) == pytest.approx((median, reached, len(steps)), nan_ok=True)


def test_arms_follow_the_plan_and_hold_every_row_once():
    made = [
        {"seed": s, "a": a, "b": b} for s in (1, 0) for a in ("y", "x") for b in (1, 2) if (a, b) != ("x", 2)
    ]
    found = arms.group(made, ["a", "b"], {"a": ["x", "y"], "b": [1, 2]})
    assert [arm.key for arm in found] == [("x", 1), ("x", 2), ("y", 1), ("y", 2)]
    assert [len(arm.rows) for arm in found] == [2, 0, 2, 2]
    assert [row["seed"] for row in found[0].rows] == [0, 1]


def test_extremes_keep_the_lowest_and_the_highest():
    assert arms.extremes([3.0, 1.0, 2.0], 5) == [0, 1, 2]
    assert arms.extremes([3.0, 1.0, 9.0, 2.0, 8.0, math.nan], 4) == [1, 2, 3, 5]


@pytest.mark.parametrize(
    ("metric", "scale", "x", "said"),
    [
        ("test_error", "difference", 0.00615, "+0.61 points"),
        ("test_error", "difference", -0.05, "-5.00 points"),
        ("steps_to_target", "difference", 1234.0, "+1,234 steps"),
        ("steps_to_target", "ratio", 6.08, "6.08 times"),
        ("test_error", "ratio", 1.5, "1.5 times"),
        ("train_loss", "difference", 0.01234, "+0.0123"),
        ("train_loss", "difference", None, "n/a"),
    ],
)
def test_effects_are_written_with_their_unit(metric: str, scale: str, x: float, said: str):
    assert quantities.amount(metric, scale, x, signed=True) == said


def test_seeds_are_written_as_ranges():
    assert quantities.ranges([5, 0, 1, 2, 7, 8]) == "0-2, 5, 7-8"
    assert quantities.ranges([]) == "none"


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)
