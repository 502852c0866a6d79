"""Engine: runs the packs of a plan on this machine, by threads or by worker processes, until done or told to stop."""

from collections.abc import Callable, Iterator, Sequence
import concurrent.futures
import contextlib
import dataclasses
import multiprocessing
import os
import queue
import signal
import threading
import traceback
from typing import Any

import jax
from assay.config import Config
from assay.data import DataError
from assay.spec import first_line, SpecError
from assay.sweep import plan
from assay.sweep.plan import Pack
from assay.sweep.progress import progress
from assay.sweep.runner import Runner
from assay.sweep.files import StoreError
from assay.sweep.store import Store
from assay.train.checkpoint import CheckpointError

POLL_SECONDS = 0.2


@dataclasses.dataclass(frozen=True)
class Options:
    """How trials are run; none of it changes a result (see assay.sweep.pack for the mappings).

    Attributes:
      pack: auto, loop, map, vmap, shard or data.
      workers: 0 trains in this process; otherwise that many spawned worker processes.
      checkpoint_seconds: time between checkpoints of a trial.
      data_dir: where data lies (None: assay.data.default_data_dir).
    """

    pack: str = "auto"
    workers: int = 0
    checkpoint_seconds: float = 60.0
    data_dir: str | None = None


@dataclasses.dataclass
class Outcome:
    """What became of a run.

    Attributes:
      failures: one line for each trial that raised an error.
      stopped: whether SIGTERM or Ctrl-C ended it before its end.
    """

    failures: list[str] = dataclasses.field(default_factory=list)
    stopped: bool = False


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run(configs: Sequence[Config], store: Store, options: Options) -> Outcome:
    """Trains every Config and writes its results to the store.

    Raises:
      SpecError, DataError: before anything is trained, if a model, initialiser and data set don't fit together.
      StoreError, CheckpointError: the disk refused; what was finished is kept.
    """
    mapping = plan.mapping(options.pack)
    packs = plan.packs(configs, mapping)
    with _stop_flag(threading.Event()) as stop:
        runner = Runner(store, mapping, stop, options.checkpoint_seconds, lambda steps: None, options.data_dir)
        total = 0
        for key in dict.fromkeys(pack.key for pack in packs):
            mine = [config for pack in packs if pack.key == key for config in pack.configs]
            runner.check(key, mine)
            total += runner.packed_program(key).program.steps * len(mine)
        with progress(total, len(configs)) as bar:
            runner.progress = bar.update
            if options.workers:
                return _in_processes(packs, store, mapping, options, stop, bar.update)
            threads = cores() if mapping == "loop" and jax.default_backend() == "cpu" else 1
            return _in_threads(packs, runner, threads, stop)


def _in_threads(packs: Sequence[Pack], runner: Runner, threads: int, stop: threading.Event) -> Outcome:
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        futures = {pool.submit(_run_unless_stopped, runner, pack): pack for pack in packs}
        return _collect(futures, runner.store, stop, lambda: None)


def _run_unless_stopped(runner: Runner, pack: Pack) -> bool:
    return False if runner.stop.is_set() else runner.run(pack)


def _collect(
    futures: dict[concurrent.futures.Future, Pack], store: Store, stop: Any, poll: Callable[[], None]
) -> Outcome:
    """Waits for all packs; a trial's error is a result, an error of the disk or the data ends the run."""
    outcome, pending = Outcome(), set(futures)
    try:
        while pending:
            done, pending = concurrent.futures.wait(pending, POLL_SECONDS, concurrent.futures.FIRST_COMPLETED)
            poll()
            for future in done:
                try:
                    outcome.stopped |= not future.result()
                except (StoreError, CheckpointError, DataError, SpecError):
                    raise
                except Exception as error:
                    outcome.failures += _failures(futures[future], error, store)
    finally:
        if pending:
            stop.set()
    return outcome


def _failures(pack: Pack, error: Exception, store: Store) -> list[str]:
    """One line a trial; the whole story goes to its error.txt."""
    reason = f"{type(error).__name__}: {first_line(error)}"
    failures = []
    for config in pack.configs:
        path = store.write_error(config.trial_id(), "".join(traceback.format_exception(error)))
        arm = f"{config.model}, {config.activation}, {config.init}, seed {config.seed}"
        failures.append(f"trial {config.trial_id()} ({arm}) failed: {reason}; details in {path}")
    return failures


_worker: dict[str, Any] = {}


def _start_worker(root: str, study: str, mapping: str, options: Options, stop: Any, steps: Any) -> None:
    # The parent tells workers when to stop; a terminal's Ctrl-C reaches the whole group and must not kill them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    _worker["runner"] = Runner(Store(root, study), mapping, stop, options.checkpoint_seconds, steps.put, options.data_dir)


def _work(pack: Pack) -> bool:
    return _run_unless_stopped(_worker["runner"], pack)


def _in_processes(
    packs: Sequence[Pack],
    store: Store,
    mapping: str,
    options: Options,
    stop: threading.Event,
    update: Callable[[int], Any],
) -> Outcome:
    spawn = multiprocessing.get_context("spawn")
    workers_stop, steps = spawn.Event(), spawn.Queue()
    arguments = (str(store.root), store.study, mapping, options, workers_stop, steps)
    with concurrent.futures.ProcessPoolExecutor(options.workers, spawn, _start_worker, arguments) as pool:
        futures = {pool.submit(_work, pack): pack for pack in packs}

        def poll():
            if stop.is_set():
                workers_stop.set()
            with contextlib.suppress(queue.Empty):
                while True:
                    update(steps.get_nowait())

        return _collect(futures, store, workers_stop, poll)


@contextlib.contextmanager
def _stop_flag(stop: threading.Event) -> Iterator[threading.Event]:
    """Turns SIGTERM and Ctrl-C into a flag that is looked at between chunks; a second Ctrl-C interrupts at once."""
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def handle(number, frame):
        if stop.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
