from collections.abc import Callable
import json
from pathlib import Path

import pytest

from assay import report
from assay.report import store

ONE = {"activation": ["relu"]}


def test_a_torn_last_line_is_left_out_and_a_damaged_one_is_named(make_store: Callable[..., Path]):
    folder = make_store(axes=ONE, seeds=2, published=[], verdicts=[])
    whole = report.write(folder).read_bytes()
    path = sorted(folder.glob("*/metrics.jsonl"))[0]
    text = path.read_text()
    path.write_text(text + '{"step": 2000, "tra')
    assert report.write(folder).read_bytes() == whole
    path.write_text("{" + text)
    with pytest.raises(report.ReportError, match="metrics.jsonl, line 1 is no JSON"):
        report.write(folder)
    path.unlink()
    assert "1 trials have no metrics.jsonl" in report.write(folder).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["study.json", "verdicts.json", "results.parquet"])
def test_a_damaged_file_is_one_line(make_store: Callable[..., Path], name: str):
    folder = make_store(axes=ONE, seeds=1, published=[])
    (folder / name).write_bytes(b"\x00\xff")
    with pytest.raises(report.ReportError, match=name) as caught:
        report.write(folder)
    assert "\n" not in str(caught.value)


def test_no_study_is_one_line(tmp_path: Path):
    with pytest.raises(ValueError, match="no study.json in .*; give the folder of a study that was run"):
        report.write(tmp_path)


def test_a_published_error_in_per_cent_is_refused(make_store: Callable[..., Path]):
    entry = {
        "arm": {"activation": "relu"},
        "metric": "test_error",
        "value": 1.64,
        "source": "Table 1",
        "protocol": {},
        "mark": "Mh",
    }
    with pytest.raises(report.ReportError, match="Table 1: test_error 1.64 must be a fraction"):
        report.write(make_store(axes=ONE, seeds=1, published=[entry]))


def test_arms_spelt_otherwise_in_the_plan_leave_no_ghosts(make_store: Callable[..., Path]):
    folder = make_store(axes={"activation": ["relu", "elu"]}, seeds=1, published=[], verdicts=[])
    about = json.loads((folder / "study.json").read_text())
    about["axes"]["activation"] = ["relu", "elu(alpha=1.0)"]
    (folder / "study.json").write_text(json.dumps(about))
    assert [arm.key for arm in store.read(folder).arms] == [("relu",), ("elu",)]
