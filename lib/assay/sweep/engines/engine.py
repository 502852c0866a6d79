"""Engine: what carries a plan's packs out, here or elsewhere; and what every engine does with a pack and its errors."""

from collections.abc import Callable, Iterator, Mapping, Sequence
import concurrent.futures
import contextlib
import dataclasses
import logging
import multiprocessing
import os
import queue
import signal
import sys
import threading
import traceback
from typing import Any, NamedTuple

import jax

from assay.data import DataError
from assay.ops.compiler import cache_compiled
from assay.spec import first_line, SpecError
from assay.sweep.files import StoreError
from assay.sweep.job import JobLost
from assay.sweep.locks import trial_locks
from assay.sweep.pack import no_room
from assay.sweep.plan import Pack
from assay.sweep.runner import Runner
from assay.sweep.store import Store
from assay.train.checkpoint import CheckpointError

_LOG = logging.getLogger(__name__)
POLL_SECONDS = 0.2
# These would befall every other trial as well. All else that a trial raises is a result of that trial.
ENDS_RUN = (StoreError, CheckpointError, DataError, SpecError, JobLost)


@dataclasses.dataclass
class Outcome:
    """What became of a run.

    Attributes:
      failures: one line for each trial that raised an error.
      stopped: whether SIGTERM or Ctrl-C ended it before its end.
    """

    failures: list[str] = dataclasses.field(default_factory=list)
    stopped: bool = False


@dataclasses.dataclass(frozen=True)
class Settings:
    """What a runner is made of, for another process to make one of."""

    root: str
    study: str
    mapping: str
    checkpoint_seconds: float
    data_dir: str | None
    folder: str  # where paths and modules that Specs name are looked up
    compiled: str | None  # folder of the persistent compilation cache

    @classmethod
    def of(cls, runner: Runner) -> "Settings":
        """The settings of this process's runner."""
        data_dir = runner.data_dir and os.path.abspath(runner.data_dir)
        where = (os.getcwd(), jax.config.jax_compilation_cache_dir)
        store = runner.store
        return cls(str(store.root.absolute()), store.study, runner.mapping, runner.checkpoint_seconds, data_dir, *where)

    def runner(self, stop: Any, progress: Callable[[int], Any]) -> Runner:
        """A runner of these settings, in the process that is to use it."""
        os.chdir(self.folder)
        if self.folder not in sys.path:
            sys.path.insert(0, self.folder)
        cache_compiled(self.compiled)
        store = Store(self.root, self.study)
        return Runner(store, self.mapping, stop, self.checkpoint_seconds, progress, self.data_dir)


# Gives the packs that are to be run, from how many the engine can run at once.
Plan = Callable[[int], Sequence[Pack]]


class Engine(NamedTuple):
    """What takes a plan's packs to their results in the store.

    Attributes:
      run: run(plan, runner). The runner is this process's own; it says what to run with elsewhere (Settings), when to
        stop, and where to report progress. Returns when no pack runs any more, and raises ENDS_RUN after it has
        stopped the others.
      elsewhere: whether packs run on other machines, whose devices may be of another kind than this one's.
    """

    run: Callable[[Plan, Runner], Outcome]
    elsewhere: bool = False


def work(runner: Runner, pack: Pack) -> Outcome | Exception:
    """Runs those trials of a pack that nobody else trains or has finished, unless it is time to stop.

    Returns:
      What became of it. An error that ends the run is returned, so that it reaches another process as what it is.
    """
    try:
        with trial_locks(runner.store.folder, [c.trial_id() for c in pack.configs], runner.stop) as held:
            left = tuple(c for c in pack.configs if runner.store.done(c.trial_id()) is None)
            pack = Pack(pack.key, left)
            if not held or runner.stop.is_set():
                return Outcome(stopped=True)
            if not left or not _halved_before(runner, pack):
                return Outcome(stopped=bool(left) and not runner.run(pack))
    except ENDS_RUN as error:
        return error
    except Exception as error:
        if len(pack.configs) == 1 or not no_room(error):
            return failed(runner.store, pack, error)
        count, model = len(pack.configs), pack.key.model
        _LOG.warning("the device's memory has no room for %d trials of %s at once; halved", count, model)
        runner.forget(pack)
    # Not in the handler, as the error keeps the pack's arrays.
    outcome = Outcome()
    for half in _halves(pack):
        found = work(runner, half)
        if isinstance(found, Exception):
            return found
        outcome.failures += found.failures
        outcome.stopped |= found.stopped
    return outcome


def _halves(pack: Pack) -> list[Pack]:
    middle = len(pack.configs) // 2
    return [Pack(pack.key, configs) for configs in (pack.configs[:middle], pack.configs[middle:])]


def _halved_before(runner: Runner, pack: Pack) -> bool:
    """Whether parts of a pack have checkpoints: the whole would not fit now either, and beginning it ends theirs."""
    if len(pack.configs) == 1 or runner.begun(pack):
        return False
    return any(runner.begun(half) or _halved_before(runner, half) for half in _halves(pack))


def failed(store: Store, pack: Pack, error: Exception) -> Outcome:
    """One line a trial that is not finished; the whole story goes to its error.txt."""
    reason = f"{type(error).__name__}: {first_line(error)}"
    failures = []
    for config in pack.configs:
        if store.done(config.trial_id()) is not None:
            continue
        path = store.write_error(config.trial_id(), "".join(traceback.format_exception(error)))
        arm = f"{config.model}, {config.activation}, {config.init}, seed {config.seed}"
        failures.append(f"trial {config.trial_id()} ({arm}) failed: {reason}; details in {path}")
    return Outcome(failures)


def collect(
    futures: Mapping[concurrent.futures.Future, Pack],
    stop: Any,
    lost: Callable[[Pack, Exception], Outcome],
    poll: Callable[[], None] = lambda: None,
) -> Outcome:
    """Waits for all packs.

    Args:
      futures: of `work`; one that raises has lost its process.
      stop: set where an error ends the run.
      lost: what becomes of a pack that has lost its process.
      poll: called a few times a second.
    """
    # They report here: concurrent.futures.wait would look at all that are left whenever one is done.
    done: queue.SimpleQueue[concurrent.futures.Future] = queue.SimpleQueue()
    for future in futures:
        future.add_done_callback(done.put)
    outcome, left = Outcome(), len(futures)
    try:
        while left:
            try:
                future = done.get(timeout=POLL_SECONDS)
            except queue.Empty:
                poll()
                continue
            left -= 1
            poll()
            found = _result(future, futures[future], stop, lost)
            if isinstance(found, Exception):
                raise found
            outcome.failures += found.failures
            outcome.stopped |= found.stopped
    finally:
        if left:
            stop.set()
    return outcome


def _result(
    future: concurrent.futures.Future, pack: Pack, stop: Any, lost: Callable[[Pack, Exception], Outcome]
) -> Outcome | Exception:
    error = future.exception()
    if error is None:
        return future.result()
    return Outcome(stopped=True) if stop.is_set() else lost(pack, error)


def end_with_parent() -> None:
    """Ends this process when its parent has ended: a killed parent closes no queue, and it would wait for ever."""
    multiprocessing.parent_process().join()
    os._exit(1)


@contextlib.contextmanager
def stop_flag(stop: threading.Event) -> Iterator[threading.Event]:
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
