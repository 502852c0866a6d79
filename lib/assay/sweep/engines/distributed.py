"""The engine of one job of processes on this machine, which train each trial together; and its supervisor.

A process that dies takes the job with it (the runtime aborts the others, or their next sum over all of them fails): the
supervisor ends what is left and starts the job again, which goes on at the last checkpoint. On a cluster the scheduler
does this: it starts the same command once a process, with what assay.sweep.job.join looks for in the environment.
"""

from collections.abc import Sequence
import functools
import logging
import multiprocessing
import os
import queue
import signal
import threading
from typing import Any

from assay.exit_codes import OK
from assay.spec import SpecError
from assay.sweep import job
from assay.sweep.engines.engine import end_with_parent, Engine, failed, Outcome, Plan, POLL_SECONDS, Settings, work
from assay.sweep.follow import follow
from assay.sweep.plan import Pack
from assay.sweep.runner import Runner


def distributed(processes: int = 2, retries: int = 3) -> Engine:
    """Trains each trial in several processes of this machine, with --pack=data.

    Args:
      processes: of the job; accelerators are divided among them.
      retries: how often a trial is gone on with after a process of the job has died; then it has failed.
    """
    if processes < 2:
        raise ValueError(f"processes must be at least 2, not {processes}; one process needs no job")
    if retries < 0:
        raise ValueError(f"retries must be at least 0, not {retries}")
    return Engine(functools.partial(_run, processes, retries))


def _run(processes: int, retries: int, plan: Plan, runner: Runner) -> Outcome:
    if runner.mapping != "data":
        raise SpecError("--engine=distributed trains each trial in all processes: it needs --pack=data")
    supervised, lost = _Job(processes, plan(1), runner), 0
    while supervised.left and not supervised.outcome.stopped:
        under_way = supervised.left[0]
        try:
            supervised.run()
        except job.JobLost as error:
            lost = lost + 1 if supervised.left[0] is under_way else 1
            if runner.stop.is_set():
                supervised.outcome.stopped = True
            elif lost > retries:
                supervised.give_up(error)
                lost = 0
            else:
                again = f"{error}; it is started again and goes on at its last checkpoint"
                logging.getLogger(__name__).warning("%s (%d of %d)", again, lost, retries)
    return supervised.outcome


class _Job:
    """The packs that are left, and what became of the others."""

    def __init__(self, processes: int, packs: Sequence[Pack], runner: Runner):
        self._processes, self._runner = processes, runner
        self.left, self.outcome = list(packs), Outcome()
        self._steps = 0  # reported of the pack under way

    def give_up(self, error: Exception) -> None:
        """Leaves the pack under way: its trials have failed."""
        self.outcome.failures += failed(self._runner.store, self.left.pop(0), error).failures

    def run(self) -> None:
        """Starts the processes and waits for them.

        Raises:
          JobLost: one of them died.
        """
        # New for every start: a killed process may have taken their locks with it.
        spawn = multiprocessing.get_context("spawn")
        stop, events = spawn.Event(), spawn.Queue()
        self._runner.progress(-self._steps)
        self._steps = 0
        settings = Settings.of(self._runner)
        members = [
            spawn.Process(target=_member, args=(environment, self.left, settings, stop, events))
            for environment in job.environments(self._processes)
        ]
        try:
            for member in members:
                member.start()
            while self.left and not self.outcome.stopped:
                if self._runner.stop.is_set():
                    stop.set()
                try:
                    self._take(events.get(timeout=POLL_SECONDS))
                except queue.Empty:
                    _raise_if_dead(members)
            for member in members:
                member.join(job.HEARTBEAT_SECONDS)
        finally:
            for member in members:
                member.kill()
                member.join()

    def _take(self, event: int | Outcome | Exception) -> None:
        """Steps that were trained, or what became of the pack under way."""
        if isinstance(event, Exception):
            raise event
        if isinstance(event, int):
            self._steps += event
            self._runner.progress(event)
            return
        self.outcome.failures += event.failures
        self.outcome.stopped |= event.stopped
        self._steps = 0
        del self.left[0]


def _raise_if_dead(members: Sequence[Any]) -> None:
    codes = {i: member.exitcode for i, member in enumerate(members)}
    if dead := [f"process {i} ended with {code}" for i, code in codes.items() if code is not None]:
        raise job.JobLost(f"the job broke: {', '.join(dead)}")


def _member(environment: dict[str, str], packs: Sequence[Pack], settings: Settings, stop: Any, events: Any) -> None:
    # The supervisor tells the job when to stop; a terminal's Ctrl-C reaches the whole group and must not kill it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()
    os.environ.update(environment)
    job.join("data")
    runner = settings.runner(stop, events.put)
    if job.follows():
        follow(settings.data_dir)
        return
    job.lead(functools.partial(_lead, packs, runner, events))


def _lead(packs: Sequence[Pack], runner: Runner, events: Any) -> int:
    for pack in packs:
        found = work(runner, pack)
        events.put(found)
        if isinstance(found, Exception) or found.stopped:
            break
    return OK
