"""The engine of a SLURM cluster: an array of jobs, through submitit (Facebook Research, 2018).

The packs are dealt out to the jobs, each of which trains its share as the local engine does. A job that comes to its
time limit, or is preempted, saves its trials and is queued again; results are in the store, whose folder all machines
share. Jobs outlive the command that sent them: begun anew, it sends others, which wait for trials that are under way.
"""

import dataclasses
import functools
import sys
import threading
import time
from typing import Any

from assay.exit_codes import STOPPED
from assay.spec import first_line, SpecError
from assay.sweep.engines.engine import Engine, ENDS_RUN, failed, Outcome, Plan, POLL_SECONDS, Settings, stop_flag
from assay.sweep.engines.extra import need
from assay.sweep.engines.local import local
from assay.sweep.plan import Pack
from assay.sweep.runner import Runner

REQUEUES = 1000  # after time-outs; every one of them leaves a checkpoint further on


def slurm(
    partition: str | None = None,
    account: str | None = None,
    minutes: int = 60,
    jobs: int = 16,
    cpus: int = 1,
    gpus: int = 0,
    memory_gb: int | None = None,
    cluster: str = "slurm",
) -> Engine:
    """Trains by an array of SLURM jobs.

    Args:
      partition, account: None for the cluster's own choice.
      minutes: time limit of a job; one that needs longer is queued again.
      jobs: most jobs of the array.
      cpus, gpus, memory_gb: of every job.
      cluster: "slurm", or "local" for the same jobs as processes of this machine.
    """
    need("submitit", "slurm")
    if minutes < 1 or jobs < 1 or cpus < 1 or gpus < 0 or (memory_gb is not None and memory_gb < 1):
        raise ValueError("minutes, jobs, cpus and memory_gb must be at least 1, gpus at least 0")
    if cluster not in ("slurm", "local"):
        raise ValueError(f"cluster must be slurm or local, not {cluster!r}")
    resources = {"slurm_partition": partition, "slurm_account": account, "timeout_min": minutes, "mem_gb": memory_gb}
    resources |= {"cpus_per_task": cpus, "gpus_per_node": gpus or None}
    return Engine(functools.partial(_run, cluster, jobs, resources), elsewhere=cluster == "slurm")


def _run(cluster: str, most: int, resources: dict[str, Any], plan: Plan, runner: Runner) -> Outcome:
    import submitit

    settings, packs = Settings.of(runner), plan(most)
    shares = [Share(settings, tuple(packs[i::most])) for i in range(min(most, len(packs)))]
    folder = runner.store.folder.absolute() / "slurm"
    try:
        executor = submitit.AutoExecutor(folder, cluster, **{f"{cluster}_max_num_timeout": REQUEUES})
        executor.update_parameters(name=f"assay-{runner.store.study}", **resources)
        with executor.batch():
            jobs = [executor.submit(share) for share in shares]
    except RuntimeError as error:  # no SLURM here, or it refuses the job
        raise SpecError(f"engine slurm: {first_line(error)}") from error
    return _collect(dict(zip(jobs, shares)), runner)


@dataclasses.dataclass(frozen=True)
class Share:
    """What a job does."""

    settings: Settings
    packs: tuple[Pack, ...]

    def __call__(self) -> Outcome | Exception:
        with stop_flag(threading.Event()) as stop:
            try:
                outcome = local().run(lambda at_once: self.packs, self.settings.runner(stop, lambda steps: None))
            except ENDS_RUN as error:
                return error
        if outcome.stopped:
            sys.exit(STOPPED)  # no result: if it was preempted, SLURM starts the job again
        return outcome

    def checkpoint(self) -> Any:
        """Called by submitit shortly before the time limit: what to do when the job is started again."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def _collect(jobs: dict[Any, Share], runner: Runner) -> Outcome:
    outcome, pending, cancelled = Outcome(), list(jobs), False
    try:
        while pending:
            if runner.stop.is_set() and not cancelled:
                cancelled = True
                for job in pending:
                    job.cancel(check=False)
            for job in [job for job in pending if job.done()]:
                pending.remove(job)
                found = _result(job, jobs[job], runner)
                outcome.failures += found.failures
                outcome.stopped |= found.stopped
            time.sleep(POLL_SECONDS)
    finally:
        for job in pending:
            job.cancel(check=False)
    return outcome


def _result(job: Any, share: Share, runner: Runner) -> Outcome:
    """What became of a job; a job without result was cancelled, or lost."""
    from submitit.core.utils import UncompletedJobError

    try:
        found = job.result()
    except UncompletedJobError as error:
        lost, found = error, Outcome(stopped=runner.stop.is_set())
        if not found.stopped:
            found.failures += [line for pack in share.packs for line in failed(runner.store, pack, lost).failures]
    if isinstance(found, Exception):
        raise found
    if not found.stopped:
        runner.progress(sum(map(runner.programs.steps, share.packs)))
    return found
