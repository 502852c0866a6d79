"""Programs: the compiled functions of a plan, made at first use and shared by the threads of a process."""

from collections.abc import Sequence
import functools
import threading
from typing import Any

from assay.config import Config
from assay.data import batches, DataError, Dataset, load
from assay.data.batches import DeviceData
from assay.ops.compiler import compiler_options
from assay.spec import first_line, SpecError
from assay.sweep import job
from assay.sweep.auto import candidates, choose
from assay.sweep.layout import layout, put
from assay.sweep.pack import PackedProgram
from assay.sweep.plan import Pack
from assay.train.loop import Program


class Programs:
    """PackedPrograms of packs.

    Args:
      mapping: of plan.mapping.
      data_dir: of assay.data.load.
    """

    def __init__(self, mapping: str, data_dir: Any = None):
        self.mapping, self.data_dir = mapping, data_dir
        self._lock = threading.RLock()
        self._datasets: dict[str, Dataset] = {}
        self._on_device: dict[Any, DeviceData] = {}
        self._programs: dict[Any, PackedProgram] = {}
        self._steps: dict[Config, int] = {}

    def get(self, pack: Pack) -> PackedProgram:
        """The compiled functions for a pack; in the process that leads a job, told to the others.

        Raises:
          SpecError, DataError: a data set that cannot be had, or a model that does not fit it.
        """
        # One mapping may be right for a full pack and another for what is left over.
        name = (pack.key, len(pack.configs)) if self.mapping == "auto" else pack.key
        with self._lock:
            if name not in self._programs:
                make = functools.partial(self._made, pack.key)
                packed = choose(make, pack.configs) if self.mapping == "auto" else make(self.mapping)
                self._programs[name] = packed
            return self._programs[name]

    def check(self, key: Config, configs: Sequence[Config]) -> None:
        """Traces a program with each of its initialisers, so that what does not fit is said before anything is trained.

        Raises:
          SpecError: the model refuses the data, or an initialiser refuses a layer.
        """
        try:
            # What is measured is measured in training.
            auto = self.mapping == "auto"
            packed = self._made(key, candidates()[0]) if auto else self.get(Pack(key, tuple(configs)))
            packed.check(list(dict.fromkeys(config.init for config in configs)))
            self._steps[key] = packed.program.steps
        except (SpecError, DataError):
            raise
        except Exception as error:  # a user's constructor or module may raise anything
            raise SpecError(f"model {key.model} cannot be trained on {key.dataset}: {first_line(error)}") from error

    def steps(self, pack: Pack) -> int:
        """Steps of all trials of a pack whose program was checked."""
        return self._steps[pack.key] * len(pack.configs)

    def _made(self, key: Config, mapping: str) -> PackedProgram:
        laid_out = layout(mapping)
        with self._lock:
            if key.dataset not in self._datasets:
                self._datasets[key.dataset] = load(key.dataset, self.data_dir)
            dataset, place = self._datasets[key.dataset], (key.dataset, laid_out.shared)
            if place not in self._on_device:
                self._on_device[place] = put(batches.on_host(dataset), laid_out.shared)
            kind = job.LedProgram if job.leads() else PackedProgram
            program = Program(key, dataset, laid_out.batch)
            return kind(program, mapping, self._on_device[place], compiler_options())
