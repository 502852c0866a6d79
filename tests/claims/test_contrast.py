"""Pairing, censoring, divergence and missing trials, seen from the verdict."""

import dataclasses
import itertools
import math

import numpy as np
import pytest

from assay.claims import Claim
from assay.claims import judge
from assay.metrics import higher_is_better
from assay.metrics import HIGHER_IS_BETTER
from assay.metrics import is_error

TANH, RELU = {"activation": "tanh"}, {"activation": "relu"}
ARMS = [TANH, RELU]
CLAIM = Claim("C1", "tanh beats relu", TANH, RELU, 0.002)
STEPS = Claim("C1", "tanh is faster", TANH, RELU, 10, metric="steps_to_target")
SPEED = Claim("C1", "tanh is faster", TANH, RELU, 1.1, metric="steps_to_target", scale="ratio")


def one(claim, rows):
    (verdict,) = judge([claim], rows)
    return verdict


def steps(rng, mean, seeds=12):
    return rng.integers(mean - 20, mean + 20, seeds)


def test_free_fields_are_averaged_within_each_seed(rows):
    rng = np.random.default_rng(0)
    inits = ("he_normal", "glorot_uniform", "orthogonal")
    arms = [{"activation": a, "init": i} for a, i in itertools.product(("tanh", "relu"), inits)]
    errors = rng.normal(0.2, 0.01, (6, 10))
    verdict = one(CLAIM, rows(arms, 10, test_error=errors))
    x = (errors[3:] - errors[:3]).mean(0)
    assert (verdict.n, verdict.pairs) == (10, 3)
    assert verdict.effect == pytest.approx(x.mean()) and verdict.sd == pytest.approx(x.std(ddof=1))
    assert "mean over 3 pairs" in verdict.reason
    # A setting that only one arm has cannot pair and is left aside.
    uneven = one(CLAIM, rows(arms[:5], 10, test_error=errors[:5]))
    assert uneven.pairs == 2 and uneven.effect == pytest.approx((errors[3:5] - errors[:2]).mean())


def test_arms_without_a_common_setting_are_not_compared(rows):
    arms = [TANH | {"init": "he_normal"}, RELU | {"init": "orthogonal"}]
    verdict = one(CLAIM, rows(arms, 5))
    assert verdict.verdict is None and verdict.reason.endswith("(they vary in init)")


def test_a_seed_with_a_missing_trial_is_dropped_and_counted(rows):
    rng = np.random.default_rng(1)
    errors = np.stack([np.full(12, 0.1), rng.normal(0.15, 0.01, 12)])
    trials = rows(ARMS, 12, test_error=errors)
    without = [row for row in trials if not (row["activation"] == "relu" and row["seed"] in (2, 5))]
    verdict = one(CLAIM, without)
    keep = [s for s in range(12) if s not in (2, 5)]
    assert (verdict.n, verdict.dropped) == (10, 2) and "2 seeds left out" in verdict.reason
    assert verdict.effect == pytest.approx((errors[1] - errors[0])[keep].mean())
    trials[3]["test_error"] = math.nan
    assert (one(CLAIM, trials).n, one(CLAIM, trials).dropped) == (11, 1)


def test_no_seed_in_common(rows):
    trials = rows(ARMS, 6)
    apart = [row for row in trials if (row["activation"] == "tanh") == (row["seed"] < 3)]
    verdict = one(CLAIM, apart)
    assert (verdict.verdict, verdict.n, verdict.dropped) == ("inconclusive", 0, 6)
    assert verdict.to_json()["effect"] is None and "3 more" in verdict.reason


def test_rows_from_parquet_hold_lists_where_configs_hold_tuples(rows):
    errors = np.stack([np.full(8, 0.1), np.random.default_rng(2).normal(0.2, 0.01, 8)])
    trials = rows(ARMS, 8, test_error=errors)
    listed = [row | {"probe": list(row["probe"])} if row["seed"] % 2 else row for row in trials]
    assert one(CLAIM, listed) == one(CLAIM, trials)


