"""What a Claim accepts, and the one line it answers with otherwise."""

import dataclasses
import math

import pytest

from assay.claims import Claim

GOOD = Claim("C1", "tanh beats sigmoid", {"activation": "tanh"}, {"activation": "sigmoid"}, 0.001)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"better": {"activaton": "tanh"}}, "did you mean 'activation'"),
        ({"better": {"seed": 1}, "worse": {"seed": 2}}, "seeds pair the arms"),
        ({"better": {}, "worse": {}}, "at least one"),
        ({"better": {"init": "he_normal"}}, "the same Config fields"),
        ({"worse": {"activation": "tanh"}}, "the same arm"),
        ({"statement": ""}, "must not be empty"),
        ({"scale": "rato"}, "did you mean 'ratio'"),
        ({"expects": "equal"}, "did you mean 'equivalence'"),
        ({"smallest": -0.1}, "at least 0"),
        ({"smallest": math.nan}, "finite"),
        ({"smallest": "big"}, "must be a number"),
        ({"scale": "ratio", "smallest": 0.9}, "at least 1"),
        ({"expects": "equivalence", "smallest": 0.0}, "above 0"),
        ({"expects": "equivalence", "scale": "ratio", "smallest": 1.0}, "above 1"),
    ],
)
def test_a_wrong_claim_is_refused_in_one_line(change, message):
    with pytest.raises(ValueError, match=message) as caught:
        dataclasses.replace(GOOD, **change)
    assert str(caught.value).startswith("claim 'C1': ") and "\n" not in str(caught.value)


def test_claims_are_values():
    assert GOOD == dataclasses.replace(GOOD) and len({GOOD, dataclasses.replace(GOOD)}) == 1
    with pytest.raises(TypeError):
        GOOD.better["activation"] = "relu"


def test_margin_is_on_the_scale_of_the_differences():
    assert GOOD.margin == 0.001
    assert dataclasses.replace(GOOD, scale="ratio", smallest=1.1).margin == pytest.approx(math.log(1.1))


def test_spelt_canonically():
    better, worse = {"activation": "elu(alpha=1.0)", "lr": 0.1}, {"activation": "tanh", "lr": 1}
    claim = dataclasses.replace(GOOD, better=better, worse=worse)
    spelt = claim.spelt(lambda name, value: -value if name == "lr" else value.replace("(alpha=1.0)", ""))
    assert spelt.better == {"activation": "elu", "lr": -0.1}
    assert spelt.worse == {"activation": "tanh", "lr": -1}
