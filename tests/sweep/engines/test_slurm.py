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


def log(runs) -> str:
    """What the jobs said."""
    return "".join(path.read_text() for path in runs.glob("init_activation/slurm/*.err"))


def test_a_job_at_its_time_limit_and_a_killed_driver_change_nothing(launch, undisturbed, tmp_path):
    engine = "--engine=slurm(cluster='local',jobs=1)"
    run = launch(tmp_path, engine)
    run.wait_for_training()
    (job,) = jobs(tmp_path)
    job.send_signal(signal.SIGUSR2)  # what SLURM sends shortly before the limit
    assert not psutil.wait_procs([job], timeout=60)[1]
    run.wait_for_training()  # by the same job, queued again
    (job,) = jobs(tmp_path)
    job.suspend()  # so that it is still there when the next one comes
    run.send(signal.SIGKILL)
    run.end()
    again, deadline = launch(tmp_path, engine), time.monotonic() + 120
    while "is being trained by another process; waiting" not in log(tmp_path):
        assert again.poll() is None and time.monotonic() < deadline, log(tmp_path)
        time.sleep(0.1)
    job.resume()
    code, output = again.end()
    assert code == 0, output
    assert results(tmp_path) == undisturbed
    assert not psutil.wait_procs(jobs(tmp_path), timeout=60)[1]
