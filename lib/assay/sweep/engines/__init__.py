"""Engines: what carries a study's packs out, by name; and the run of a study by one of them."""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import threading

from assay.config import Config
from assay.sweep import plan
from assay.sweep.engines.distributed import distributed
from assay.sweep.engines.engine import Engine, Outcome, stop_flag
from assay.sweep.engines.local import cores, local
from assay.sweep.engines.processes import processes
from assay.sweep.engines.ray import ray
from assay.sweep.engines.slurm import slurm
from assay.sweep.progress import progress
from assay.sweep.runner import Runner
from assay.sweep.store import Store

__all__ = ["ENGINES", "Engine", "Options", "Outcome", "cores", "run"]

ENGINES: Mapping[str, Callable[..., Engine]] = {
    "distributed": distributed,
    "local": local,
    "processes": processes,
    "ray": ray,
    "slurm": slurm,
}


@dataclasses.dataclass(frozen=True)
class Options:
    """How trials are run; none of it changes a result (see assay.sweep.pack for the mappings).

    Attributes:
      pack: auto, loop, map, vmap, shard or data.
      engine: what runs the packs.
      checkpoint_seconds: time between checkpoints of a trial.
      data_dir: where data lies (None: assay.data.default_data_dir).
    """

    pack: str = "auto"
    engine: Engine = local()
    checkpoint_seconds: float = 60.0
    data_dir: str | None = None


def run(configs: Sequence[Config], store: Store, options: Options) -> Outcome:
    """Trains every Config and writes its results to the store.

    Raises:
      SpecError, DataError: before anything is trained, if a model, initialiser and data set don't fit together.
      StoreError, CheckpointError: the disk refused; what was finished is kept.
    """
    mapping = plan.mapping(options.pack)
    packs = plan.packs(configs, mapping)
    with stop_flag(threading.Event()) as stop:
        runner = Runner(store, mapping, stop, options.checkpoint_seconds, lambda steps: None, options.data_dir)
        for key in dict.fromkeys(pack.key for pack in packs):
            runner.programs.check(key, [config for pack in packs if pack.key == key for config in pack.configs])
        with progress(sum(map(runner.programs.steps, packs)), len(configs)) as bar:
            runner.progress = bar.update
            return options.engine(packs, runner)
