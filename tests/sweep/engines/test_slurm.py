"""submitit, really: by its executor that starts jobs as processes of this machine."""

import signal
import time

import psutil

from tests.sweep.engines.conftest import results


def jobs(runs) -> list[psutil.Process]:
    """Jobs that submitit started for runs in this folder; they outlive who started them."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if "submitit.core._submit" in (line := process.info["cmdline"] or []) and str(runs) in line[-1]
    ]


def test_a_job_at_its_time_limit_and_a_killed_driver_change_nothing(launch, undisturbed, tmp_path):
    engine = "--engine=slurm(cluster='local',jobs=1)"
    run = launch(tmp_path, engine)
    run.wait_for_training()
    (job,) = jobs(tmp_path)
    job.send_signal(signal.SIGUSR2)  # what SLURM sends shortly before the limit
    assert not psutil.wait_procs([job], timeout=60)[1]
    run.wait_for_training()  # by the same job, queued again
    run.send(signal.SIGKILL)
    run.end()
    assert jobs(tmp_path)
    code, output = launch(tmp_path, engine).end()
    assert code == 0, output
    assert results(tmp_path) == undisturbed
    log = "".join(path.read_text() for path in tmp_path.glob("init_activation/slurm/*.err"))
    assert "is being trained by another process; waiting" in log
    deadline = time.monotonic() + 60
    while jobs(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not jobs(tmp_path)
