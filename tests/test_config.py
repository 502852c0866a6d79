"""Config: what it accepts, the text it hashes to, and the way back."""

import dataclasses
import json
import subprocess
import sys

from hypothesis import given, settings, strategies as st
import pytest

from assay import config as configs
from assay.config import Config, fields, from_json, read
from assay.spec import SpecError

# Every stored result hangs on these two. They change with a field's name or default, or the canonical JSON;
# then all that users have stored is trained again, so change them only on purpose.
GOLDEN_JSON = (
    '{"activation":"tanh","augment":"none","batch_size":64,"dataset":"digits","dtype":"float32","epochs":10.0,'
    '"evals":20,"init":"glorot_uniform","loss":"default","lr":0.1,"model":"mlp","norm":"default",'
    '"optimizer":"sgd","probe":[0,-1],"schedule":"constant","seed":0,"target_error":0.25,"task":"classify",'
    '"weight_decay":0.0}'
)
GOLDEN_ID = "f4766389603a6828"

_EXAMPLES = {
    str: st.text(max_size=20),
    float: st.floats(1e-3, 1e6),
    int: st.integers(1, 2**31 - 1),
    tuple: st.lists(st.integers(-1, 10**6), max_size=4).map(tuple),
}
_configs = st.builds(
    Config,
    **{field.name: _EXAMPLES[field.type] for field in dataclasses.fields(Config) if field.name != "dtype"},
    dtype=st.sampled_from(["float32", "bfloat16"]),
)


def test_golden():
    assert Config().canonical_json() == GOLDEN_JSON
    assert Config().trial_id() == GOLDEN_ID


def test_the_id_is_the_same_in_another_process():
    code = "from assay.config import Config; print(Config().trial_id())"
    lib = configs.__file__.rsplit("/assay/", 1)[0]
    environment = {"PYTHONPATH": lib, "PYTHONHASHSEED": "7"}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == GOLDEN_ID


@settings(deadline=None, max_examples=50)
@given(_configs)
def test_json_round_trip(config):
    again = from_json(json.loads(config.canonical_json()))
    assert again == config
    assert again.canonical_json() == config.canonical_json()
    assert again.trial_id() == config.trial_id()


@settings(deadline=None, max_examples=50)
@given(_configs, _configs)
def test_ids_differ_where_configs_do(a, b):
    assert (a.trial_id() == b.trial_id()) == (a == b)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Config)])
def test_every_field_counts_and_is_documented(name):
    field = fields()[name]
    other = {str: "other", float: 0.77, int: 77, tuple: (7,)}[field.type]
    other = "bfloat16" if name == "dtype" else other
    assert dataclasses.replace(Config(), **{name: other}).trial_id() != GOLDEN_ID
    assert field.type in (str, float, int, tuple)
    assert type(field.default) is field.type
    assert len(field.metadata["help"]) > 5 and "\n" not in field.metadata["help"]


def test_a_whole_number_is_a_float_where_one_is_wanted():
    assert Config(lr=1, epochs=3) == Config(lr=1.0, epochs=3.0)
    assert Config(lr=1).trial_id() == Config(lr=1.0).trial_id()


def test_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().lr = 0.2


@pytest.mark.parametrize(
    "wrong, line",
    [
        ({"lr": "0.1"}, "lr must be of type float, not '0.1'"),
        ({"lr": True}, "lr must be of type float, not True"),
        ({"lr": 0}, "lr must be above 0 and finite, not 0.0"),
        ({"lr": -1.0}, "lr must be above 0 and finite, not -1.0"),
        ({"lr": float("inf")}, "lr must be above 0 and finite, not inf"),
        ({"lr": float("nan")}, "lr must be above 0 and finite, not nan"),
        ({"lr": 10**400}, "lr must be above 0 and finite, not inf"),
        ({"lr": 1e39}, "lr must be at most 3.4e+38, not 1e+39"),
        ({"weight_decay": -0.1}, "weight_decay must be at least 0 and finite, not -0.1"),
        ({"weight_decay": float("nan")}, "weight_decay must be at least 0 and finite, not nan"),
        ({"weight_decay": 1e39}, "weight_decay must be at most 3.4e+38, not 1e+39"),
        ({"epochs": 0}, "epochs must be above 0 and finite, not 0.0"),
        ({"target_error": -0.5}, "target_error must be at least 0 and finite, not -0.5"),
        ({"batch_size": 0}, "batch_size must be at least 1 and finite, not 0"),
        ({"batch_size": 1.0}, "batch_size must be of type int, not 1.0"),
        ({"batch_size": True}, "batch_size must be of type int, not True"),
        ({"evals": 0}, "evals must be at least 1 and finite, not 0"),
        ({"seed": -1}, "seed must be at least 0 and finite, not -1"),
        ({"seed": 2**31}, "seed must be at most 2147483647, not 2147483648"),
        ({"dtype": "float64"}, "dtype must be one of float32, bfloat16, not 'float64'"),
        ({"model": None}, "model must be of type str, not None"),
        ({"probe": [0]}, "probe must be of type tuple, not [0]"),
        ({"probe": (0, 1.5)}, "probe must hold whole numbers, as in (0,100,-1), not (0, 1.5)"),
        ({"probe": (True,)}, "probe must hold whole numbers, as in (0,100,-1), not (True,)"),
        ({"probe": (0, -2)}, "probe must hold steps from 0 on, and -1 for the last, not (0, -2)"),
    ],
    ids=str,
)
def test_limits(wrong, line):
    with pytest.raises(SpecError) as error:
        Config(**wrong)
    assert str(error.value) == line


def test_json_of_other_fields_is_refused():
    with pytest.raises(SpecError, match="unknown Config field 'leraning_rate'"):
        from_json({"leraning_rate": 0.1})


@pytest.mark.parametrize(
    "name, text, value",
    [
        ("activation", "elu(alpha=2)", "elu(alpha=2)"),
        ("lr", "1", 1.0),
        ("lr", "1e-3", 0.001),
        ("lr", " .5 ", 0.5),
        ("batch_size", "32", 32),
        ("probe", "(0,100,-1)", (0, 100, -1)),
        ("probe", "[0]", (0,)),
        ("probe", "5", (5,)),
        ("probe", "-1", (-1,)),
        ("probe", "()", ()),
    ],
)
def test_read(name, text, value):
    found = read(name, text.strip())
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    "name, text",
    [
        ("lr", "abc"),
        ("lr", "True"),
        ("lr", "'1'"),
        ("lr", "1+1"),
        ("lr", "nan"),
        ("lr", "__import__('os').getpid()"),
        ("lr", "-" * 50_000 + "1"),
        ("lr", "(" * 50_000),
        ("lr", "1\0"),
        ("batch_size", "1e2"),
        ("batch_size", "3.0"),
        ("batch_size", "True"),
        ("probe", "x"),
        ("probe", "1.5"),
        ("probe", "{1}"),
        ("probe", "{[]}"),
    ],
    ids=lambda text: text[:12],
)
def test_read_refuses(name, text):
    with pytest.raises(SpecError, match=f"^--{name} takes values like .*, not "):
        read(name, text)


def test_a_number_beyond_floats_is_refused_as_infinite():
    for text in ("1e999", "1" + "0" * 400):
        with pytest.raises(SpecError, match="lr must be above 0 and finite, not inf"):
            Config(lr=read("lr", text))
