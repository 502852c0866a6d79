"""A Config's one spelling, and what is refused before anything is computed."""

import dataclasses

from flax import linen as nn
import pytest

from assay import config as configs
from assay.config import Config
from assay.spec import SpecError
from assay.train.canonical import canonical, canonical_value, registries

# Registry entries with an argument that has no default.
NEEDS = {
    "constant": "constant(value=0.5)",
    "uniform": "uniform(m=0.5)",
    "normal": "normal(std=0.5)",
    "meanfield": "meanfield(sigma_b2=0.5,sigma_w2=1.5)",
    "idx": "idx(path='a')",
    "npz": "npz(path='a.npz')",
    "folder": "folder(path='a')",
    "text": "text(path='a.txt')",
}


def test_every_registry_belongs_to_a_field():
    wanted = {name for name, field in configs.fields().items() if "registry" in field.metadata}
    assert set(registries()) == wanted


@pytest.mark.parametrize(
    "field, name", [(field, name) for field, registry in registries().items() for name in dict.keys(registry)]
)
def test_every_entry_has_a_spelling(field, name):
    text = NEEDS.get(name, name) if field in ("init", "dataset") else name
    spelt = canonical_value(field, text)
    assert spelt == text
    assert canonical_value(field, spelt) == spelt


def test_the_default_config_is_spelt_canonically():
    assert canonical(Config()) == dataclasses.replace(Config(), norm="none", loss="cross_entropy")


def test_one_meaning_has_one_id():
    base = Config(model="resnet(depth=20,skip=False)", activation="elu(alpha=2)", init="orthogonal(gain=2)")
    other = dataclasses.replace(
        base,
        model="resnet( skip=False )",
        activation="elu(alpha=2.0)",
        init="orthogonal(gain=2.00)",
        norm="batch_norm(momentum=0.9)",
        optimizer="sgd()",
    )
    assert base.trial_id() != other.trial_id()
    assert canonical(base) == canonical(other)
    assert canonical(base).trial_id() == canonical(other).trial_id()
    assert canonical(canonical(base)) == canonical(base)


@pytest.mark.parametrize(
    "model, norm", [("mlp", "none"), ("lenet", "none"), ("strided_cnn", "none"), ("resnet", "batch_norm")]
)
def test_default_norm_is_the_models(model, norm):
    assert canonical(Config(model=model)).norm == norm
    assert canonical(Config(model=model, norm="layer_norm()")).norm == "layer_norm"


@pytest.mark.parametrize("field", [name for name in registries() if name not in ("loss", "norm")])
def test_only_norm_and_loss_have_a_default_by_name(field):
    with pytest.raises(SpecError, match="unknown .* 'default'"):
        canonical(dataclasses.replace(Config(), **{field: "default"}))


@pytest.mark.parametrize(
    "field, text, line",
    [
        ("activation", "rleu", "unknown activation 'rleu'; did you mean 'relu'?"),
        ("init", "he_norm", "unknown init 'he_norm'; did you mean 'he_normal'?"),
        ("model", "mpl", "unknown model 'mpl'; did you mean 'mlp'?"),
        ("dataset", "mnits", "unknown dataset 'mnits'; did you mean 'mnist'?"),
        ("norm", "batchnorm", "unknown norm 'batchnorm'; did you mean 'batch_norm'?"),
        ("optimizer", "adm", "unknown optimizer 'adm'; did you mean 'adam'?"),
        ("schedule", "cosin", "unknown schedule 'cosin'; did you mean 'cosine'?"),
        ("augment", "flop", "unknown augment 'flop'; did you mean 'flip'?"),
        ("loss", "crossentropy", "unknown loss 'crossentropy'; did you mean 'cross_entropy'?"),
        ("task", "classfy", "unknown task 'classfy'; did you mean 'classify'?"),
        ("model", "mlp(wdith=3)", "model mlp: unknown argument 'wdith'; did you mean 'width'?"),
        ("init", "normal", "init normal: argument std is missing; write normal(std=...)"),
        ("schedule", "step(at=0.5)", "schedule step: argument at must be of type tuple, not 0.5"),
    ],
)
def test_unknown_names_answer_with_the_nearest(field, text, line):
    with pytest.raises(SpecError) as error:
        canonical(dataclasses.replace(Config(), **{field: text}))
    assert str(error.value).startswith(line) and "\n" not in str(error.value)


def test_values_without_a_registry_stay():
    assert canonical_value("lr", 0.5) == 0.5
    assert canonical_value("probe", (0,)) == (0,)
    assert canonical_value("norm", "default") == "default"


class Bare(nn.Module):
    """A linen module that makes its own layers."""

    outputs: int
    width: int = 4

    @nn.compact
    def __call__(self, x):
        return nn.Dense(self.outputs)(x)


class Made(nn.Module):
    """One that takes a Kit."""

    kit: object
    outputs: int


@pytest.fixture
def own(monkeypatch):
    """The two models above, under names of their own."""
    registry = registries()["model"]
    monkeypatch.setitem(registry, "bare", Bare)
    monkeypatch.setitem(registry, "made", Made)


def test_what_a_model_without_kit_would_ignore_is_refused(own):
    assert canonical(Config(model="bare(width=4)")).model == "bare"
    for field, value in (("activation", "relu"), ("init", "he_normal"), ("norm", "batch_norm")):
        with pytest.raises(
            SpecError, match=f"model bare has no field `kit`, so --{field}={value} would change nothing"
        ):
            canonical(dataclasses.replace(Config(model="bare"), **{field: value}))
        made = dataclasses.replace(Config(model="made"), **{field: value})
        assert getattr(canonical(made), field) == value


def test_the_id_of_the_default_trial_is_what_stored_studies_have():
    assert canonical(Config()).trial_id() == "31dad706a2a5e82b"


def test_loss_default_is_the_task_s_own():
    assert canonical(Config()).loss == canonical(Config(loss="cross_entropy")).loss == "cross_entropy"
