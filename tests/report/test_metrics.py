"""Studies whose metric is not an error, and what a task measures beside its own metric."""

from collections.abc import Callable
import json
from pathlib import Path
import re

import numpy as np
from pyarrow import parquet
import pytest
from scipy import stats

from assay import report
from assay.report import publish, quantities, store, training

TWO = {"activation": ["tanh", "relu"]}
GRID = {"activation": ["tanh", "relu"], "init": ["glorot_uniform", "he_normal"]}


def further(arm: int, seed: int) -> dict[str, float]:
    return {"test_psnr": 20.0 + arm + 0.1 * seed, "validation_psnr": 19.0, "recall_at_10": 0.5, "pixel_error": 0.25}


@pytest.fixture
def of_mse(make_store: Callable[..., Path]) -> Path:
    """Two arms, three seeds, one run of tanh diverged, the metric mse and three further ones."""
    return make_store(
        axes=TWO,
        seeds=3,
        metric="mse",
        further=further,
        diverging=lambda arm, seed: (arm, seed) == (0, 2),
        published=[],
        verdicts=[],
        evals=4,
        layers=2,
    )


def words_of(folder: Path) -> str:
    page = report.write(folder).read_text(encoding="utf-8")
    shown = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)
    return " ".join(shown.replace("&nbsp;", " ").split())


def test_a_metric_that_is_no_error_is_a_plain_number_everywhere(of_mse: Path):
    words = words_of(of_mse)
    svg = report.picture(of_mse).read_text(encoding="utf-8")
    rows = [row for row in parquet.read_table(of_mse / "results.parquet").to_pylist()]
    tanh = [row["test_mse"] for row in rows if row["activation"] == "tanh" and row["status"] == "done"]
    low, high = stats.t.interval(0.95, 1, loc=np.mean(tanh), scale=stats.sem(tanh))
    said = quantities.interval("test_mse", low, high).replace("-", "−")
    assert f"tanh 2 {np.mean(tanh):.4g} {said}" in words
    assert "activation n test mse 95 % interval train mse diverged steps to target" in words
    assert "A run that diverged has no value and is left out. Steps to target: median number of steps to a training "
    assert "to a training mse of 0.25 or less" in words
    assert "the claims above and the test figures below" in words
    assert "Validation mse (by step)" in words and "Training loss (by step)" in words
    # Nothing about errors is left but the one further metric that is one.
    assert "100 %" not in words.replace("or an error of 100 %", "")
    assert not re.search(r"(test|train|training|validation) error", words)
    assert ">test mse<" in report.write(of_mse).read_text(encoding="utf-8") and svg.startswith("<?xml")


def test_the_terminal_names_the_studys_metric(of_mse: Path):
    rows = parquet.read_table(of_mse / "results.parquet").to_pylist()
    head, _, tanh, relu = report.arm_table(rows, ["activation"], "mse").splitlines()
    assert head.split("  ")[0] == "arm" and "test mse" in head and "train mse" in head
    assert "%" not in tanh + relu and tanh.split()[:2] == ["tanh", "2"] and relu.split()[:2] == ["relu", "3"]


def test_further_metrics_have_a_mean_and_an_interval_for_every_arm(of_mse: Path):
    assert store.read(of_mse).further == ["test_loss", "test_psnr", "recall_at_10", "pixel_error"]
    values = [21.0, 21.1, 21.2]
    low, high = stats.t.interval(0.95, 2, loc=21.1, scale=stats.sem(values))
    words = words_of(of_mse)
    assert "Further measurements activation test loss test psnr recall at 10 pixel error tanh" in words
    assert f"21.1 [{low:.4g}, {high:.4g}] 0.5 [0.5, 0.5] 25.00 % [25.00, 25.00] Means over" in words
    assert words.index("Every run") < words.index("Further measurements") < words.index("Learning curves")
    rows = parquet.read_table(of_mse / "results.parquet").to_pylist()
    lines = report.further_table(rows, ["activation"], "mse").splitlines()
    assert max(map(len, lines)) <= report.tables.WIDTH and len(lines) == 2 + 3 * 2
    assert lines[3].split() == ["relu", "test", "psnr", "3", "21.1", f"[{low:.4g},", f"{high:.4g}]"]
    # The loss is what training minimises: on the page, and not among what is measured beside.
    assert not any("loss" in line for line in lines)
    assert report.further_table([{"id": 1, "seed": 0, "test_error": 0.1, "test_loss": 1.0}], [], "error") == ""


def test_further_metrics_have_learning_curves(make_store: Callable[..., Path], of_mse: Path):
    assert training.drawn_metrics(store.read(of_mse)) == ["validation_mse", "train_loss", "validation_psnr"]
    for path in of_mse.glob("*/metrics.jsonl"):
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        path.write_text("".join(json.dumps(line | {"validation_psnr": 20 + line["step"]}) + "\n" for line in lines))
    assert "Validation psnr (by step)" in words_of(of_mse)


def test_the_heat_map_of_another_metric_has_no_per_cent(make_store: Callable[..., Path]):
    folder = make_store(axes=GRID, seeds=2, metric="mse", published=[], verdicts=[], probe=False, evals=3)
    rows = parquet.read_table(folder / "results.parquet").to_pylist()
    found = [row["test_mse"] for row in rows if (row["activation"], row["init"]) == ("relu", "he_normal")]
    page = report.write(folder).read_text(encoding="utf-8")
    assert f">{np.mean(found):.4g}</text>" in page and "Test mse by activation and init" in page


def test_a_page_of_the_documentation_shows_what_was_measured_beside(of_mse: Path, tmp_path: Path):
    (of_mse / "verdicts.json").write_text("[]")
    page = publish.publish(of_mse, tmp_path / "docs").read_text()
    assert "test psnr" in page and "test mse" in page and not (tmp_path / "docs" / of_mse.name / "findings").exists()
