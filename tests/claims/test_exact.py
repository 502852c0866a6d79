"""Exact claims: what settles them, and every worked example of the ledger."""

import jax
import numpy as np
import pytest

from assay.claims.exact import Figure, settle, written
from experiments.exact import ROWS

# Where the decks' own figures are wrong: biases left out, neurons taken for weights, a misread digit, a kernel that was
# not flipped, padding forgotten, a variance for a standard deviation, a bound on the most regions for what there are.
ERRATA = {"A1", "A3", "A4", "A7", "A9", "A26", "A28", "B8"}


@pytest.mark.parametrize("row", ROWS)
def test_worked_examples_hold_but_for_the_errata(row):
    outcome = settle(ROWS[row]())
    expected = "refuted" if row in ERRATA else "confirmed"
    if row == "B28" and jax.default_backend() == "cpu":
        expected = "inconclusive"  # what an accelerator gains is not known without one
    assert outcome.verdict == expected, outcome.reason
    assert "\n" not in outcome.reason and outcome.to_json()["figures"]


def test_a_wrong_figure_is_refuted_and_the_source_s_arithmetic_is_shown():
    outcome = settle([Figure("weights", 1_728, 78, mistake="those are neurons", by_the_source=3 * 24 * 24)])
    assert outcome.verdict == "refuted"
    assert outcome.reason == "weights: 78, not 1,728 (those are neurons)"
    assert settle([Figure("weights", 78, 78), Figure("more", None, 5)]).reason == "weights: 78"
    assert settle([Figure("weights", [1, 2], np.array([1, 2.1]), 0.2)]).verdict == "confirmed"
    assert settle([Figure("weights", [1, 2], np.array([1, 2.3]), 0.2)]).verdict == "refuted"


def test_a_missing_figure_decides_nothing():
    missing = Figure("times faster", True, None, missing="no accelerator")
    assert settle([Figure("weights", 78, 78), missing]).verdict == "inconclusive"
    assert settle([Figure("weights", 78, 79), missing]).reason == "weights: 79, not 78"
    assert settle([missing]).reason == "times faster: not known, no accelerator"
    assert settle([missing]).to_json()["figures"][0]["holds"] is None


def test_what_settles_nothing_is_refused():
    with pytest.raises(ValueError, match="nothing is missing"):
        Figure("times faster", True, False, missing="no accelerator")
    with pytest.raises(ValueError, match="needs a cited figure"):
        settle([Figure("weights", None, 78)])
    with pytest.raises(ValueError, match="does not reproduce the cited 5"):
        Figure("weights", 5, 4, mistake="a slip", by_the_source=6)
    with pytest.raises(ValueError, match="no mistake to tell"):
        Figure("weights", 5, 5, mistake="a slip")


@pytest.mark.parametrize(
    "value,text",
    [(78_400, "78,400"), ((24, 24), "24 x 24"), (np.eye(2), "[[1, 0], [0, 1]]"), (True, "yes"), (0.5, "0.5")],
)
def test_figures_in_words(value, text):
    assert written(value) == text


def test_shapes_and_truth_values_are_compared_as_such():
    assert not Figure("shape", (2, 3), (2, 3, 1)).holds
    assert not Figure("truth", True, 1).holds