def test_diverged_trials_count_with_error_one(rows):
    rng = np.random.default_rng(3)
    errors = np.stack([rng.normal(0.2, 0.01, 20), rng.normal(0.1, 0.01, 20)])
    trials = rows(ARMS, 20, test_error=errors)
    assert one(CLAIM, trials).verdict == "refuted"
    for row in trials:
        if row["activation"] == "relu":
            row |= {"status": "diverged", "diverged_at": 7, "steps": 7, "test_error": None, "test_loss": None}
    verdict = one(CLAIM, trials)
    assert verdict.verdict == "confirmed" and verdict.worse_mean == 1.0
    assert verdict.trials["worse"]["diverged"] == 20 and "20 of 20 trials of relu diverged" in verdict.reason


def test_survivors_alone_settle_no_loss(rows):
    loss = np.stack([np.full(10, 0.2), np.full(10, 0.9)]) + np.random.default_rng(4).normal(0, 0.01, (2, 10))
    trials = rows(ARMS, 10, test_loss=loss)
    claim = dataclasses.replace(CLAIM, metric="test_loss", smallest=0.01)
    assert one(claim, trials).verdict == "confirmed"
    trials[0] |= {"status": "diverged", "test_loss": None}
    verdict = one(claim, trials)
    assert verdict.verdict == "inconclusive" and "survivors" in verdict.reason and not verdict.more_seeds_help
    # It must not ease Holm's procedure for the others either.
    pair = judge([claim, dataclasses.replace(CLAIM, id="C2")], trials)
    assert [each.p_unadjusted for each in pair][0] == 1.0


def test_a_target_never_reached_counts_as_the_whole_run(rows):
    rng = np.random.default_rng(5)
    reached = np.stack([steps(rng, 100), steps(rng, 700)]).astype(object)
    reached[1, :4] = None
    verdict = one(STEPS, rows(ARMS, 12, steps_to_target=reached.astype(float)))
    filled = np.where(reached == None, 1000, reached).astype(float)  # noqa: E711
    assert verdict.verdict == "confirmed" and verdict.effect == pytest.approx((filled[1] - filled[0]).mean())
    assert verdict.trials["worse"]["censored"] == 4 and verdict.trials["better"]["censored"] == 0
    assert "4 of 12 trials of relu had not reached the target after 1,000 steps" in verdict.reason
    assert "at least" in verdict.reason


def test_no_trial_reached_the_target(rows):
    verdict = one(SPEED, rows(ARMS, 12, steps_to_target=np.full((2, 12), math.nan)))
    assert verdict.verdict == "inconclusive" and verdict.reason.startswith("no trial of either arm reached")
    assert not verdict.more_seeds_help and verdict.p == 1.0


def test_censored_arms_are_not_called_equal(rows):
    reached = np.full((2, 20), math.nan)
    reached[:, 0] = 995
    claim = dataclasses.replace(STEPS, expects="equivalence", smallest=50)
    verdict = one(claim, rows(ARMS, 20, steps_to_target=reached))
    assert verdict.verdict == "inconclusive" and "train longer" in verdict.reason
    assert not verdict.more_seeds_help


def test_a_shorter_run_is_not_a_faster_one(rows):
    """An arm that never gets there may have had fewer steps, or diverged early: one budget for both."""
    reached = np.stack([steps(np.random.default_rng(6), 600), np.full(12, math.nan)])
    for budget, effect in ((400, 0.0), (1000, 1000 - reached[0].mean())):
        budgets = np.stack([np.full(12, 1000), np.full(12, budget)])
        verdict = one(STEPS, rows(ARMS, 12, steps_to_target=reached, steps=budgets))
        assert verdict.effect == pytest.approx(effect)
    trials = rows(ARMS, 12, steps_to_target=reached)
    for row in trials:
        if row["activation"] == "relu":
            row |= {"status": "diverged", "steps": 30}
    verdict = one(STEPS, trials)
    assert verdict.verdict == "confirmed" and verdict.worse_mean == 1000


def test_speed_as_a_ratio(rows):
    rng = np.random.default_rng(7)
    base = rng.uniform(100, 150, 20)
    trials = rows(ARMS, 20, steps_to_target=np.stack([base, base * 6 * rng.uniform(0.95, 1.05, 20)]))
    verdict = one(SPEED, trials)
    assert verdict.verdict == "confirmed" and verdict.effect == pytest.approx(6, rel=0.03)
    assert 1.1 < verdict.interval[0] < verdict.effect < verdict.interval[1]
    assert f"relu has {verdict.effect:.3g} times the steps to the target of tanh" in verdict.reason
    back = one(dataclasses.replace(SPEED, better=RELU, worse=TANH), trials)
    assert back.verdict == "refuted" and back.effect == pytest.approx(1 / verdict.effect)


