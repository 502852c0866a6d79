"""The store under torn lines, flipped bits, a full disk, SIGKILL and a second process."""

import dataclasses
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import time

import hypothesis
from hypothesis import strategies
import numpy as np
from pyarrow import parquet
import pytest

from assay.config import Config
from assay.sweep.files import strict_json
from assay.sweep.store import Store, StoreError

PROVENANCE = {"jax": "0.12.0", "commit": None}
FINAL = {"test_error": 0.03, "test_loss": float("nan"), "steps_to_target": None}


def evaluation(step: int) -> dict:
    return {"step": step, "epoch": step / 10, "train_loss": 1 / (step + 1), "train_error": 0.1}


def run_trial(store: Store, config: Config, lines: int = 3, **changes) -> str:
    """Writes a whole trial and returns its id."""
    trial_id = config.trial_id()
    store.begin(trial_id, dataclasses.asdict(config), PROVENANCE)
    store.append_metrics(trial_id, [evaluation(step) for step in range(lines)])
    result = {"status": "done", "steps": 30, "diverged_at": None, "final": FINAL, "seconds": 1.5}
    store.finish(trial_id, **result | changes)
    return trial_id


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "runs", "study")


def python(code: str, *arguments: object, **options) -> subprocess.Popen:
    root = pathlib.Path(__file__).parents[2]
    environment = {"PYTHONPATH": str(root / "lib"), "PATH": "/usr/bin:/bin"}
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, **options)


def test_a_trial_is_done_when_it_is_finished(store):
    config = Config(seed=3)
    trial_id = config.trial_id()
    assert store.done(trial_id) is None
    store.begin(trial_id, dataclasses.asdict(config), PROVENANCE)
    store.append_metrics(trial_id, [evaluation(0)])
    store.append_metrics(trial_id, [evaluation(1), {"step": 1, "diverged": True}])
    store.append_metrics(trial_id, [])
    assert store.done(trial_id) is None and store.mark(trial_id)["lines"] == 3
    store.finish(trial_id, status="diverged", steps=30, diverged_at=1, final=FINAL, seconds=1.5)
    done = Store(store.root, "study").done(trial_id)
    assert done["id"] == trial_id and done["status"] == "diverged" and done["diverged_at"] == 1
    assert done["steps"] == 30 and done["seconds"] == 1.5 and done["metrics_lines"] == 3
    assert done["final"] == {"test_error": 0.03, "test_loss": None, "steps_to_target": None}
    assert store.metrics(trial_id) == [evaluation(0), evaluation(1), {"step": 1, "diverged": True}]
    assert Config(**store.config(trial_id)["config"] | {"probe": config.probe}) == config
    assert store.config(trial_id)["provenance"] == PROVENANCE
    assert sorted(os.listdir(store.folder / trial_id)) == ["config.json", "done.json", "metrics.jsonl"]


def test_begin_and_discard_forget_an_earlier_run(store):
    trial_id = run_trial(store, Config())
    store.begin(trial_id, dataclasses.asdict(Config()), PROVENANCE)
    assert store.done(trial_id) is None and store.metrics(trial_id) == []
    run_trial(store, Config())
    store.discard(trial_id)
    store.discard(trial_id)
    assert store.done(trial_id) is None and not (store.folder / trial_id).exists()


def test_a_flipped_bit_in_any_file_of_a_trial_makes_it_undone(store, caplog):
    trial_id = run_trial(store, Config())
    draw = random.Random(0)
    for name in ("config.json", "metrics.jsonl", "done.json"):
        path = store.folder / trial_id / name
        content = path.read_bytes()
        for _ in range(60):
            flipped, at = bytearray(content), draw.randrange(8 * len(content))
            flipped[at // 8] ^= 1 << at % 8
            path.write_bytes(flipped)
            caplog.clear()
            fresh = Store(store.root, "study")
            assert fresh.done(trial_id) is None and fresh.done(trial_id) is None
            assert fresh.rows([trial_id]) == []
            (record,) = caplog.records  # said once
            assert name in record.getMessage() and trial_id in record.getMessage()
        path.write_bytes(content)
    assert store.done(trial_id)


@pytest.mark.parametrize("name", ["config.json", "metrics.jsonl", "done.json"])
def test_a_torn_or_missing_file_makes_a_trial_undone(store, caplog, name):
    trial_id = run_trial(store, Config())
    path = store.folder / trial_id / name
    content = path.read_bytes()
    for size in (0, 1, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:size])
        assert Store(store.root, "study").done(trial_id) is None
    assert len(caplog.records) == 4
    path.unlink()
    assert Store(store.root, "study").done(trial_id) is None
    assert len(caplog.records) == 4 + (name != "done.json")  # without done.json it is just not done yet


