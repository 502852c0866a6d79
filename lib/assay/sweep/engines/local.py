"""The engine of this process: a thread a core for solo trials on a CPU, one thread otherwise."""

import concurrent.futures
import functools
import os

import jax

from assay.sweep.engines.engine import collect, Engine, failed, Outcome, Plan, work
from assay.sweep.runner import Runner


def cores() -> int:
    """CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def local() -> Engine:
    """Trains in this process."""
    return Engine(_run)


def _run(plan: Plan, runner: Runner) -> Outcome:
    threads = cores() if runner.mapping == "loop" and jax.default_backend() == "cpu" else 1
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        futures = {pool.submit(work, runner, pack): pack for pack in plan(1)}
        return collect(futures, runner.stop, functools.partial(failed, runner.store))
