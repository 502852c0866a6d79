"""Study: from a base, axes and flags to the grid of trials."""

import dataclasses
import itertools

from hypothesis import given, settings, strategies as st
import pytest

from assay.config import Config
from assay.spec import SpecError
from assay.sweep.study import Study

STUDY = Study(
    base=Config(model="mlp(depth=1,width=4)", epochs=3, lr=0.5),
    axes={"activation": ("tanh", "relu"), "init": ("he_normal", "glorot_uniform", "orthogonal(gain=2)")},
    seeds=2,
    smoke={"epochs": 1},
)


def test_the_grid_is_the_product_with_seeds_innermost():
    grid = STUDY.configs()
    found = [(c.activation, c.init, c.seed) for c in grid]
    inits = ("he_normal", "glorot_uniform", "orthogonal(gain=2.0)")
    assert found == list(itertools.product(("tanh", "relu"), inits, (0, 1)))
    blank = {"activation": "tanh", "init": "he_normal", "seed": 0}
    assert {dataclasses.replace(c, **blank) for c in grid} == {
        Config(model="mlp(depth=1,width=4)", epochs=3, lr=0.5, init="he_normal", norm="none", loss="cross_entropy")
    }


def test_without_axes_there_is_one_arm():
    grid = Study(base=Config(), axes={}, seeds=3, first_seed=5).configs()
    assert [c.seed for c in grid] == [5, 6, 7]


def test_more_seeds_keep_the_trials_there_are():
    ids = {c.trial_id() for c in STUDY.configs()}
    more = {c.trial_id() for c in dataclasses.replace(STUDY, seeds=5).configs()}
    assert len(ids) == 12 and len(more) == 30 and ids < more


@settings(deadline=None, max_examples=25)
@given(
    lrs=st.lists(st.floats(1e-3, 10), min_size=1, max_size=3, unique=True),
    acts=st.lists(
        st.sampled_from(["tanh", "relu", "elu(alpha=0.5)", "maxout"]), min_size=1, max_size=3, unique=True
    ),
    seeds=st.integers(1, 3),
)
def test_flags_give_the_same_grid_as_axes(lrs, acts, seeds):
    given_flags = {"lr": ",".join(map(repr, lrs)), "activation": ",".join(acts)}
    by_flags = dataclasses.replace(Study(Config(), {}), seeds=seeds).with_flags(given_flags).configs()
    by_axes = Study(Config(), {"lr": lrs, "activation": acts}, seeds=seeds).configs()
    assert {c.trial_id() for c in by_flags} == {c.trial_id() for c in by_axes}
    assert len(by_flags) == len(lrs) * len(acts) * seeds


def test_one_value_takes_an_axis_away_and_several_make_one():
    study = STUDY.with_flags({"activation": "elu(alpha=0.5)", "lr": "0.1, 1e-2", "probe": "(0,-1),(5,)"})
    assert dict(study.axes) == {
        "init": ("he_normal", "glorot_uniform", "orthogonal(gain=2)"), "lr": [0.1, 0.01], "probe": [(0, -1), (5,)]
    }  # fmt: skip
    assert study.base.activation == "elu(alpha=0.5)"
    assert len(study.configs()) == 3 * 2 * 2 * 2
    assert dict(STUDY.axes).keys() == {"activation", "init"}  # the study itself is as it was


@pytest.mark.parametrize(
    "flags, line",
    [
        ({"activation": ""}, "empty item in ''"),
        ({"activation": "tanh,"}, "empty item in 'tanh,'"),
        ({"activation": "tanh,elu(alpha=1"}, "unbalanced brackets or quotes"),
        ({"activation": "tahn"}, "unknown activation 'tahn'; did you mean 'tanh'?"),
        ({"activation": "tanh,tanh"}, "two values of an axis mean the same: --activation holds tanh twice"),
        (
            {"activation": "elu,elu(alpha=1)"},
            "two values of an axis mean the same: --activation holds elu twice",
        ),
        ({"lr": "0.1,1e-1"}, "two values of an axis mean the same: --lr holds 0.1 twice"),
        ({"norm": "default,none"}, "two values of an axis mean the same: --norm holds none twice"),
        ({"lr": "fast"}, "--lr takes values like 0.1, not 'fast'"),
        ({"lr": "0"}, "lr must be above 0 and finite, not 0.0"),
        ({"lr": "0.1,-1"}, "lr must be above 0 and finite, not -1.0"),
        ({"batch_size": "1.5"}, "--batch_size takes values like 3, not '1.5'"),
        ({"probe": "x"}, "--probe takes values like (0,100,-1), not 'x'"),
        ({"dtype": "float64"}, "dtype must be one of float32, bfloat16, not 'float64'"),
    ],
    ids=str,
)
def test_wrong_flags(flags, line):
    with pytest.raises(SpecError) as error:
        STUDY.with_flags(flags).configs()
    assert str(error.value).startswith(line) and "\n" not in str(error.value)


