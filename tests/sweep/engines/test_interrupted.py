"""Studies that are killed, stopped, rerun or divided; all with real processes and signals."""

import contextlib
import random
import signal
import time

import psutil
import pytest

from tests.sweep.engines.conftest import results


def test_killed_at_twenty_random_moments_ends_bit_identical(launch, tmp_path_factory, tmp_path):
    moments, undisturbed = random.Random(20261121), tmp_path_factory.mktemp("undisturbed")
    for kill in range(20):
        run = launch(tmp_path, activation="tanh", epochs=320)
        # Much of a life is start-up; the moments that matter begin with the first sign of training.
        run.wait_for_training()
        time.sleep(moments.uniform(0, 0.25))
        run.send(signal.SIGKILL)
        code, output = run.end()
        assert code == -signal.SIGKILL, f"ended before kill {kill}: {output}"
    for runs in (tmp_path, undisturbed):
        code, output = launch(runs, activation="tanh", epochs=320).end()
        assert code == 0, output
    assert results(tmp_path) == results(undisturbed)
    assert not list((tmp_path / "init_activation" / "packs").glob("*"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_by_a_signal_it_says_so_and_resumes(launch, undisturbed, tmp_path, number):
    run = launch(tmp_path)
    run.wait_for_training()
    run.send(number)
    code, output = run.end()
    assert code == 75, output
    assert "stopped; the same command goes on where this one was" in output
    assert list((tmp_path / "init_activation" / "packs").glob("*/*/manifest.json"))
    code, output = launch(tmp_path).end()
    assert code == 0, output
    assert results(tmp_path) == undisturbed


def test_worker_processes_give_the_same_bits_stop_together_and_end_with_their_parent(launch, undisturbed, tmp_path):
    run = launch(tmp_path, "--engine=processes(workers=1)")
    run.wait_for_training()
    run.send(signal.SIGTERM)
    code, output = run.end()
    assert code == 75, output
    run = launch(tmp_path, "--engine=processes(workers=1)")
    run.wait_for_training()
    workers = psutil.Process(run.pid).children()
    run.send(signal.SIGKILL)
    run.end()
    assert workers and not psutil.wait_procs(workers, timeout=60)[1]
    run = launch(tmp_path, "--engine=processes(workers=2)")
    run.wait_for_training()
    training(run).kill()
    code, output = run.end()
    assert code == 0 and "a worker process is gone" in output, output
    assert results(tmp_path) == undisturbed


def training(run) -> psutil.Process:
    """A worker that holds a trial's lock."""
    while True:
        assert run.poll() is None
        for worker in psutil.Process(run.pid).children():
            with contextlib.suppress(psutil.Error):
                if any("/locks/" in file.path for file in worker.open_files()):
                    return worker


def test_parts_at_the_same_time_make_the_whole(launch, undisturbed, tmp_path):
    # One of them twice, as when a cluster gives a job up that still runs.
    parts = [launch(tmp_path, f"--part={part}") for part in ("0/2", "1/2", "0/2")]
    parts[0].wait_for_training()
    code, output = launch(tmp_path).end()
    assert code == 1 and "is run by processes that train parts of it" in output
    for part in parts:
        code, output = part.end()
        assert code == 0 and "the same command without --part writes the report" in output, output
    assert results(tmp_path) == undisturbed
    assert not (tmp_path / "init_activation" / "results.parquet").exists()
    code, output = launch(tmp_path).end()
    assert code == 0 and "4 of 4 trials are in" in output
    assert (tmp_path / "init_activation" / "report.html").exists()
    assert not list((tmp_path / "init_activation" / "locks").iterdir())


def test_a_full_disk_is_one_line_and_nothing_is_lost(launch, undisturbed, small_disk):
    folder = small_disk(200)
    code, output = launch(folder).end()
    lines = [line for line in output.splitlines() if not line.startswith("4 trials:")]
    assert code == 1 and len(lines) == 1 and "the disk is full" in lines[0], output
    small_disk(64 * 1024)
    code, output = launch(folder).end()
    assert code == 0, output
    assert results(folder) == undisturbed


def test_two_runs_of_one_study_do_not_mix(launch, tmp_path):
    first = launch(tmp_path)
    first.wait_for_training()
    code, output = launch(tmp_path).end()
    assert code == 1 and str(first.pid) in output, output
    first.send(signal.SIGKILL)
    first.end()
