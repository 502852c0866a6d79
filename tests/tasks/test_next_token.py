"""Next-character prediction: bits and counted models against NumPy, and a text that the network learns by heart."""

import dataclasses
import functools
import math

import jax
import numpy as np
import pytest

from assay.config import Config
from assay.data import batches, complete
from assay.data.text import divided, text_parts
from assay.spec import SpecError
from assay.sweep.pack import PackedProgram
from assay.tasks import TASKS
from assay.tasks.next_token import bigram_bits, repetition, unigram_bits
from assay.train.canonical import canonical
from assay.train.loop import Program, trial_arrays

QUICK = {"xla_backend_optimization_level": 0}  # compiles faster
# Every pair of letters determines the next one.
CYCLE = "abacbc" * 60
TINY = canonical(
    Config(
        task="next_token(temperature=0.01)", model="char_mlp(embed=3,width=12)", optimizer="momentum", lr=0.1,
        batch_size=32, epochs=12, evals=2, probe=(),
    )
)  # fmt: skip


@functools.cache
def dataset():
    return complete("cycle", text_parts(divided(CYCLE), 2, "made for this test"))


@functools.cache
def packed(mapping):
    return PackedProgram(Program(TINY, dataset()), mapping, batches.put_on_device(dataset()), QUICK)


@functools.cache
def trained(mapping="loop", seeds=(0,)):
    program, configs = packed(mapping), [dataclasses.replace(TINY, seed=seed) for seed in seeds]
    return program.advance(program.start(configs), program.trials(configs), 0, program.program.steps)


def test_bits_are_of_the_networks_probabilities():
    metrics = {name: float(value[0]) for name, value in packed("loop").finish(trained()).items()}
    params = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), trained().train_state.params)
    layer = lambda i, x: x @ params[f"Dense_{i}"]["kernel"] + params[f"Dense_{i}"]["bias"]
    x, y = dataset().test
    logits = layer(2, np.tanh(layer(1, layer(0, np.eye(3)[x]).reshape(len(x), -1))))
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    right = p[np.arange(len(y)), y]
    assert metrics["test_bits"] == pytest.approx(-np.log2(right).mean(), rel=1e-4)
    assert metrics["test_loss"] == pytest.approx(metrics["test_bits"] * math.log(2), rel=1e-3)  # two roundings of a log
    assert metrics["test_error"] == (logits.argmax(1) != y).mean() == 0
    assert metrics["test_bits"] < 0.1 < bigram_bits(dataset())


def test_both_decodings_of_a_learnt_cycle_continue_it():
    found = packed("loop").program.examine(trained().train_state, 0)
    start = divided(CYCLE)["test"][:2]
    at = CYCLE.index(start)
    for way in ("greedy", "sampled"):  # at a low temperature, drawn characters are the likeliest
        assert found.texts[way] == CYCLE[at : at + len(found.texts[way])] and len(found.texts[way]) > 200
    assert set(found.metrics) == set(TASKS["next_token"]().findings)


def test_sampling_follows_its_key_and_greedy_does_not():
    program = Program(dataclasses.replace(TINY, task="next_token"), dataset())
    start = jax.jit(program.start(TINY.init))(trial_arrays(TINY), batches.put_on_device(dataset())).train_state
    a, again, b = (program.examine(start, seed).texts for seed in (0, 0, 1))
    assert a == again and a["greedy"] == b["greedy"] and a["sampled"] != b["sampled"]


def test_counted_models_by_hand():
    texts = {"train": "aabab", "validation": "aab", "test": "abba"}
    made = complete("tiny", text_parts(texts, 1, "made for this test"))
    # After a: one a, two b, and one more of each; after b: one a. Test pairs: ab, bb, ba.
    expected = -(math.log2(3 / 5) + math.log2(1 / 3) + math.log2(2 / 3)) / 3
    assert bigram_bits(made) == pytest.approx(expected)
    # Characters that follow one: a, b, a, b, and one more of each. Test: b, b, a.
    assert unigram_bits(made) == pytest.approx(1.0)


def test_packed_is_solo():
    both = trained("map", (0, 3))
    for i, seed in enumerate((0, 3)):
        for together, alone in zip(jax.tree.leaves(both), jax.tree.leaves(trained("loop", (seed,))), strict=True):
            np.testing.assert_array_equal(together[i], alone)


def test_what_is_no_text_is_refused():
    from assay.data import load

    with pytest.raises(SpecError, match="next_token learns text, such as tiny_shakespeare.*, not digits"):
        Program(TINY, load("digits"))
    with pytest.raises(ValueError, match="temperature must be above 0"):
        TASKS["next_token"](temperature=0.0)


def test_repetition_is_the_share_of_windows_seen_before():
    assert repetition(np.arange(100)) == 0
    assert repetition(np.tile(np.arange(4), 25), 8) == pytest.approx(1 - 4 / 93)
    assert repetition(np.array([1, 2, 3, 1, 2]), 2) == pytest.approx(1 / 4)