def test_findings_are_of_the_finished_trial(store, caplog):
    trial_id = Config().trial_id()
    store.begin(trial_id, dataclasses.asdict(Config()), PROVENANCE)
    picture = np.arange(24, dtype=np.uint8).reshape(1, 2, 3, 4, 1)
    store.write_findings(trial_id, {"two digits": picture}, {"a text": "naïve\n"})
    store.finish(trial_id, status="done", steps=1, diverged_at=None, final=FINAL, seconds=1.0)
    path = store.folder / trial_id / "findings.npz"
    with np.load(path) as arrays:
        np.testing.assert_array_equal(arrays["picture/two digits"], picture)
        assert bytes(arrays["text/a text"]).decode() == "naïve\n"
    assert store.done(trial_id)
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert store.done(trial_id) is None and "findings.npz is not what it was" in caplog.text
    store.begin(trial_id, dataclasses.asdict(Config()), PROVENANCE)
    assert not path.exists()
    store.write_findings(trial_id, {}, {})
    assert not path.exists()  # nothing to say, no file


def test_a_torn_last_line_is_dropped_and_a_damaged_line_is_said(store, caplog):
    trial_id = Config().trial_id()
    store.begin(trial_id, dataclasses.asdict(Config()), PROVENANCE)
    store.append_metrics(trial_id, [evaluation(step) for step in range(3)])
    path = store.folder / trial_id / "metrics.jsonl"
    whole, marks = path.read_bytes(), {3: store.mark(trial_id)}
    for cut in (1, 5, len(whole.splitlines()[-1])):
        path.write_bytes(whole[:-cut])
        assert store.metrics(trial_id) == [evaluation(0), evaluation(1)]
        assert not caplog.records
    marks[2] = store.mark(trial_id)
    assert not store.rewind(trial_id, marks[3]) and store.rewind(trial_id, marks[2])
    path.write_bytes(whole.replace(b'"step": 1', b'"st\x00p": 1'))
    with pytest.raises(StoreError, match="metrics.jsonl is damaged"):
        store.metrics(trial_id)
    assert not store.rewind(trial_id, marks[2]) and not store.rewind(trial_id, marks[3])
    assert len(caplog.records) == 1 and "its files are not those of its checkpoint; it is run again" in caplog.text


def test_rewind_takes_metrics_back_to_a_checkpoint(store):
    trial_id = Config().trial_id()
    store.begin(trial_id, dataclasses.asdict(Config()), PROVENANCE)
    marks = {0: store.mark(trial_id)}
    assert store.rewind(trial_id, marks[0])
    for step in range(5):
        store.append_metrics(trial_id, [evaluation(step)])
        marks[step + 1] = store.mark(trial_id)
    path = store.folder / trial_id / "metrics.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"step": 5, "ep')
    store.went_on(trial_id, "loop on 2 devices")
    assert store.rewind(trial_id, marks[5]) and path.read_bytes() == whole
    assert store.rewind(trial_id, marks[2]) and store.metrics(trial_id) == [evaluation(0), evaluation(1)]
    store.append_metrics(trial_id, [evaluation(step) for step in range(2, 5)])
    assert path.read_bytes() == whole


def test_rewind_takes_no_later_start_for_the_one_of_the_checkpoint(store):
    trial_id = Config().trial_id()
    marks = []
    for provenance in (PROVENANCE, PROVENANCE | {"assay_code": "other"}):
        store.begin(trial_id, dataclasses.asdict(Config()), provenance)
        store.append_metrics(trial_id, [evaluation(step) for step in range(3)])
        marks.append(store.mark(trial_id))
    assert not store.rewind(trial_id, marks[0]) and store.rewind(trial_id, marks[1])
    (store.folder / trial_id / "config.json").write_text("{}")
    assert not store.rewind(trial_id, marks[1])


