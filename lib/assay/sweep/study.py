"""Study: a base Config, the axes that vary, and how many seeds."""

from collections.abc import Mapping, Sequence
import dataclasses
import itertools
from typing import Any

from assay import spec as specs
from assay.config import Config
from assay import config as configs
from assay.train.canonical import canonical


@dataclasses.dataclass(frozen=True)
class Study:
    """A grid of Configs.

    Attributes:
      base: the Config that all arms share.
      axes: Config fields with several values each; their product is the arms.
      seeds: number of seeds of every arm, from `first_seed` on.
      smoke: values of fields, and of axes, that a run of seconds has instead.
    """

    base: Config
    axes: Mapping[str, Sequence[Any]]
    seeds: int = 10
    first_seed: int = 0
    smoke: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def configs(self) -> list[Config]:
        """Every trial's canonical Config, arm by arm, seeds innermost.

        Raises:
          SpecError: an invalid value, or two values of an axis that mean the same.
        """
        result, seeds = [], range(self.first_seed, self.first_seed + self.seeds)
        for values in itertools.product(*self.axes.values()):
            arm = canonical(dataclasses.replace(self.base, **dict(zip(self.axes, values))))
            result += [dataclasses.replace(arm, seed=seed) for seed in seeds]
        if len({config.trial_id() for config in result}) < len(result):
            raise specs.SpecError(f"two values of an axis mean the same: {self._repeated()}")
        return result

    def with_flags(self, given: Mapping[str, str]) -> "Study":
        """The study with fields overridden by flags' texts; several values at top level make an axis.

        Raises:
          SpecError: a text that is not of the field's type.
        """
        base, axes = self.base, dict(self.axes)
        for name, text in given.items():
            values = [configs.read(name, item) for item in specs.split(text)]
            if len(values) > 1:
                axes[name] = values
            else:
                axes.pop(name, None)
                base = dataclasses.replace(base, **{name: values[0]})
        return dataclasses.replace(self, base=base, axes=axes)

    def with_smoke(self) -> "Study":
        """A run of seconds: two seeds, and the fields and axes that `smoke` names."""
        axes = {name: self.smoke.get(name, values) for name, values in self.axes.items()}
        fields = {name: value for name, value in self.smoke.items() if name not in axes}
        return dataclasses.replace(self, base=dataclasses.replace(self.base, **fields), axes=axes, seeds=2)

    def _repeated(self) -> str:
        for name, values in self.axes.items():
            texts = [getattr(canonical(dataclasses.replace(self.base, **{name: v})), name) for v in values]
            for text in texts:
                if texts.count(text) > 1:
                    return f"--{name} holds {text} twice"
        return "an arm occurs twice"
