"""Synthetic texts: the chain's frequencies and entropy, the sine's turns."""

import numpy as np
import pytest

from assay import data
from assay.data.sequences import entropy_bits, transitions
from assay.data.text import decode
from assay.spec import SpecError
from assay.tasks.next_token import bigram_bits


def test_the_chain_has_its_transitions_and_its_entropy_is_what_pairs_reach():
    made, again = data.load("markov_text(n=40000)"), data.load("markov_text(n=40000)")
    assert made.fingerprint == again.fingerprint and made.symbols == "abcdefgh"
    last, following = made.train.x[:, -1], made.train.y
    pairs = np.bincount(last * 8 + following, minlength=64).reshape(8, 8)
    found = pairs / pairs.sum(axis=1, keepdims=True)
    spread = np.sqrt(transitions(8) / pairs.sum(axis=1, keepdims=True))
    assert np.all(np.abs(found - transitions(8)) <= 5 * spread + 1e-12)
    entropy = entropy_bits(transitions(8))
    assert f"{entropy:.4f} bits" in made.note
    assert bigram_bits(made) == pytest.approx(entropy, abs=0.05)


def test_entropy_of_known_chains():
    assert entropy_bits(np.array([[0.5, 0.5], [0.5, 0.5]])) == pytest.approx(1.0)
    assert entropy_bits(np.array([[0.0, 1.0], [1.0, 0.0]])) == pytest.approx(0.0)
    # Stationary (2/3, 1/3): two thirds of the entropy of (3/4, 1/4), a third of that of (1/2, 1/2).
    binary = -(0.75 * np.log2(0.75) + 0.25 * np.log2(0.25))
    assert entropy_bits(np.array([[0.75, 0.25], [0.5, 0.5]])) == pytest.approx(2 / 3 * binary + 1 / 3)


def test_the_sine_turns():
    made = data.load("sine(levels=8,n=4000,noise=0.0)")
    letters = decode(np.concatenate([made.test.x[0], made.test.y]), made.symbols)
    levels = np.array([ord(letter) - ord("a") for letter in letters])
    start = 4000 - len(levels)  # the test split is the text's end
    wave = np.sin(2 * np.pi / 25.7 * np.arange(start, 4000))
    np.testing.assert_array_equal(levels, np.minimum(np.floor((wave + 1) * 4), 7))
    assert data.load("sine(levels=8,n=4000)").fingerprint != made.fingerprint


@pytest.mark.parametrize(
    "spec,fault",
    [
        ("markov_text(symbols=1)", "symbols must be from 2 to 26"),
        ("markov_text(n=100)", "n at least 360"),
        ("sine(levels=27)", "levels must be from 2 to 26"),
        ("sine(noise=2.0)", "noise must be from 0 to 1"),
        ("sine(window=0)", "window must be at least 1"),
    ],
)
def test_wrong_arguments_are_one_line(spec, fault):
    with pytest.raises(SpecError, match=fault):
        data.load(spec)
