"""One job of two processes: it trains what one process trains, and a process that is killed costs a restart and no bit."""

import dataclasses
import json
import logging
import multiprocessing
import threading
import time

import numpy as np
import pytest

from assay.config import Config
from assay.spec import SpecError
from assay.sweep import engines, job
from assay.sweep.engines.distributed import distributed
from assay.sweep.store import Store
from assay.train.canonical import canonical

CONFIG = canonical(
    Config(model="mlp(depth=1,width=16)", norm="batch_norm", init="he_normal", epochs=2, evals=3, batch_size=50, probe=())
)


@pytest.fixture(scope="module", autouse=True)
def quick(tmp_path_factory):
    """The processes of a job compile little, and all of them once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XLA_FLAGS", "--xla_backend_optimization_level=0")
        patch.setenv("JAX_COMPILATION_CACHE_DIR", str(tmp_path_factory.mktemp("compiled")))
        patch.setenv("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        yield


def trained(store):
    options = engines.Options(pack="data", engine=distributed(processes=2), checkpoint_seconds=0)
    assert engines.run([CONFIG], store, options) == engines.Outcome()
    done = store.done(CONFIG.trial_id())
    for clock_and_checkout in ("seconds", "config_sha256"):
        del done[clock_and_checkout]
    assert not list(store.folder.glob("packs/*"))
    return done, (store.folder / CONFIG.trial_id() / "metrics.jsonl").read_bytes()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("undisturbed"), "study")
    return store, trained(store)


def test_two_processes_train_what_one_trains(undisturbed, tmp_path):
    store, (done, metrics) = undisturbed
    alone = Store(tmp_path, "study")
    engines.run([CONFIG], alone, engines.Options(pack="loop"))
    assert store.config(CONFIG.trial_id())["provenance"]["device"] == "2 x cpu"
    ours = [json.loads(line) for line in metrics.splitlines()]
    theirs = alone.metrics(CONFIG.trial_id())
    assert [line.keys() for line in ours] == [line.keys() for line in theirs]
    # Batch normalisation by halves of a batch would be far off: this is the rounding of sums in another order.
    for one, other in zip([*ours, done["final"]], [*theirs, alone.done(CONFIG.trial_id())["final"]]):
        np.testing.assert_allclose(list(one.values()), list(other.values()), rtol=1e-4)


def test_a_killed_process_costs_a_restart_and_no_bit(undisturbed, tmp_path, caplog):
    store = Store(tmp_path, "study")
    killed = []

    def kill_midway():
        deadline = time.monotonic() + 120
        while not list(store.folder.glob("packs/*/*/manifest.json")) and time.monotonic() < deadline:
            time.sleep(0.005)
        member = max(multiprocessing.active_children(), key=lambda child: child.pid)
        member.kill()
        killed.append(member)

    threading.Thread(target=kill_midway).start()
    with caplog.at_level(logging.WARNING):
        assert trained(store) == undisturbed[1]
    assert len(killed) == 1
    assert "process 1 ended with -9; it is started again and goes on at its last checkpoint (1 of 3)" in caplog.text


def test_what_a_job_cannot_be_is_said(tmp_path, monkeypatch):
    with pytest.raises(SpecError, match="it needs --pack=data"):
        engines.run([CONFIG], Store(tmp_path, "study"), engines.Options(pack="loop", engine=distributed()))
    with pytest.raises(ValueError, match="processes must be at least 2, not 1"):
        distributed(processes=1)
    for address, count, index in (("", "2", "0"), ("here:1", "2", "2"), ("here:1", "two", "0")):
        for name, value in zip(job.VARIABLES, (address, count, index)):
            monkeypatch.setenv(name, value)
        with pytest.raises(SpecError, match="a job needs all three: host:port"):
            job.join("auto")
