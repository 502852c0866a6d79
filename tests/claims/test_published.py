"""Comparisons say what they can and no more."""

import math

import numpy as np
import pytest
from scipy import stats

from assay.claims import compare
from assay.claims import Published

ARM = {"activation": "tanh", "model": "mlp(depth=5,width=100)"}
PROTOCOL = {"width": 1000, "depth": 5, "epochs": 10, "batch_size": "", "preprocessing": "none"}
GLOROT = Published(ARM, "test_error", 0.0164, "Glorot & Bengio 2010, Table 1", PROTOCOL, "Mh")


def test_mean_interval_mark_and_protocol(rows):
    errors = np.array([[0.017, 0.0165, 0.018, 0.0172], [0.5] * 4])
    found = compare(GLOROT, rows([ARM, {"activation": "relu"}], 4, test_error=errors))
    interval = stats.ttest_1samp(errors[0], 0).confidence_interval(0.95)
    assert found.half_width == pytest.approx((interval.high - interval.low) / 2)
    assert (found.n, found.differs, found.unknown) == (4, ("width",), ("batch_size", "preprocessing"))
    assert found.text == (
        f"ours 1.72 +- {100 * found.half_width:.2f} % (4 seeds, 95 % interval), published 1.64 % "
        "(reported, unverified): protocol differs in width; not compared in batch_size, preprocessing"
    )


@pytest.mark.parametrize("mark, words", [("V1", "checked in the"), ("V2", "copy"), ("Ml", "unverified")])
def test_the_mark_is_said(rows, mark, words):
    figure = Published(ARM, "test_loss", 0.25, "x", {"epochs": 10.0}, mark)
    text = compare(figure, rows([ARM], 3)).text
    assert words in text and "%" not in text.split("interval")[1]
    assert text.endswith("equal in all that is recorded")


@pytest.mark.parametrize("stored", [(500, 300), [500, 300]])
def test_lists_of_a_protocol_and_arguments_of_the_task(rows, stored):
    arm = {"model": "dbn(widths=(500,300))", "task": "ensemble(members=10)"}
    figure = Published(arm, "test_error", 0.02, "x", {"widths": stored, "members": 35}, "V1")
    found = compare(figure, rows([arm], 2))
    assert (found.differs, found.unknown) == (("members",), ())
    other = arm | {"model": "dbn(widths=(500,200))"}
    found = compare(Published(other, "test_error", 0.02, "x", {"widths": stored}, "V1"), rows([other], 2))
    assert found.differs == ("widths",)


def test_no_protocol_is_no_equal_protocol(rows):
    figure = Published(ARM, "test_error", 0.02, "x", {}, "V1")
    assert compare(figure, rows([ARM], 2)).text.endswith("(checked in the paper): protocol not recorded")


def test_one_seed_no_trial_and_divergence(rows):
    assert "1 seed, no interval" in compare(GLOROT, rows([ARM], 1)).text
    none = compare(GLOROT, rows([{"activation": "relu"}], 2))
    assert none.text == "ours not in this run, published 1.64 % (reported, unverified)"
    assert math.isnan(none.mean) and none.n == 0
    trials = rows([ARM], 4)
    trials[0] |= {"status": "diverged", "test_error": None}
    found = compare(GLOROT, trials)
    assert found.mean == pytest.approx((1 + 3 * 0.1) / 4) and "1 of our 4 trials diverged" in found.text


@pytest.mark.parametrize(
    "change, message",
    [
        ({"mark": "V3"}, "unknown mark"),
        ({"arm": {"activatoin": "tanh"}}, "did you mean 'activation'"),
        ({"value": math.nan}, "finite"),
    ],
)
def test_a_wrong_figure_is_refused(change, message):
    given = {"arm": ARM, "metric": "test_error", "value": 0.01, "source": "x", "protocol": {}, "mark": "V1"}
    with pytest.raises(ValueError, match=message):
        Published(**given | change)
