"""The figures about initialisation, depth and losses show the numbers of their studies."""

import importlib.util
import json
import pathlib
import shutil

import numpy as np
import pytest

from assay.report import drawing

ROOT = pathlib.Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"


@pytest.fixture(scope="module")
def draw():
    spec = importlib.util.spec_from_file_location("draw_training", ROOT / "docs" / "draw_training.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def shown(container):
    """Heights of an error bar's points."""
    return container.lines[0].get_ydata()


@pytest.fixture
def depth_init(tmp_path):
    """The published study with a first probe beside every trial, whose signal halves in variance unless it is He's."""
    from pyarrow import parquet

    for name in ("study.json", "results.parquet"):
        shutil.copy(RESULTS / "depth_init" / name, tmp_path)
    for row in parquet.read_table(tmp_path / "results.parquet").to_pylist():
        depth = int(row["model"].split("depth=")[1].split(",")[0])
        std = 3 * (1.0 if row["init"] == "he_normal" else 0.5**0.5) ** np.arange(depth)
        probe = {"layer": [f"Activate_{i}" for i in range(depth)], "activation_std": std.tolist()}
        (tmp_path / row["id"]).mkdir()
        (tmp_path / row["id"] / "metrics.jsonl").write_text(json.dumps({"step": 0, "probe": probe}) + "\n")
    return tmp_path


def test_he_and_glorot(draw, depth_init):
    with drawing.style():
        signal, error = draw.he_and_glorot(depth_init).axes
    he, glorot, halved = (line.get_ydata() for line in signal.lines)
    np.testing.assert_allclose(he, np.ones(30))
    np.testing.assert_allclose(glorot, halved, rtol=1e-6)
    assert halved[21] == pytest.approx(2**-10.5) and halved[29] == pytest.approx(2**-14.5)
    means = {
        label: [np.mean([row["train_error"] for row in arm.rows]) * 100 for arm in arms]
        for label, arms in _arms(draw, depth_init).items()
    }
    for container in error.containers:
        np.testing.assert_allclose(shown(container), means[container.get_label()], rtol=1e-6)
    assert len(error.containers) == 2


def _arms(draw, folder):
    found = {}
    for arm in draw.store.read(folder).arms:
        found.setdefault(arm.fields["init"], []).append(arm)
    return found


def test_init_activation(draw):
    with drawing.style():
        texts = [text.get_text() for text in draw.init_activation(RESULTS / "init_activation").axes[0].texts]
    cells = _arms(draw, RESULTS / "init_activation")
    assert len(texts) == 2 * sum(len(arms) for arms in cells.values())
    for arms in cells.values():
        for arm in arms:
            assert f"{100 * np.mean([row['test_error'] for row in arm.rows]):.2f}" in texts


def test_self_normalising(draw):
    folder = RESULTS / "self_normalising"
    with drawing.style():
        plain, skips, selu = draw.self_normalising(folder, RESULTS / "alpha_dropout").axes
    rows = draw.store.read(folder).rows  # at the learning rates that validate best
    assert [len(axes.containers) for axes in (plain, skips, selu)] == [4, 4, 4]
    for axes, skip in ((plain, False), (skips, True), (selu, False)):
        for container in axes.containers[: 2 if axes is selu else 4]:
            *activation, init = container.get_label().split(", ")
            arm = {"activation": (activation or ["selu"])[0], "init": init}
            models = [f"mlp(depth={depth},{'skip=True,' * skip}width=64)" for depth in (8, 16, 32, 64)]
            chosen = [[r["test_error"] for r in rows if r.items() >= {**arm, "model": m}.items()] for m in models]
            np.testing.assert_allclose(shown(container), [100 * np.mean(errors) for errors in chosen])
    rows = draw.store.read(RESULTS / "alpha_dropout").rows
    for container, models in zip(selu.containers[2:], (("alpha=True,depth=8,", "alpha=True,depth=64,"), ("depth=64,",))):
        names = [f"mlp({model}dropout=0.05,width=64)" for model in models]
        chosen = [[r["test_error"] for r in rows if (r["model"], r["init"]) == (n, "lecun_normal")] for n in names]
        np.testing.assert_allclose(shown(container), [100 * np.mean(errors) for errors in chosen])


def test_what_lacks_its_study_is_said(draw, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(draw, "DOCS", tmp_path)
    monkeypatch.setattr(draw, "FIGURES", {"he_and_glorot": (draw.he_and_glorot, (tmp_path / "depth_init",))})
    draw.main()
    assert "no study in" in capsys.readouterr().out and not list(tmp_path.glob("figures/*"))


def test_squared_error(draw):
    folder = RESULTS / "squared_error"
    with drawing.style():
        panels = draw.squared_error(folder).axes
    rows = draw.store.read(folder).finished
    assert len(panels) == 4
    for panel in panels:
        dataset, optimizer = panel.get_title().split(", ")
        for container in panel.containers:
            loss, init = container.get_label().split(", ")
            wanted = {"dataset": dataset, "optimizer": optimizer, "loss": loss, "init": init}
            mine = [row for row in rows if wanted.items() <= row.items()]
            assert len(mine) >= 5 * len(shown(container))
            for rate, height in zip(sorted({row["lr"] for row in mine}), shown(container), strict=True):
                errors = [row["test_error"] for row in mine if row["lr"] == rate]
                assert height == pytest.approx(100 * np.mean(errors))
