"""Tuning: what is chosen, from which split, and that claims see arms at their own values."""

import dataclasses
import itertools

import numpy as np
import pytest

from assay import config
from assay.claims import Claim, judge
from assay.claims.tuning import choose, tuned

LRS = (0.01, 0.1, 1.0)
OWN = {"lr": 0.1}
VALIDATION = "validation_error"


def trials(validation, test=None, optimizers=("sgd", "adam"), seeds=4, status=None):
    """Rows of every arm, value and seed; the functions (arm, value, seed) -> number give their metrics."""
    rows = []
    for (i, arm), lr, seed in itertools.product(enumerate(optimizers), LRS, range(seeds)):
        trial = config.Config(optimizer=arm, lr=lr, seed=seed)
        row = dataclasses.asdict(trial) | {"id": trial.trial_id(), "steps": 100}
        row |= {VALIDATION: validation(i, lr, seed), "test_error": (test or validation)(i, lr, seed)}
        rows.append(row | {"status": status(i, lr, seed) if status else "done"})
    return rows


def chosen(rows, tried=None):
    return [choice.value["lr"] for choice in choose(rows, {"lr": LRS} if tried is None else tried, OWN, VALIDATION)]


def test_the_lowest_mean_validation_is_chosen_arm_by_arm_whatever_test_says():
    noise = np.random.default_rng(0).normal(0, 0.01, 4)
    best = {0: 1.0, 1: 0.01}
    rows = trials(
        lambda i, lr, seed: 0.2 + 0.1 * (lr != best[i]) + noise[seed],
        test=lambda i, lr, seed: 0.5 * (lr == best[i]),  # test would choose otherwise
    )
    assert chosen(rows) == [1.0, 0.01]
    found = choose(rows, {"lr": LRS}, OWN, VALIDATION)
    means = {(0.01,): 0.3 + noise.mean(), (0.1,): 0.3 + noise.mean(), (1.0,): 0.2 + noise.mean()}
    assert found[0].scores == pytest.approx(means)
    for i, choice in enumerate(found):
        assert [(row["lr"], row["seed"]) for row in choice.rows] == [(best[i], seed) for seed in range(4)]
        assert [(row["lr"], row["seed"]) for row in choice.untuned] == [(0.1, seed) for seed in range(4)]


def test_ties_go_to_the_value_tried_first():
    rows = trials(lambda i, lr, seed: 0.2)
    assert chosen(rows) == [0.01, 0.01]
    assert chosen(rows, {"lr": (1.0, 0.1, 0.01)}) == [1.0, 1.0]


def test_a_run_that_diverged_counts_as_an_error_of_one():
    # Without its diverged run, 1.0 would be best: 0.1 against 0.2.
    rows = trials(
        lambda i, lr, seed: (1.0 if seed == 0 else 0.1) if lr == 1.0 else 0.2,
        status=lambda i, lr, seed: "diverged" if lr == 1.0 and seed == 0 else "done",
    )
    found = choose(rows, {"lr": LRS}, OWN, VALIDATION)
    assert [choice.value for choice in found] == [{"lr": 0.01}] * 2
    assert found[0].diverged == {(0.01,): 0, (0.1,): 0, (1.0,): 1}


def test_of_a_metric_without_worst_value_fewer_lost_runs_come_first():
    rows = trials(lambda i, lr, seed: None if (lr == 1.0 and seed == 0) or lr == 0.01 else 1 / lr)
    assert chosen(rows) == [0.1, 0.1]
    nothing = choose(trials(lambda i, lr, seed: None), {"lr": LRS}, OWN, VALIDATION)
    assert [choice.value["lr"] for choice in nothing] == [0.01, 0.01]
    assert np.isnan(list(nothing[0].scores.values())).all()


def test_values_are_compared_on_the_seeds_they_share():
    # Seed 3 is easy, and only 0.1 has it yet.
    rows = trials(lambda i, lr, seed: {0.01: 0.3, 0.1: 0.31, 1.0: 0.4}[lr] - (0.3 if seed == 3 else 0))
    rows = [row for row in rows if row["seed"] < 3 or row["lr"] == 0.1]
    assert chosen(rows) == [0.01, 0.01]
    only = [row for row in rows if row["optimizer"] == "sgd" or row["lr"] != 1.0]
    assert len(choose(only, {"lr": LRS}, OWN, VALIDATION)) == 1  # adam has not been tried everywhere
    assert choose([], {"lr": LRS}, OWN, VALIDATION) == []


def test_without_tuning_every_trial_stays_as_it_is():
    rows = trials(lambda i, lr, seed: 0.1)
    found = tuned(choose(rows, {}, {}, VALIDATION))
    assert sorted(row["id"] for row in found) == sorted(row["id"] for row in rows) and found[0].keys() == rows[0].keys()


def test_two_fields_are_tuned_together():
    grid = {"lr": (0.1, 1.0), "weight_decay": (0.0, 0.01)}
    rows = []
    for (lr, decay), seed in itertools.product(itertools.product(*grid.values()), range(2)):
        trial = config.Config(lr=lr, weight_decay=decay, seed=seed)
        row = dataclasses.asdict(trial) | {"status": "done", VALIDATION: 0.1 + 0.1 * ((lr, decay) != (1.0, 0.01))}
        rows.append(row)
    (choice,) = choose(rows, grid, {"lr": 0.1, "weight_decay": 0.0}, VALIDATION)
    assert choice.value == {"lr": 1.0, "weight_decay": 0.01} and len(choice.scores) == 4


CLAIM = Claim(id="c", statement="s", better={"optimizer": "adam"}, worse={"optimizer": "sgd"}, smallest=0.01)


def test_a_claim_compares_the_arms_at_their_values():
    noise = np.random.default_rng(0).normal(0, 0.005, (2, 8))
    best = {0: 1.0, 1: 0.01}

    def error(i, lr, seed):  # adam is 10 points better at their values, and 30 points worse at the base's
        return 0.4 - 0.1 * i + noise[i, seed] if lr == best[i] else 0.5 + 0.3 * i

    rows = trials(error, seeds=8)
    (verdict,) = judge([CLAIM], tuned(choose(rows, {"lr": LRS}, OWN, VALIDATION)))
    assert verdict.verdict == "confirmed" and verdict.pairs == 1
    assert verdict.effect == pytest.approx(0.1 + (noise[0] - noise[1]).mean())
    (untuned,) = judge([CLAIM], [row for row in rows if row["lr"] == 0.1])
    assert untuned.verdict == "refuted"  # the grid without tuning says the opposite


def test_equal_arms_are_rarely_told_apart_though_choice_and_claim_share_seeds():
    # Adam works at one value alone, so it has no choice; of sgd the luckiest of three equal ones is chosen.
    random, false = np.random.default_rng(3), 0
    for _ in range(60):
        level = random.normal(0, 0.01, (2, len(LRS), 10))  # of one run, in validation and test alike

        def metric(i, lr, seed):
            return 0.3 + 0.2 * (i == 1 and lr != 0.1) + level[i, LRS.index(lr), seed] + random.normal(0, 0.01)

        rows = trials(metric, seeds=10)
        claim = dataclasses.replace(CLAIM, smallest=0.0)
        (verdict,) = judge([claim], tuned(choose(rows, {"lr": LRS}, OWN, VALIDATION)))
        false += verdict.verdict in ("confirmed", "refuted")
    assert false <= 5