def test_checkpoints_are_left_to_arms_that_are_not_finished(store):
    run_trial(store, Config(seed=0))
    unfinished = Config(seed=1).trial_id()
    store.begin(unfinished, dataclasses.asdict(Config(seed=1)), PROVENANCE)
    folder = store.pack_dir("0" * 16)
    folder.mkdir(parents=True)
    store.discard_checkpoints()
    assert folder.exists()
    store.discard(unfinished)
    store.discard_checkpoints()
    assert not folder.exists()


def test_results_have_a_row_per_finished_trial_and_declared_types(store):
    first = run_trial(store, Config(seed=1))
    diverged = {"status": "diverged", "diverged_at": 7, "final": {"test_error": 1.0, "steps_to_target": 12}}
    second = run_trial(store, Config(seed=2, probe=()), **diverged)
    rows = store.write_results([first, "0" * 16, second])
    table = parquet.read_table(store.folder / "results.parquet")
    read = [{k: tuple(v) if isinstance(v, list) else v for k, v in row.items()} for row in table.to_pylist()]
    assert read == rows and [row["id"] for row in rows] == [first, second]
    assert rows[0] == {
        "id": first,
        **dataclasses.asdict(Config(seed=1)),
        **{"status": "done", "steps": 30, "diverged_at": None, "seconds": 1.5},
        **{"test_error": 0.03, "test_loss": None, "steps_to_target": None},
    }
    assert rows[1]["diverged_at"] == 7 and rows[1]["steps_to_target"] == 12 and rows[1]["test_loss"] is None
    schema = table.schema
    store.write_results([first])  # diverged_at, test_loss and steps_to_target are null throughout
    assert parquet.read_schema(store.folder / "results.parquet").equals(schema)
    types = {name: str(schema.field(name).type) for name in schema.names}
    assert types["diverged_at"] == types["steps_to_target"] == types["seed"] == "int64"
    assert types["test_loss"] == types["lr"] == types["seconds"] == "double" and types["model"] == "string"


def test_results_of_nothing_finished(store):
    store.write_json("study.json", {})
    assert store.write_results(["0" * 16]) == []
    table = parquet.read_table(store.folder / "results.parquet")
    assert table.num_rows == 0 and "test_error" not in table.column_names and "lr" in table.column_names


_TEXT = strategies.text()
_VALUES = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats() | _TEXT,
    lambda inner: strategies.lists(inner, max_size=3) | strategies.dictionaries(_TEXT, inner, max_size=3),
)


@hypothesis.settings(deadline=None, max_examples=100)
@hypothesis.given(_VALUES)
def test_json_is_strict_and_keeps_every_finite_value(content):
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    def finite(value):
        if isinstance(value, dict):
            return {key: finite(item) for key, item in value.items()}
        if isinstance(value, list):
            return [finite(item) for item in value]
        return None if isinstance(value, float) and not np.isfinite(value) else value

    assert json.loads(strict_json(content), parse_constant=refuse) == finite(content)


def test_json_takes_numpy_values_and_names_what_it_cannot_take(store):
    content = {"a": np.float32(0.5), "b": np.arange(2), "c": np.array([1.0, np.inf]), "d": np.bool_(True)}
    store.write_json("verdicts.json", content)
    expected = {"a": 0.5, "b": [0, 1], "c": [1.0, None], "d": True}
    assert json.loads((store.folder / "verdicts.json").read_text()) == expected
    with pytest.raises(TypeError, match="object cannot be stored as JSON"):
        store.write_json("verdicts.json", {"a": object()})
    assert json.loads((store.folder / "verdicts.json").read_text()) == expected


