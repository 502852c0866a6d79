"""The engine of worker processes on this machine; spawned, as a forked JAX deadlocks.

A pool ends as a whole when one of its processes is gone: the others save their trials, and a new pool goes on with what
is left.
"""

from collections.abc import Sequence
import concurrent.futures
import contextlib
import functools
import logging
import multiprocessing
import os
import queue
import signal
import threading
from typing import Any

from assay.exit_codes import STOPPED
from assay.sweep.engines.engine import collect, end_with_parent, Engine, failed, Outcome, Plan, Settings, work
from assay.sweep.engines.local import cores
from assay.sweep.plan import Pack
from assay.sweep.runner import Runner


def processes(workers: int | None = None, retries: int = 3) -> Engine:
    """Trains in worker processes.

    Args:
      workers: their number; None for one a core.
      retries: how often workers that are lost before any pack is finished are started again; then what is left has
        failed.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}")
    if retries < 0:
        raise ValueError(f"retries must be at least 0, not {retries}")
    return Engine(functools.partial(_run, workers or cores(), retries))


def _run(workers: int, retries: int, plan: Plan, runner: Runner) -> Outcome:
    left, outcome, in_vain = plan(workers), Outcome(), 0
    while left and not outcome.stopped:
        lost: dict[Pack, Exception] = {}
        found = _in_pool(workers, left, runner, lost)
        outcome.failures += found.failures
        outcome.stopped |= found.stopped or bool(lost) and runner.stop.is_set()
        in_vain = in_vain + 1 if len(lost) == len(left) else 0
        left = list(lost)
        if in_vain > retries:
            outcome.failures += [line for each in lost.items() for line in failed(runner.store, *each).failures]
            break
        if lost and not outcome.stopped:
            again = f"a worker process is gone; {len(left)} packs go on in new ones"
            logging.getLogger(__name__).warning(again)
    return outcome


def _in_pool(workers: int, packs: Sequence[Pack], runner: Runner, lost: dict[Pack, Exception]) -> Outcome:
    """Runs packs until all are done or a worker is gone; packs that it took with it are added to `lost`."""
    spawn = multiprocessing.get_context("spawn")
    stop, steps, counted = spawn.Event(), spawn.Queue(), 0
    arguments = (Settings.of(runner), stop, steps)

    def keep(pack: Pack, error: Exception) -> Outcome:
        lost[pack] = error
        return Outcome()

    def poll():
        nonlocal counted
        if runner.stop.is_set():
            stop.set()
        with contextlib.suppress(queue.Empty):
            while True:
                runner.progress(done := steps.get_nowait())
                counted += done

    with concurrent.futures.ProcessPoolExecutor(workers, spawn, _start_worker, arguments) as pool:
        outcome = collect({pool.submit(_work, pack): pack for pack in packs}, stop, keep, poll)
    if lost:  # they are counted again
        runner.progress(sum(runner.programs.steps(pack) for pack in packs if pack not in lost) - counted)
    return outcome


class _Stop:
    """Set when all workers are to stop, or this one."""

    def __init__(self, all_workers: Any):
        self._all_workers, self.alone = all_workers, False

    def is_set(self) -> bool:
        return self.alone or self._all_workers.is_set()

    def wait(self, seconds: float) -> bool:
        self._all_workers.wait(seconds)
        return self.is_set()


class _Worker:
    """This process. At SIGTERM it saves and ends: a pool sends that when a worker is gone, and schedulers do."""

    def __init__(self, settings: Settings, stop: Any, steps: Any):
        self._stop, self._busy = _Stop(stop), False
        self._runner = settings.runner(self._stop, steps.put)

    def end(self, *signal_and_frame: Any) -> None:
        del signal_and_frame
        self._stop.alone = True
        if not self._busy:
            os._exit(STOPPED)

    def work(self, pack: Pack) -> Outcome | Exception:
        self._busy = True
        found = work(self._runner, pack)
        self._busy = False
        if self._stop.alone:
            os._exit(STOPPED)
        return found


_worker: _Worker | None = None


def _start_worker(settings: Settings, stop: Any, steps: Any) -> None:
    global _worker
    # A terminal's Ctrl-C reaches the whole group; who hears it is the parent, which tells the workers to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()
    _worker = _Worker(settings, stop, steps)
    signal.signal(signal.SIGTERM, _worker.end)


def _work(pack: Pack) -> Outcome | Exception:
    return _worker.work(pack)
