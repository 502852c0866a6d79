"""Study: a base Config, the axes that vary, what is tuned for every arm, and how many seeds."""

from collections.abc import Mapping, Sequence
import dataclasses
import itertools
from typing import Any

from assay import spec as specs
from assay.config import Config
from assay import config as configs
from assay.train.canonical import canonical, canonical_value

# These say what is measured, and on what; an arm that had its own would be compared with nothing.
NOT_TUNED = ("task", "dataset", "loss", "target_error", "evals", "probe", "seed")


@dataclasses.dataclass(frozen=True)
class Study:
    """A grid of Configs.

    Attributes:
      base: the Config that all arms share.
      axes: Config fields with several values each; their product is the arms.
      seeds: number of seeds of every arm, from `first_seed` on.
      smoke: values of fields, axes and tuned fields that a run of seconds has instead.
      tune: Config fields with values that every arm is trained at, with the same seeds; an arm is then judged at the
        one that validates best (assay.claims.tuning). The base's own value is always tried, so that what is untuned is
        known too. lr, weight_decay and init are data of one program: more of their values cost no compilation.
    """

    base: Config
    axes: Mapping[str, Sequence[Any]]
    seeds: int = 10
    first_seed: int = 0
    smoke: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    tune: Mapping[str, Sequence[Any]] = dataclasses.field(default_factory=dict)

    def configs(self) -> list[Config]:
        """Every trial's canonical Config, arm by arm, in it value by value of what is tuned, seeds innermost.

        Raises:
          SpecError: an invalid value, two values of an axis that mean the same, or a field that can't be tuned.
        """
        result, seeds = [], range(self.first_seed, self.first_seed + self.seeds)
        varied = self.axes | self.tried()
        for values in itertools.product(*varied.values()):
            arm = canonical(dataclasses.replace(self.base, **dict(zip(varied, values))))
            result += [dataclasses.replace(arm, seed=seed) for seed in seeds]
        if len({config.trial_id() for config in result}) < len(result):
            raise specs.SpecError(f"two values of an axis mean the same: {self._repeated()}")
        return result

    def tried(self) -> dict[str, tuple]:
        """Every tuned field's canonical values, the base's own among them: first if `tune` leaves it out.

        Raises:
          SpecError: a field that can't be tuned, or is an axis, or an invalid value.
        """
        found = {}
        for name, values in self.tune.items():
            self._check_tuned(name)
            values = tuple(self._canonical(name, value) for value in values)
            own = self.untuned()[name]
            found[name] = values if own in values else (own, *values)
        return found

    def untuned(self) -> dict[str, Any]:
        """The base's own value of every tuned field, canonical."""
        return {name: self._canonical(name, getattr(self.base, name)) for name in self.tune}

    def with_flags(self, given: Mapping[str, str]) -> "Study":
        """The study with fields overridden by flags' texts; several values at top level make an axis.

        A field that is given is tuned no more.

        Raises:
          SpecError: a text that is not of the field's type.
        """
        base, axes = self.base, dict(self.axes)
        tune = {name: values for name, values in self.tune.items() if name not in given}
        for name, text in given.items():
            values = [configs.read(name, item) for item in specs.split(text)]
            if len(values) > 1:
                axes[name] = values
            else:
                axes.pop(name, None)
                base = dataclasses.replace(base, **{name: values[0]})
        return dataclasses.replace(self, base=base, axes=axes, tune=tune)

    def with_tuning(self, text: str) -> "Study":
        """The study with what a flag's text says tuned instead: `lr=(0.01,0.1),weight_decay=(0,1e-4)`, or `none`.

        Raises:
          SpecError: another form.
        """
        tune = {} if text == "none" else dict(specs.parse(f"tune({text})").kwargs)
        for name, values in tune.items():
            if not isinstance(values, tuple) or not values:
                raise specs.SpecError(f"--tune takes fields with values in brackets, {name}=(0.01,0.1), not {values!r}")
        return dataclasses.replace(self, tune=tune)

    def with_smoke(self) -> "Study":
        """A run of seconds: two seeds, and the fields, axes and tuned fields that `smoke` names."""
        axes = {name: self.smoke.get(name, values) for name, values in self.axes.items()}
        tune = {name: self.smoke.get(name, values) for name, values in self.tune.items()}
        fields = {name: value for name, value in self.smoke.items() if name not in axes | tune}
        base = dataclasses.replace(self.base, **fields)
        return dataclasses.replace(self, base=base, axes=axes, tune=tune, seeds=2)

    def _check_tuned(self, name: str) -> None:
        tunable = [field for field in configs.fields() if field not in NOT_TUNED]
        if name not in tunable:
            raise specs.SpecError(specs.nearest(name, tunable, "field to tune"))
        if name in self.axes:
            raise specs.SpecError(f"{name} is an axis, so it can't be tuned as well; take one of them away")

    def _canonical(self, name: str, value: Any) -> Any:
        return canonical_value(name, getattr(dataclasses.replace(self.base, **{name: value}), name))

    def _repeated(self) -> str:
        for name, values in (self.axes | self.tried()).items():
            texts = [getattr(canonical(dataclasses.replace(self.base, **{name: v})), name) for v in values]
            for text in texts:
                if texts.count(text) > 1:
                    return f"--{name} holds {text} twice"
        return "an arm occurs twice"
