"""One job of two processes: it trains what one trains, and a process that is killed costs a restart and no bit."""

import functools
import json
import logging
import multiprocessing
import os
import pathlib
import subprocess
import sys
import threading
import time

import pytest

from assay.config import Config, from_json
from assay.spec import SpecError
from assay.sweep import engines, job
from assay.sweep.engines.distributed import distributed
from assay.sweep.store import Store
from assay.train.canonical import canonical

ROOT = pathlib.Path(__file__).parents[3]
ARGUMENTS = [
    "--activation=tanh", "--init=he_normal", "--seeds=1", "--model=mlp(depth=1,width=16)", "--norm=batch_norm",
    "--batch_size=50", "--evals=3", "--probe=()", "--pack=data",
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def quick(tmp_path_factory):
    """The processes of a job compile little, and all of them once."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XLA_FLAGS", "--xla_backend_optimization_level=0")
        patch.setenv("XDG_CACHE_HOME", str(cache))
        patch.setenv("JAX_COMPILATION_CACHE_DIR", str(cache / "assay" / "compiled"))
        patch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        yield


def results(store, config):
    """What must not depend on who started the processes, or on one that was killed."""
    done = store.done(config.trial_id())
    for clock_and_checkout in ("seconds", "config_sha256"):
        del done[clock_and_checkout]
    assert not list(store.folder.glob("packs/*"))
    return done, (store.folder / config.trial_id() / "metrics.jsonl").read_bytes()


def numbers(record):
    return {name: value for name, value in record.items() if value is not None}


def started(runs, epochs=2):
    """The same command once a process, as a scheduler starts it."""
    path = {"PYTHONPATH": f"{ROOT / 'lib'}{os.pathsep}{ROOT}"}
    command = [sys.executable, "-m", "experiments.init_activation", f"--runs={runs}", f"--epochs={epochs}"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return [
        subprocess.Popen([*command, *ARGUMENTS], cwd=ROOT, env=os.environ | path | place, **pipes)
        for place in job.environments(2)
    ]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """A job that nothing happens to: the store and the one trial's Config."""
    runs = tmp_path_factory.mktemp("undisturbed")
    processes = started(runs)
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    assert "Report: " in outputs[0] and "Report: " not in outputs[1]
    store = Store(runs, "init_activation")
    [file] = store.folder.glob("*/config.json")
    return store, from_json(json.loads(file.read_text())["config"])


def test_two_processes_train_what_one_trains(undisturbed, tmp_path):
    store, config = undisturbed
    alone = Store(tmp_path, "study")
    engines.run([config], alone, engines.Options(pack="loop"))
    assert store.config(config.trial_id())["provenance"]["device"] == "2 x cpu"
    ours, theirs = (s.metrics(config.trial_id()) + [s.done(config.trial_id())["final"]] for s in (store, alone))
    # Batch normalisation by halves of a batch would be far off: this is the rounding of sums in another order.
    for one, other in zip(ours, theirs, strict=True):
        assert numbers(one) == pytest.approx(numbers(other), rel=1e-4)


def test_a_killed_process_costs_a_restart_and_no_bit(undisturbed, tmp_path, caplog):
    (expected, config), store = undisturbed, Store(tmp_path, "study")
    killed = []

    def kill_midway():
        deadline = time.monotonic() + 120
        while not list(store.folder.glob("packs/*/*/manifest.json")) and time.monotonic() < deadline:
            time.sleep(0.005)
        killed.append(max(multiprocessing.active_children(), key=lambda child: child.pid))
        killed[0].kill()

    threading.Thread(target=kill_midway).start()
    options = engines.Options(pack="data", engine=distributed(processes=2), checkpoint_seconds=0)
    with caplog.at_level(logging.WARNING):
        assert engines.run([config], store, options) == engines.Outcome()
    assert "process 1 ended with -9; it is started again and goes on at its last checkpoint (1 of 3)" in caplog.text
    assert results(store, config) == results(expected, config)


def test_all_processes_of_a_job_end_with_the_exit_code_of_the_first(tmp_path, monkeypatch):
    processes = started(tmp_path, epochs=1000)
    while not list(tmp_path.glob("*/*/metrics.jsonl")):
        assert processes[0].poll() is None
        time.sleep(0.05)
    processes[1].terminate()  # as when one machine of the job is taken away
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [75, 75], outputs
    said = []
    monkeypatch.setattr(job, "leads", lambda: True)
    monkeypatch.setattr(job, "tell", said.append)
    assert job.lead(lambda: 1) == 1
    with pytest.raises(job.JobLost):
        job.lead(functools.partial(raising, job.JobLost("gone")))
    assert [message["code"] for message in said] == [1, 75]


def raising(error):
    raise error


def test_what_a_job_cannot_be_is_said(tmp_path, monkeypatch):
    with pytest.raises(SpecError, match="it needs --pack=data"):
        engines.run([canonical(Config())], Store(tmp_path, "study"), engines.Options(pack="loop", engine=distributed()))
    with pytest.raises(ValueError, match="processes must be at least 2, not 1"):
        distributed(processes=1)
    for address, count, index in (("", "2", "0"), ("here:1", "2", "2"), ("here:1", "two", "0")):
        for name, value in zip(job.VARIABLES, (address, count, index)):
            monkeypatch.setenv(name, value)
        with pytest.raises(SpecError, match="a job needs all three: host:port"):
            job.join("auto")