def test_a_ratio_of_nothing(rows):
    verdict = one(SPEED, rows(ARMS, 8, steps_to_target=np.stack([np.arange(8), np.arange(8) + 50])))
    assert verdict.verdict == "inconclusive" and "positive" in verdict.reason and not verdict.more_seeds_help


def psnr_rows(rows, better, worse):
    """Of tanh and relu, with the test_psnr given."""
    return rows(ARMS, len(better), test_psnr=np.stack([better, worse]))


def test_more_of_a_metric_that_is_better_where_it_is_higher(rows):
    rng = np.random.default_rng(8)
    worse = rng.normal(20, 0.5, 20)
    better = worse + 5 + rng.normal(0, 0.2, 20)
    claim = dataclasses.replace(CLAIM, metric="test_psnr", smallest=1.0)
    verdict = one(claim, psnr_rows(rows, better, worse))
    assert verdict.verdict == "confirmed" and verdict.effect == pytest.approx((better - worse).mean())
    assert 1.0 < verdict.interval[0] < verdict.effect < verdict.interval[1]
    assert verdict.improvement == 1.0 and verdict.d > 0 and verdict.better_mean > verdict.worse_mean
    low, high = verdict.interval
    assert verdict.reason.startswith(
        f"tanh reaches {verdict.effect:.3g} more test psnr than relu [{low:.3g}, {high:.3g}], 20 seeds: beyond"
    )
    back = one(dataclasses.replace(claim, better=RELU, worse=TANH), psnr_rows(rows, better, worse))
    assert back.verdict == "refuted" and back.effect == pytest.approx(-verdict.effect) and back.improvement == 0.0
    assert back.reason.startswith(f"relu reaches {verdict.effect:.3g} less test psnr than tanh [{low:.3g}, ")
    # The same numbers as an error claim the opposite.
    errors = rows(ARMS, 20, test_error=np.stack([better, worse]) / 100)
    assert one(dataclasses.replace(CLAIM, smallest=0.01), errors).verdict == "refuted"


def test_a_ratio_of_a_metric_that_is_better_where_it_is_higher(rows):
    worse = np.random.default_rng(9).uniform(0.2, 0.3, 20)
    trials = psnr_rows(rows, worse * np.random.default_rng(10).uniform(1.9, 2.1, 20), worse)
    claim = dataclasses.replace(CLAIM, metric="test_psnr", smallest=1.1, scale="ratio")
    verdict = one(claim, trials)
    assert verdict.verdict == "confirmed" and verdict.effect == pytest.approx(2, rel=0.03)
    assert verdict.reason.startswith(f"tanh has {verdict.effect:.3g} times the test psnr of relu [")
    back = one(dataclasses.replace(claim, better=RELU, worse=TANH), trials)
    assert back.verdict == "refuted" and back.effect == pytest.approx(1 / verdict.effect)
    # Two arms that are equal are so in either direction.
    same = dataclasses.replace(claim, expects="equivalence", scale="difference", smallest=0.5)
    assert [one(c, trials).verdict for c in (same, dataclasses.replace(same, better=RELU, worse=TANH))] == [
        "equivalent",
        "equivalent",
    ]


def test_a_diverged_trial_has_no_worst_psnr(rows):
    trials = psnr_rows(rows, np.linspace(25, 26, 10), np.linspace(20, 21, 10))
    trials[0] |= {"status": "diverged", "test_psnr": None}
    verdict = one(dataclasses.replace(CLAIM, metric="test_psnr", smallest=1.0), trials)
    assert verdict.verdict == "inconclusive" and "survivors" in verdict.reason
    assert verdict.trials["better"]["undefined"] == 1


@pytest.mark.parametrize(
    ("metric", "higher"),
    [
        ("test_psnr", True),
        ("validation_iou", True),
        ("train_recall", True),
        ("return", True),
        ("test_error", False),
        ("test_mse", False),
        ("steps_to_target", False),
        ("target_psnr_of_noise", False),
        ("psnr", True),
    ],
)
def test_the_direction_goes_by_the_name_without_its_split(metric, higher):
    assert higher_is_better(metric) == higher
    assert not any(is_error(name) for name in HIGHER_IS_BETTER)
