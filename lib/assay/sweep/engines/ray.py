"""The engine of a Ray cluster, or of Ray on this machine: every pack is a task (docs.ray.io, Ray Core).

Ray moves no results: workers write them into the store, whose folder all machines share. A task whose worker is lost is
tried again and goes on at the store's last checkpoint; one that raises is not, as an error is a result.
"""

from collections.abc import Iterator, Mapping
import concurrent.futures
import contextlib
import functools
import os
import threading
import warnings

from assay.spec import first_line, SpecError
from assay.sweep.engines.engine import collect, Engine, failed, Outcome, Plan, Settings, stop_flag, work
from assay.sweep.engines.extra import need
from assay.sweep.engines.local import cores
from assay.sweep.plan import Pack
from assay.sweep.runner import Runner

GRACE_SECONDS = 60.0


def ray(address: str = "local", cpus: float = 1.0, gpus: float = 0.0, retries: int = 3) -> Engine:
    """Trains by Ray.

    Args:
      address: "local" starts Ray on this machine for the time of the run; "auto" joins the cluster that RAY_ADDRESS
        names or that runs on this machine; otherwise the head's host:port.
      cpus, gpus: of every pack; fractions share one.
      retries: how often a pack is tried again that lost its worker.
    """
    need("ray", "ray")
    if cpus < 0 or gpus < 0 or retries < 0:
        raise ValueError("cpus, gpus and retries must be at least 0")
    run = functools.partial(_run, address, cpus, gpus, retries)
    return Engine(run, elsewhere=address != "local")


def _run(address: str, cpus: float, gpus: float, retries: int, plan: Plan, runner: Runner) -> Outcome:
    import ray

    with _joined(address), stop_flag(runner.stop):  # anew: Ray has taken SIGTERM for itself
        packs = plan(_at_once(cpus, gpus, ray.cluster_resources()))
        # A process that has used a GPU keeps its memory, so it takes one pack; a CPU's process keeps what it compiled.
        calls = 1 if gpus else 0
        task = ray.remote(num_cpus=cpus, num_gpus=gpus, max_retries=retries, max_calls=calls)(_work)
        settings = Settings.of(runner)
        tasks = [task.remote(settings, pack) for pack in packs]
        futures = {task.future(): pack for task, pack in zip(tasks, packs)}
        for future, pack in futures.items():
            future.add_done_callback(functools.partial(_advance, runner, pack))
        cancelled = threading.Event()

        def poll():
            if runner.stop.is_set() and not cancelled.is_set():
                cancelled.set()
                for task in tasks:
                    ray.cancel(task)

        try:
            return collect(futures, runner.stop, functools.partial(failed, runner.store), poll)
        finally:
            poll()  # an error has set the flag; what still runs saves before Ray ends it
            concurrent.futures.wait(futures, GRACE_SECONDS)


@contextlib.contextmanager
def _joined(address: str) -> Iterator[None]:
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    own = {"num_cpus": cores(), "include_dashboard": False, "object_store_memory": 100 * 2**20}
    try:
        with warnings.catch_warnings():
            # JAX warns of every fork; Ray's become other programs at once.
            warnings.filterwarnings("ignore", "os.fork", RuntimeWarning)
            ray.init(address, logging_level="error", **(own if address == "local" else {}))
    except (ConnectionError, RuntimeError, ValueError) as error:  # no cluster, or one of other versions
        raise SpecError(f"engine ray: {first_line(error)}") from error
    try:
        yield
    finally:
        ray.shutdown()


def _at_once(cpus: float, gpus: float, there: Mapping[str, float]) -> int:
    """Packs for which the cluster has room. For what no machine has, Ray waits for ever, and silently."""
    counts = [there.get(kind, 0) // each for kind, each in (("CPU", cpus), ("GPU", gpus)) if each]
    if counts and min(counts) < 1:
        has = f"{there.get('CPU', 0):g} CPUs and {there.get('GPU', 0):g} GPUs"
        raise SpecError(f"engine ray: a pack is to have {cpus:g} CPUs and {gpus:g} GPUs, and the cluster has {has}")
    return int(min(counts, default=1))


def _advance(runner: Runner, pack: Pack, future: object) -> None:
    del future
    if not runner.stop.is_set():
        runner.progress(runner.programs.steps(pack))


@functools.cache
def _runner(settings: Settings) -> Runner:
    return settings.runner(threading.Event(), lambda steps: None)


def _work(settings: Settings, pack: Pack) -> Outcome | Exception:
    """In a worker. Ray cancels by a KeyboardInterrupt, which means here what Ctrl-C means: save and stop."""
    runner = _runner(settings)
    with stop_flag(threading.Event()) as runner.stop:
        return work(runner, pack)
