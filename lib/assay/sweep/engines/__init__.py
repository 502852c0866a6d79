"""Engines: what carries a study's packs out, by name; and the run of a study by one of them."""

from collections.abc import Callable, Mapping, Sequence
import dataclasses
import sys
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
    """Trains the Configs of a grid that the store does not have, and writes their results to it.

    Raises:
      SpecError, DataError: before anything is trained, if a model, initialiser and data set don't fit together.
      StoreError, CheckpointError: the disk refused; what was finished is kept.
    """
    left = {config.trial_id() for config in configs if store.done(config.trial_id()) is None}
    if len(left) < len(configs):
        there = f"{len(configs) - len(left)} of {len(configs)} trials are in {store.folder} already"
        print(f"{there}; {len(left)} to train", file=sys.stderr)
    if not left:
        return Outcome()
    mapping = plan.mapping(options.pack)

    def packs(at_once: int) -> list[plan.Pack]:
        return plan.unfinished(plan.packs(configs, mapping, at_once), left)

    by_program: dict[Config, list[Config]] = {}
    for pack in packs(1):
        by_program.setdefault(pack.key, []).extend(pack.configs)
    with stop_flag(threading.Event()) as stop:
        runner = Runner(store, mapping, stop, options.checkpoint_seconds, lambda steps: None, options.data_dir)
        for key, members in by_program.items():
            runner.programs.check(key, members)
        steps = sum(runner.programs.steps(plan.Pack(key, tuple(members))) for key, members in by_program.items())
        with progress(steps, len(left)) as bar:
            runner.progress = bar.update
            return options.engine.run(packs, runner)
