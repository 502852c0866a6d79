"""Tuning in the report: arms at their chosen values, both rankings, and the flips between them."""

import json
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet
import pytest

from assay.report import figures, publish, store, tuning_table, write
from assay.report.rankings import flips, said, standings

AXES = {"activation": ["tanh", "relu"], "lr": [0.01, 0.1, 1.0]}
# (activation, lr) -> validation and test error: relu is ahead at 0.1, tanh at the chosen values.
ERRORS = {
    ("tanh", 0.01): (0.10, 0.12), ("tanh", 0.1): (0.30, 0.32), ("tanh", 1.0): (0.50, 0.05),
    ("relu", 0.01): (0.40, 0.42), ("relu", 0.1): (0.20, 0.22), ("relu", 1.0): (0.90, 0.92),
}  # fmt: skip


@pytest.fixture
def folder(make_store) -> Path:
    """A store whose lr is tuned, with the base's own at 0.1, and the errors above plus noise that seeds share."""
    made = make_store(axes=AXES, seeds=4, published=[], diverging=lambda arm, seed: arm == 5)
    rows = parquet.read_table(made / "results.parquet").to_pylist()
    for row in rows:
        validation, test = ERRORS[row["activation"], row["lr"]]
        row["validation_error"], row["test_error"] = validation + 0.01 * row["seed"], test + 0.01 * row["seed"]
        row["test_error"] += 0.001 * (row["seed"] % 2 if row["activation"] == "relu" else 0)
    parquet.write_table(pa.Table.from_pylist(rows), made / "results.parquet")
    about = json.loads((made / "study.json").read_text())
    about["tried"] = {"lr": about["axes"].pop("lr")}
    about["base"]["lr"] = 0.1
    (made / "study.json").write_text(json.dumps(about))
    return made


def test_arms_are_the_trials_at_the_chosen_values(folder: Path):
    study = store.read(folder)
    assert study.fields == ["activation"] and [arm.label for arm in study.arms] == ["tanh", "relu"]
    assert [{row["lr"] for row in arm.rows} for arm in study.arms] == [{0.01}, {0.1}]
    assert len(study.rows) == 8 and len(study.finished) == 24
    assert "lr" not in store.constants(study.about, study.rows, study.fields)


def test_both_rankings_and_the_flip(folder: Path):
    study = store.read(folder)
    found = standings(study.choices, study.fields, "error")
    assert [each.places for each in found] == [(2, 1), (1, 2)]
    assert [each.value for each in found] == ["0.01*", "0.1"]  # nothing below 0.01 was tried
    assert [each.diverged for each in found] == [0, 4]
    assert [each.validation for each in found] == pytest.approx([0.115, 0.215])
    assert flips(found, "test_error") == [("relu", "tanh", True)]
    assert flips(found[:1], "test_error") == []
    lines = said(found, {"lr": 0.1}, "error")
    assert lines[0].startswith("Every arm was trained at the same 3 values of lr") and "Untuned: lr=0.1 for all" in lines[0]
    assert lines[1] == "* at an end of the values tried: a better one may lie beyond."
    assert lines[2] == "The order flips (ahead untuned / ahead tuned): relu / tanh (beyond seed noise both times)."


def test_a_difference_of_noise_alone_is_no_clear_flip(folder: Path):
    study = store.read(folder)
    for choice in study.choices:
        for row in choice.rows:
            row["test_error"] = 0.2 + (0.1 if row["seed"] % 2 else -0.1) * (row["activation"] == "tanh")
        choice.rows[0]["test_error"] -= 0.01 * (choice.value["lr"] == 0.01)
    found = standings(study.choices, study.fields, "error")
    assert flips(found, "test_error") == [("relu", "tanh", False)]


def test_arms_on_other_data_are_not_ranked_against_each_other(folder: Path):
    study = store.read(folder)
    for row in (*study.choices[0].rows, *study.choices[0].untuned):
        row["dataset"] = "xor"
    found = standings(study.choices, study.fields, "error")
    assert [each.places for each in found] == [(1, 1), (1, 1)] and flips(found, "test_error") == []


def test_the_table_for_the_terminal(folder: Path):
    study = store.read(folder)
    text = tuning_table(study.choices, study.fields, "error", {"lr": 0.1}, unicode=False)
    lines = text.splitlines()
    assert lines[0].split() == "arm lr validation error diverged untuned test rank tuned test rank".split()
    assert lines[2].split() == ["tanh", "0.01*", "11.50", "%", "0", "33.50", "%", "2", "13.50", "%", "1"]
    assert max(map(len, lines)) <= 100 and text.isascii()


def test_the_page_and_the_published_page_show_it(folder: Path):
    page = write(folder).read_text()
    assert "<h2>Tuning</h2>" in page and "Validation error, % by lr" in page
    assert "24 trials finished" in page and "relu / tanh (beyond seed noise both times)" in page
    assert "No run at the chosen values diverged." in page
    published = publish.publish(folder, folder.parent / "docs").read_text()
    assert "## Tuning" in published and "24 trials," in published
    assert figures.caption(store.read(folder)).endswith("Each arm at its own lr, chosen on validation.")


def test_before_an_arm_has_all_its_values_the_page_says_so(folder: Path):
    rows = parquet.read_table(folder / "results.parquet").to_pylist()
    rows = [row for row in rows if row["lr"] != 1.0]
    parquet.write_table(pa.Table.from_pylist(rows), folder / "results.parquet")
    study = store.read(folder)
    assert study.rows == [] and study.choices == [] and len(study.finished) == 16
    page = write(folder).read_text()
    assert "No arm has a seed at all of its values yet." in page and "16 trials finished" in page


def test_a_study_without_tuning_says_nothing_of_it(make_store):
    folder = make_store(axes={"activation": ["tanh", "relu"]}, seeds=2, published=[], probe=False)
    study = store.read(folder)
    assert study.choices == [] and study.rows == study.finished
    assert "<h2>Tuning</h2>" not in write(folder).read_text()
    assert "Tuning" not in publish.publish(folder, folder.parent / "docs").read_text()
    assert "its own" not in figures.caption(study)
