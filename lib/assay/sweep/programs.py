"""Programs: the compiled functions of a plan, made at first use and shared by the threads of a process."""

from collections.abc import Sequence
import threading
from typing import Any

from assay.config import Config
from assay.data import batches, DataError, load
from assay.ops.compiler import compiler_options
from assay.spec import first_line, SpecError
from assay.sweep import job
from assay.sweep.layout import layout, put
from assay.sweep.pack import PackedProgram
from assay.train.loop import Program


class Programs:
    """PackedPrograms by program key.

    Args:
      mapping: of plan.mapping.
      data_dir: of assay.data.load.
    """

    def __init__(self, mapping: str, data_dir: Any = None):
        self.mapping, self.data_dir = mapping, data_dir
        self._lock = threading.Lock()
        self._datasets: dict[str, tuple[Any, Any]] = {}
        self._programs: dict[Config, PackedProgram] = {}

    def get(self, key: Config) -> PackedProgram:
        """The compiled functions for a program key; in the process that leads a job, told to the others.

        Raises:
          SpecError, DataError: a data set that cannot be had, or a model that does not fit it.
        """
        layed = layout(self.mapping)
        with self._lock:
            if key.dataset not in self._datasets:
                dataset = load(key.dataset, self.data_dir)
                self._datasets[key.dataset] = dataset, put(batches.on_host(dataset), layed.shared)
            if key not in self._programs:
                dataset, data = self._datasets[key.dataset]
                kind = job.LedProgram if job.leads() else PackedProgram
                program = Program(key, dataset, layed.batch)
                self._programs[key] = kind(program, self.mapping, data, compiler_options())
            return self._programs[key]

    def check(self, key: Config, configs: Sequence[Config]) -> None:
        """Traces a program with each of its initialisers, so that what does not fit is said before anything is trained.

        Raises:
          SpecError: the model refuses the data, or an initialiser refuses a layer.
        """
        try:
            self.get(key).check(list(dict.fromkeys(config.init for config in configs)))
        except (SpecError, DataError):
            raise
        except Exception as error:  # a user's constructor or module may raise anything
            raise SpecError(f"model {key.model} cannot be trained on {key.dataset}: {first_line(error)}") from error
