"""The simulated studies of benchmarks/calibration.py take their verdicts as judge gives them."""

import dataclasses
import itertools

import numpy as np
import pytest

from assay.claims import Claim
from assay.claims import decide as rule
from assay.claims import judge
from benchmarks import calibration

SEEDS = 9
# Equality refutes a claimed difference.
WORDS = {rule.BEYOND: "confirmed", rule.REVERSED: "refuted", rule.INSIDE: "refuted"}
WORDS[rule.OPEN] = "inconclusive"


@pytest.mark.parametrize("margin", [0.0, 0.7])
def test_watch_decides_as_judge_does(rows, margin):
    rng = np.random.default_rng(0)
    effects = np.array([0.0, 2.5, -2.5, 0.1])
    differences = rng.normal(effects, [1.0, 0.5, 0.5, 0.1], (6, SEEDS, 4))
    regions = calibration.watch(differences, margin)
    assert set(regions.ravel()) >= {rule.BEYOND, rule.REVERSED, rule.OPEN}
    arms = [{"activation": "tanh"}] + [{"activation": f"elu(alpha={i + 2}.0)"} for i in range(4)]
    claims = [Claim(f"C{i}", "tanh wins", arms[0], arms[i + 1], margin, metric="test_loss") for i in range(4)]
    for study, n in itertools.product(range(6), (3, 6, SEEDS)):
        base = rng.normal(size=(1, n))
        loss = np.concatenate([base, base + differences[study, :n].T])
        words = [verdict.verdict for verdict in judge(claims, rows(arms, n, test_loss=loss))]
        assert words == [WORDS[region] for region in regions[n - 3, study]]
    if margin:
        equal = [dataclasses.replace(claim, expects="equivalence") for claim in claims]
        words = [verdict.verdict for verdict in judge(equal, rows(arms, n, test_loss=loss))]
        swap = WORDS | {rule.INSIDE: "equivalent", rule.BEYOND: "refuted"}
        assert words == [swap[region] for region in regions[-1, -1]] and "equivalent" in words


def test_the_floor_is_the_one_judge_takes_from_the_errors(rows):
    wrong = np.array([[3, 4, 3, 5, 3, 4], [5, 6, 5, 7, 5, 6]])
    errors = wrong / calibration.TEST_EXAMPLES
    arms = [{"activation": "tanh"}, {"activation": "relu"}]
    (verdict,) = judge([Claim("C", "tanh wins", *arms, 0.0)], rows(arms, 6, test_error=errors))
    x = (errors[1] - errors[0])[None, :, None]
    floor = 0.5 / calibration.TEST_EXAMPLES
    decision = rule.decide(6, x.mean(1), floor, 0.0, calibration.ALPHA)
    assert verdict.p_unadjusted == pytest.approx(float(decision.p[0, 0]))
    assert calibration.watch(x, 0.0, floor)[-1, 0, 0] == rule.BEYOND


def test_a_small_run_meets_the_targets_and_shows_what_peeking_does(monkeypatch):
    monkeypatch.setattr(calibration, "STUDIES", 2000)
    monkeypatch.setattr(calibration, "SEEDS", 30)
    monkeypatch.setattr(calibration, "FAMILY_SEEDS", 20)
    monkeypatch.setattr(calibration, "BCA_STUDIES", 100)
    monkeypatch.setattr(calibration, "BCA_RESAMPLES", 200)
    parts = {
        "one_claim": calibration.single_claims,
        "families": calibration.families,
        "power": calibration.power,
        "bca_alone": calibration.bca_alone,
    }
    result = {name: part(np.random.default_rng(1), lambda: None) for name, part in parts.items()}
    assert all(calibration.targets(result).values())
    assert result["bca_alone"]["A/A normal"]["any_look"] > 0.2
    assert result["one_claim"]["the same without the floor"]["any_look"] > 0.3
