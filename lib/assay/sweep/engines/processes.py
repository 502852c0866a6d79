"""The engine of worker processes on this machine; spawned, as a forked JAX deadlocks."""

import concurrent.futures
import contextlib
import functools
import multiprocessing
import queue
import signal
import threading
from typing import Any

from assay.sweep.engines.engine import collect, end_with_parent, Engine, Outcome, Plan, Settings, work
from assay.sweep.engines.local import cores
from assay.sweep.plan import Pack
from assay.sweep.runner import Runner


def processes(workers: int | None = None) -> Engine:
    """Trains in worker processes.

    Args:
      workers: their number; None for one a core.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be at least 1, not {workers}")
    return Engine(functools.partial(_run, workers or cores()))


def _run(workers: int, plan: Plan, runner: Runner) -> Outcome:
    spawn = multiprocessing.get_context("spawn")
    stop, steps = spawn.Event(), spawn.Queue()
    arguments = (Settings.of(runner), stop, steps)
    with concurrent.futures.ProcessPoolExecutor(workers, spawn, _start_worker, arguments) as pool:
        futures = {pool.submit(_work, pack): pack for pack in plan(workers)}

        def poll():
            if runner.stop.is_set():
                stop.set()
            with contextlib.suppress(queue.Empty):
                while True:
                    runner.progress(steps.get_nowait())

        return collect(futures, runner.store, stop, poll)


_worker: dict[str, Runner] = {}


def _start_worker(settings: Settings, stop: Any, steps: Any) -> None:
    # The parent tells workers when to stop; a terminal's Ctrl-C reaches the whole group and must not kill them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()
    _worker["runner"] = settings.runner(stop, steps.put)


def _work(pack: Pack) -> Outcome | Exception:
    return work(_worker["runner"], pack)