def test_full_disk_is_one_line_and_loses_nothing(small_disk):
    store = Store(small_disk(64) / "runs", "study")
    finished = run_trial(store, Config(seed=0))
    running = Config(seed=1).trial_id()
    store.begin(running, dataclasses.asdict(Config(seed=1)), PROVENANCE)
    store.append_metrics(running, [evaluation(0)])
    store.write_json("study.json", {"name": "study"})
    with pytest.raises(StoreError, match="No space left") as caught:
        for step in range(1, 10_000):
            store.append_metrics(running, [evaluation(step), {"step": step, "probe": list(range(200))}])
    assert "\n" not in str(caught.value) and "what is finished is kept" in str(caught.value)
    # Of the two lines that did not fit together, neither is there, nor a part of one.
    assert len(store.metrics(running)) == 2 * step - 1
    assert (store.folder / running / "metrics.jsonl").read_bytes().endswith(b"\n")
    end = {"status": "done", "steps": 1, "diverged_at": None, "final": {"x": "y" * 9000}, "seconds": 1.0}
    for attempt in (
        lambda: store.write_json("study.json", {"name": "x" * 10_000}),
        lambda: store.write_results([finished]),
        lambda: store.finish(running, **end),
        lambda: store.begin(Config(seed=2).trial_id(), {"text": "x" * 10_000}, PROVENANCE),
    ):
        with pytest.raises(StoreError, match="No space left"):
            attempt()
    assert store.done(finished) and store.done(running) is None
    assert json.loads((store.folder / "study.json").read_text()) == {"name": "study"}
    assert not list(store.folder.rglob("*.tmp"))


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "runs").write_text("a file is in the way")
    with pytest.raises(StoreError, match="cannot write"):
        with Store(tmp_path / "runs", "study"):
            pass
    with pytest.raises(StoreError, match="cannot read|cannot write"):
        Store(tmp_path / "runs", "study").begin("0" * 16, {}, {})


_HOLDING = """
import sys, time
from assay.sweep.store import Store
with Store(sys.argv[1], "study"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_one_process_runs_a_study_at_a_time(store):
    with python(_HOLDING, store.root) as other:
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match=rf"run by process {other.pid} on .*; wait for it or stop it"):
            with store:
                pass
        with Store(store.root, "another"):
            pass
        other.kill()
    with store:  # the lock ended with the process
        assert (store.folder / "lock").read_text().startswith(f"process {os.getpid()} on ")
    with store:
        pass


_WRITING = """
import dataclasses, sys
from assay.config import Config
from assay.sweep.store import Store
store = Store(sys.argv[1], "study")
for seed in range(100_000):
    config = Config(seed=seed)
    trial_id = config.trial_id()
    store.begin(trial_id, dataclasses.asdict(config), {})
    for step in range(5):
        store.append_metrics(trial_id, [{"step": step, "seed": seed}])
    final = {"test_error": seed / 7}
    store.finish(trial_id, status="done", steps=5, diverged_at=None, final=final, seconds=0.0)
    print(seed, flush=True)
"""


@pytest.mark.parametrize("moment", range(4))
def test_sigkill_leaves_whole_trials_or_undone_ones(store, caplog, moment):
    draw = random.Random(moment)
    with python(_WRITING, store.root) as child:
        reported = [int(child.stdout.readline()) for _ in range(draw.randrange(1, 200))]
        time.sleep(draw.uniform(0, 0.002))
        child.send_signal(signal.SIGKILL)
        reported += map(int, child.stdout.read().split())
    for seed in reported:
        trial_id = Config(seed=seed).trial_id()
        assert store.done(trial_id)["final"] == {"test_error": seed / 7}
        assert store.metrics(trial_id) == [{"step": step, "seed": seed} for step in range(5)]
    last = Config(seed=len(reported)).trial_id()
    if store.done(last) is None:  # killed half-way
        records = store.metrics(last)
        assert records == [{"step": step, "seed": len(reported)} for step in range(len(records))]
        assert run_trial(store, Config(seed=len(reported))) == last and store.done(last)
    assert not caplog.records


def test_rows_are_in_the_order_asked_for_and_of_finished_trials_only(store):
    ids = [run_trial(store, Config(seed=seed), lines=1) for seed in range(9)]
    (store.folder / ids[7] / "done.json").unlink()
    assert [row["seed"] for row in store.rows(ids[::-1])] == [8, 6, 5, 4, 3, 2, 1, 0]
