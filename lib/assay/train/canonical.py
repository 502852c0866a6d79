"""Gives a Config its one spelling, with every Spec checked, before anything is computed."""

from collections.abc import Mapping
import dataclasses
import functools

from assay import config as configs
from assay import spec as specs
from assay.config import Config


@functools.cache
def registries() -> Mapping[str, specs.Registry]:
    """The registry of every Config field that has one."""
    # Imported at the first Spec to check, so that --help and a mistyped flag answer before JAX is there.
    from assay.activations import ACTIVATIONS
    from assay.data import AUGMENTS, DATASETS
    from assay.initializers import INITIALIZERS
    from assay.models import MODELS
    from assay.models.norm import NORMS
    from assay.tasks import LOSSES, TASKS
    from assay.train.optim import OPTIMIZERS, SCHEDULES

    return {
        "task": TASKS,
        "dataset": DATASETS,
        "model": MODELS,
        "activation": ACTIVATIONS,
        "init": INITIALIZERS,
        "norm": NORMS,
        "loss": LOSSES,
        "optimizer": OPTIMIZERS,
        "schedule": SCHEDULES,
        "augment": AUGMENTS,
    }


def canonical(config: Config) -> Config:
    """The Config with every Spec validated and in canonical spelling, and `norm=default`, `loss=default` resolved.

    Raises:
      SpecError: a Spec that is unknown or wrong, or a choice that the model would silently ignore.
    """
    from assay.models import default_norm, takes_kit

    texts = {name: canonical_value(name, getattr(config, name)) for name in registries()}
    if texts["norm"] == "default":
        texts["norm"] = canonical_value("norm", default_norm(texts["model"]))
    own_loss = specs.build(registries()["task"], texts["task"], "task").loss
    if texts["loss"] == "default":
        texts["loss"] = canonical_value("loss", own_loss)
    if own_loss == "own" and texts["loss"] != "own":
        raise specs.SpecError(f"task {texts['task']} has its own loss, so --loss={texts['loss']} would change nothing")
    config = dataclasses.replace(config, **texts)
    if not takes_kit(config.model):
        _refuse_ignored(config)
    return config


def canonical_value(field: str, value: object) -> object:
    """One field's value in its canonical spelling."""
    if field not in registries() or (field in ("norm", "loss") and value == "default"):
        return value
    return specs.canonical_text(registries()[field], value, configs.fields()[field].metadata["registry"])


def _refuse_ignored(config: Config) -> None:
    """A model without a Kit builds its own layers: varying what a Kit passes on would measure nothing."""
    for name in ("activation", "init", "norm", "dtype"):
        default = canonical_value(name, getattr(Config(), name).replace("default", "none"))
        if getattr(config, name) != default:
            raise specs.SpecError(
                f"model {config.model} has no field `kit`, so --{name}={getattr(config, name)} would change "
                f"nothing; leave it at {default}, or give the model the field `kit: assay.models.Kit` and "
                "make its layers with it"
            )
