"""Runs of one experiment by the command line's own function, each in a process that can be signalled and killed.

They are forked from a process that has imported everything and started nothing, so a run begins in a blink.
"""

from collections.abc import Callable, Iterator
import contextlib
import itertools
import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).parents[3]
ARGUMENTS = [
    "--init=he_normal", "--seeds=2", "--model=mlp(depth=4,width=128)", "--batch_size=4",
    "--probe=(0,500,-1)", "--checkpoint_seconds=0",
]  # fmt: skip

FORKING = """
import json, os, sys, traceback
import orbax.checkpoint, pyarrow.parquet, sklearn.datasets
from assay import cli, experiment
from experiments import init_activation as study

def run(arguments, output):
    file = os.open(output, os.O_WRONLY | os.O_CREAT, 0o600)
    for number in (1, 2):
        os.dup2(file, number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        code = cli.run("init_activation", study.__doc__, study.STUDY, study.CLAIMS, (), arguments)
    except BaseException:
        traceback.print_exc()
        code = 99
    sys.stdout.flush()
    os._exit(code)

for line in sys.stdin:
    name, *arguments = json.loads(line)
    if name == "fork":
        pid = os.fork()
        if not pid:
            run(*arguments)
        print(pid, flush=True)
    else:
        pid, status = os.waitpid(arguments[0], os.WNOHANG if name == "poll" else 0)
        print(os.waitstatus_to_exitcode(status) if pid else "running", flush=True)
"""


class Run:
    """A run under way."""

    def __init__(self, ask: Callable, runs: pathlib.Path, output: pathlib.Path, more: tuple[str, ...]):
        self._ask, self._output, self.runs = ask, output, runs
        self.pid = int(ask("fork", [f"--runs={runs}", *ARGUMENTS, *more], str(output)))
        self.code: int | None = None

    def poll(self) -> int | None:
        """The exit code, or None while it runs."""
        if self.code is None and (code := self._ask("poll", self.pid)) != "running":
            self.code = int(code)
        return self.code

    def end(self) -> tuple[int, str]:
        """Waits: exit code and everything it said."""
        if self.code is None:
            self.code = int(self._ask("wait", self.pid))
        return self.code, self._output.read_text()

    def send(self, number: int) -> None:
        """Signals it."""
        os.kill(self.pid, number)

    def wait_for_training(self) -> None:
        """Until it writes something of a trial, or ends."""
        before, deadline = _changes(self.runs), time.monotonic() + 120
        while self.poll() is None and time.monotonic() < deadline:
            if any(before.get(path) != at for path, at in _changes(self.runs).items()):
                return
            time.sleep(0.01)


def _changes(runs: pathlib.Path) -> dict[pathlib.Path, int]:
    """When each file of trials and checkpoints was written; one that goes while it is looked at does not count."""
    found = {}
    for folder, names, files in os.walk(runs):
        names[:] = [name for name in names if name not in ("locks", "slurm")]
        for path in (pathlib.Path(folder, name) for name in files if name != "lock"):
            with contextlib.suppress(FileNotFoundError):
                found[path] = path.stat().st_mtime_ns
    return found


def results(runs: pathlib.Path) -> dict:
    """What a study leaves that must not depend on interruptions: metrics byte for byte, done.json but its clock."""
    found = {}
    for done in sorted(runs.glob("init_activation/*/done.json")):
        record = json.loads(done.read_text())
        # The clock; and the hashes of what holds it, or holds the checkout's commit.
        del record["seconds"], record["sha256"], record["config_sha256"]
        found[done.parent.name] = record, (done.parent / "metrics.jsonl").read_bytes()
    return found


@pytest.fixture(scope="module")
def launch(tmp_path_factory) -> Iterator[Callable[..., Run]]:
    """launch(runs, *arguments, epochs=40, activation="tanh,relu") -> Run; epochs of 275 steps."""
    outputs, numbers = tmp_path_factory.mktemp("outputs"), itertools.count()
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'lib'}{os.pathsep}{ROOT}"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", FORKING], cwd=ROOT, env=environment, **pipes) as parent:

        def ask(*what):
            print(json.dumps(what), file=parent.stdin, flush=True)
            return parent.stdout.readline().strip()

        started = []

        def launched(runs: pathlib.Path, *more: str, epochs: int = 40, activation: str = "tanh,relu") -> Run:
            flags = (f"--epochs={epochs}", f"--activation={activation}", *more)
            started.append(Run(ask, runs, outputs / str(next(numbers)), flags))
            return started[-1]

        yield launched
        for run in started:
            if run.poll() is None:
                run.send(signal.SIGKILL)
                run.end()
        parent.stdin.close()


@pytest.fixture(scope="module")
def undisturbed(launch, tmp_path_factory) -> dict:
    """The results of a run that nothing happens to."""
    runs = tmp_path_factory.mktemp("undisturbed")
    code, output = launch(runs).end()
    assert code == 0, output
    return results(runs)