def test_smoke_keeps_the_grid_and_shortens_the_run():
    smoke = dataclasses.replace(STUDY, seeds=10).with_smoke()
    assert smoke.axes == STUDY.axes and smoke.seeds == 2
    assert smoke.base == dataclasses.replace(STUDY.base, epochs=1)


def test_a_seed_beyond_32_bits_is_refused():
    with pytest.raises(SpecError, match="seed must be at most 2147483647"):
        dataclasses.replace(STUDY, first_seed=2**31 - 1).configs()


TUNED = dataclasses.replace(STUDY, tune={"lr": (0.1, 1)}, smoke={"epochs": 1, "lr": (0.2,)})


def test_every_arm_is_tried_at_the_same_values_the_base_s_own_among_them():
    grid = TUNED.configs()
    assert TUNED.tried() == {"lr": (0.5, 0.1, 1.0)} and TUNED.untuned() == {"lr": 0.5}
    found = [(c.activation, c.init, c.lr, c.seed) for c in grid]
    inits = ("he_normal", "glorot_uniform", "orthogonal(gain=2.0)")
    assert found == list(itertools.product(("tanh", "relu"), inits, (0.5, 0.1, 1.0), (0, 1)))
    kept = dataclasses.replace(STUDY, tune={"lr": (0.1, 0.5)}).tried()
    assert kept == {"lr": (0.1, 0.5)}  # in the order given


def test_tuning_keeps_the_ids_of_the_trials_there_are():
    # Another id would orphan every stored result.
    assert Config().trial_id() == "f4766389603a6828"
    untuned = [c.trial_id() for c in STUDY.configs()]
    assert [c.trial_id() for c in TUNED.configs() if c.lr == 0.5] == untuned


def test_what_is_tuned_can_be_told_by_flags():
    assert TUNED.with_flags({"lr": "0.3"}).tried() == {}
    assert TUNED.with_flags({"lr": "0.3,0.4"}).axes["lr"] == [0.3, 0.4]
    assert TUNED.with_flags({"epochs": "2"}).tried() == TUNED.tried()
    given = STUDY.with_tuning("weight_decay=(0,1e-4), lr=(0.1,)")
    assert given.tried() == {"lr": (0.5, 0.1), "weight_decay": (0.0, 1e-4)}
    assert TUNED.with_tuning("none").configs() == STUDY.configs()
    assert TUNED.with_smoke().tried() == {"lr": (0.5, 0.2)}


@pytest.mark.parametrize(
    "text, line",
    [
        ("lr=0.1", "--tune takes fields with values in brackets, lr=(0.01,0.1), not 0.1"),
        ("lr=()", "--tune takes fields with values in brackets, lr=(0.01,0.1), not ()"),
        ("lr", "'tune(lr)': name every argument"),
        ("rate=(0.1,)", "unknown field to tune 'rate'; did you mean"),
        ("seed=(0,1)", "unknown field to tune 'seed'"),
        ("dataset=('xor','circle')", "unknown field to tune 'dataset'"),
        ("init=('he_normal','zeros')", "init is an axis, so it can't be tuned as well"),
        ("lr=(0.1,0.1)", "two values of an axis mean the same: --lr holds 0.1 twice"),
        ("lr=(0,1)", "lr must be above 0 and finite, not 0.0"),
    ],
    ids=str,
)
def test_wrong_tuning(text, line):
    with pytest.raises(SpecError) as error:
        STUDY.with_tuning(text).configs()
    assert str(error.value).startswith(line) and "\n" not in str(error.value)
