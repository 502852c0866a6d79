"""Ray, really: one session on this machine, two workers, one of them lost twice."""

import hashlib
import os
import pathlib
import signal
import time

import psutil

from assay.sweep.engines import cores
from tests.sweep.engines.conftest import results


def training(driver: int) -> dict[str, int]:
    """The processes that hold trials' locks, by trial."""
    found = {}
    for process in psutil.Process(driver).children(recursive=True):
        try:
            if "ray::_work" not in process.cmdline()[0]:
                continue
            files = [pathlib.Path(file.path) for file in process.open_files()]
        except (psutil.Error, IndexError):  # it ended
            continue
        found |= {file.name: process.pid for file in files if file.parent.name == "locks"}
    return found


def test_a_worker_lost_twice_changes_nothing(launch, tmp_path, tmp_path_factory):
    undisturbed = tmp_path_factory.mktemp("undisturbed")
    launch(undisturbed, "--seeds=1", epochs=80).end()
    run = launch(tmp_path, "--seeds=1", f"--engine=ray(cpus={cores() / 2})", epochs=80)
    victim, seen, killed, together, deadline = "", set(), [], 0, time.monotonic() + 300
    while run.poll() is None and time.monotonic() < deadline:
        at = training(run.pid)
        together = max(together, len(at))
        victim = victim or (min(at) if len(at) == 2 else "")
        folder = tmp_path / "init_activation" / "packs" / hashlib.sha256(victim.encode()).hexdigest()[:16]
        saved = set(folder.glob("*/manifest.json"))
        if len(killed) < 2 and victim in at and at[victim] not in killed and saved - seen:
            os.kill(at[victim], signal.SIGKILL)
            killed.append(at[victim])
            seen |= saved
        time.sleep(0.05)
    code, output = run.end()
    assert code == 0, output
    assert (len(killed), together) == (2, 2)
    assert results(tmp_path) == results(undisturbed) != {}
