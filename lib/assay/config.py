"""Config: everything that defines one training run, in one frozen flat dataclass; and the id it hashes to."""

import ast
from collections.abc import Mapping
import dataclasses
import hashlib
import json
import math
from typing import Any

from assay.spec import nearest, SpecError

LARGEST = 3.4e38  # of float32, in which a step computes


def _field(default: Any, help: str, **limits: Any) -> Any:
    return dataclasses.field(default=default, metadata={"help": help, **limits})


@dataclasses.dataclass(frozen=True)
class Config:
    """One training run. Fields that name a registry hold the canonical text of a Spec."""

    task: str = _field("classify", "what is learnt", registry="task")
    dataset: str = _field("digits", "data set", registry="dataset")
    model: str = _field("mlp", "network", registry="model")
    activation: str = _field("tanh", "nonlinearity of every hidden layer", registry="activation")
    init: str = _field("glorot_uniform", "initialiser of kernels and biases", registry="init")
    norm: str = _field("default", "normalisation; default is the model's own", registry="norm")
    loss: str = _field("default", "training loss; default is the task's own", registry="loss")
    optimizer: str = _field("sgd", "optimiser", registry="optimizer")
    lr: float = _field(0.1, "peak learning rate", above=0.0, most=LARGEST)
    schedule: str = _field("constant", "learning-rate schedule", registry="schedule")
    weight_decay: float = _field(0.0, "weight decay, as the optimiser defines it", least=0.0, most=LARGEST)
    batch_size: int = _field(64, "examples a step", least=1)
    epochs: float = _field(10.0, "passes over the training split", above=0.0)
    augment: str = _field("none", "augmentation of training images", registry="augment")
    dtype: str = _field("float32", "of the arithmetic", choices=("float32", "bfloat16"))
    target_error: float = _field(0.25, "training error that steps_to_target waits for", least=0.0)
    evals: int = _field(20, "evaluations during training, evenly spaced", least=1)
    probe: tuple = _field((0, -1), "steps at which layer statistics are taken; -1 is the end")
    seed: int = _field(0, "of initialisation, batch order, augmentation and dropout", least=0, most=2**31 - 1)

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type is float and type(value) is int:
                object.__setattr__(self, field.name, value := _as_float(value))
            _check(field, value)

    def canonical_json(self) -> str:
        """The one text form of this Config; a trial id is its hash."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True, separators=(",", ":"))

    def trial_id(self) -> str:
        """16 hexadecimal characters of the sha256 of the canonical JSON."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()[:16]


def fields() -> Mapping[str, dataclasses.Field]:
    """The fields of a Config by name."""
    return {field.name: field for field in dataclasses.fields(Config)}


def from_json(values: Mapping[str, Any]) -> Config:
    """A Config from its JSON object.

    Raises:
      SpecError: a field that a Config does not have, or a value that its field does not take.
    """
    for name in values:
        if name not in fields():
            raise SpecError(nearest(name, list(fields()), "Config field"))
    return Config(**{name: tuple(v) if isinstance(v, list) else v for name, v in values.items()})


def read(name: str, text: str) -> Any:
    """The value of field `name` that a flag's text means.

    Raises:
      SpecError: the text is not of the field's type.
    """
    kind = fields()[name].type
    if kind is str:
        return text
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        value = None
    if kind is float and type(value) is int:
        value = _as_float(value)
    if kind is tuple and isinstance(value, (list, int)):
        value = tuple(value) if isinstance(value, list) else (value,)
    if type(value) is not kind:
        example = {int: "3", float: "0.1", tuple: "(0,100,-1)"}[kind]
        raise SpecError(f"--{name} takes values like {example}, not {text!r}")
    return value


def _as_float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _check(field: dataclasses.Field, value: Any) -> None:
    limits = field.metadata
    if type(value) is not field.type:
        raise SpecError(f"{field.name} must be of type {field.type.__name__}, not {value!r}")
    if "above" in limits and not limits["above"] < value < float("inf"):
        raise SpecError(f"{field.name} must be above {limits['above']:g} and finite, not {value}")
    if "least" in limits and not limits["least"] <= value < float("inf"):
        raise SpecError(f"{field.name} must be at least {limits['least']:g} and finite, not {value}")
    if "most" in limits and value > limits["most"]:
        raise SpecError(f"{field.name} must be at most {limits['most']:.10g}, not {value}")
    if "choices" in limits and value not in limits["choices"]:
        raise SpecError(f"{field.name} must be one of {', '.join(limits['choices'])}, not {value!r}")
    if field.type is tuple and not all(type(item) is int for item in value):
        raise SpecError(f"{field.name} must hold whole numbers, as in (0,100,-1), not {value!r}")
    if field.type is tuple and any(item < -1 for item in value):
        raise SpecError(f"{field.name} must hold steps from 0 on, and -1 for the last, not {value!r}")
