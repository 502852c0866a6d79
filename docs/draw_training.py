"""Draws the figures about initialisation, depth and losses into docs/figures, from stored studies.

    PYTHONPATH=lib .venv/bin/python docs/draw_training.py

The course of the signal by layer is in the trials' metrics.jsonl alone: `runs/depth_init` must be there for that one.
"""

from collections.abc import Callable, Sequence
import itertools
import pathlib

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
import numpy as np

from assay.report import drawing, heat_map, store, traces
from assay.report.arms import Arm

DOCS = pathlib.Path(__file__).resolve().parent
RESULTS, RUNS = DOCS / "results", DOCS.parent / "runs"
WIDTH = 850  # pixels
INIT = {"selu": "lecun_normal", "relu": "he_normal", "elu": "he_normal", "tanh": "lecun_normal"}


def init_activation(folder: pathlib.Path) -> Figure:
    """Test error of every initialisation with every activation, with intervals, from `docs/results/init_activation`."""
    drawn = heat_map.draw(store.read(folder), WIDTH)
    return _titled(drawn, "Test error, %, with 95 % t intervals, by activation and initialisation")


def he_and_glorot(folder: pathlib.Path) -> Figure:
    """The signal by layer before training and the error after it, of 10, 22 and 30 layers, from `runs/depth_init`."""
    study = store.read(folder)
    drawn = Figure(figsize=(WIDTH / 72, 380 / 72), dpi=72, layout="constrained")
    signal, error = drawn.subplots(1, 2, width_ratios=(3, 2))
    looks = dict(zip(("he_normal", "glorot_normal"), drawing.SERIES))
    deepest = max(_depth(arm.fields["model"]) for arm in study.arms)
    for init, look in looks.items():
        arms = [arm for arm in study.arms if arm.fields["init"] == init]
        arms.sort(key=lambda arm: _depth(arm.fields["model"]))
        std, _ = traces.read(study.folder, arms[-1], ()).probes["activation_std"]  # [trials, layers]
        layers = np.arange(1, deepest + 1)
        median, low, high = traces.middle(std / std[:, :1])
        signal.fill_between(layers, low, high, color=look["color"], alpha=0.18, linewidth=0)
        signal.plot(layers, median, color=look["color"], linestyle=look["linestyle"], linewidth=2, label=init)
        _errors(error, [_depth(arm.fields["model"]) for arm in arms], arms, "train_error", init, look)
    halved = 2.0 ** (-(layers - 1) / 2)
    signal.plot(layers, halved, color=drawing.MUTED, linewidth=1.2, linestyle=":", label="2^(-layers/2)")
    signal.set_yscale("log")
    signal.yaxis.set_major_formatter(FuncFormatter(lambda ratio, _: f"{ratio:g}"))
    signal.set(xlabel="layer", title="Standard deviation of the signal before training,\nthat of the first layer = 1")
    signal.xaxis.set_major_locator(FixedLocator([1, 10, 22, 30]))
    signal.legend(frameon=False, loc="lower left")
    error.xaxis.set_major_locator(FixedLocator([10, 22, 30]))
    error.set(xlabel="hidden layers", title="Training error after 40 epochs, %,\nwith 95 % t intervals", ylim=(-2, 100))
    return _titled(drawn, "ReLU networks on the digits: He's initialisation and Glorot's")


def self_normalising(folder: pathlib.Path, dropped: pathlib.Path) -> Figure:
    """Test error by depth, without and with shortcuts, and SELU's without its initialisation and with dropout.

    From `docs/results/self_normalising` and `docs/results/alpha_dropout`.
    """
    study, dropout = store.read(folder), store.read(dropped)
    drawn = Figure(figsize=(WIDTH / 72, 420 / 72), dpi=72, layout="constrained")
    plain, skips, selu = drawn.subplots(1, 3, width_ratios=(5, 5, 4))
    for axes, skip in ((plain, False), (skips, True)):
        for i, (activation, init) in enumerate(INIT.items()):
            _by_depth(axes, study, activation, init, skip, f"{activation}, {init}", i)
        axes.set_title("with shortcuts" if skip else "without shortcuts")
    for init, i in (("lecun_normal", 0), ("he_normal", 4)):
        _by_depth(selu, study, "selu", init, False, init, i)
    for i, (label, alpha) in enumerate({"alpha dropout": True, "dropout": False}.items()):
        arms = [arm for arm in dropout.arms if "dropout=" in arm.fields["model"] and arm.fields["init"] == INIT["selu"]]
        arms = [arm for arm in arms if ("alpha=True" in arm.fields["model"]) == alpha]
        _errors(selu, [_depth(arm.fields["model"]) for arm in arms], arms, "test_error", label, drawing.SERIES[2 + i])
    selu.set_title("SELU without shortcuts")
    plain.set_ylabel("test error, %")
    for axes in (plain, selu):
        axes.legend(frameon=False, fontsize="small", loc="upper left")
    return _titled(drawn, "Does SELU train deep networks without shortcuts? (digits, mean and 95 % t interval)")


def squared_error(folder: pathlib.Path) -> Figure:
    """Test error by learning rate, of both losses from each initialisation; from `docs/results/squared_error`."""
    rows = store.read(folder).finished
    drawn = Figure(figsize=(WIDTH / 72, 620 / 72), dpi=72, layout="constrained")
    panels = list(itertools.product(*(dict.fromkeys(row[name] for row in rows) for name in ("dataset", "optimizer"))))
    lines = list(itertools.product(*(dict.fromkeys(row[name] for row in rows) for name in ("loss", "init"))))
    for axes, (dataset, optimizer) in zip(drawn.subplots(2, 2, sharex=True, sharey="row").flat, panels):
        for i, (loss, init) in enumerate(lines):
            wanted = {"dataset": dataset, "optimizer": optimizer, "loss": loss, "init": init}
            mine = [row for row in rows if wanted.items() <= row.items()]
            rates = sorted({row["lr"] for row in mine})
            arms = [Arm({}, [row for row in mine if row["lr"] == rate]) for rate in rates]
            _errors(axes, rates, arms, "test_error", f"{loss}, {init}", drawing.SERIES[i])
        axes.set(xscale="log", yscale="log", title=f"{dataset}, {optimizer}")
        axes.set(xlabel="learning rate", ylabel="test error, %")
        for axis, ticks in ((axes.xaxis, (0.001, 0.01, 0.1)), (axes.yaxis, (2, 5, 10, 20, 50, 100))):
            axis.set_major_locator(FixedLocator(ticks))
            axis.set_major_formatter(FuncFormatter(lambda number, _: f"{number:g}"))
            axis.set_minor_locator(NullLocator())
        axes.label_outer()
    drawn.legend(*drawn.axes[0].get_legend_handles_labels(), frameon=False, loc="outside lower center", ncols=2)
    return _titled(drawn, "Squared error and cross-entropy at every learning rate (mean and 95 % t interval)")


def _by_depth(axes: Axes, study: store.Study, activation: str, init: str, skip: bool, label: str, i: int) -> None:
    """One line of test errors; the i-th, a little beside the others."""
    arms = [arm for arm in study.arms if (arm.fields["activation"], arm.fields["init"]) == (activation, init)]
    arms = [arm for arm in arms if ("skip=True" in arm.fields["model"]) == skip]
    depths = [_depth(arm.fields["model"]) * 1.04 ** (i - 1.5) for arm in arms]
    _errors(axes, depths, arms, "test_error", label, drawing.SERIES[i])
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator([8, 16, 32, 64]))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda depth, _: f"{depth:.0f}"))
    axes.set(xlabel="hidden layers", ylim=(-2, 104))


def _errors(axes: Axes, at: Sequence[float], arms: Sequence[Arm], metric: str, label: str, look: dict) -> None:
    """Means and intervals in per cent."""
    found = [arm.estimate(metric) for arm in arms]
    means = 100 * np.array([each.mean for each in found])
    sides = 100 * np.array([[each.mean - each.low for each in found], [each.high - each.mean for each in found]])
    style = {"color": look["color"], "linestyle": look["linestyle"], "marker": look["marker"]}
    axes.errorbar(at, means, sides, label=label, linewidth=1.8, markersize=6, elinewidth=1.4, capsize=3, **style)


def _depth(model: str) -> int:
    return int(model.partition("depth=")[2].split(",")[0].rstrip(")"))


def _titled(drawn: Figure, title: str) -> Figure:
    drawn.get_layout_engine().set(w_pad=12 / 72, h_pad=9 / 72)
    drawn.set_figheight(drawn.get_figheight() + 30 / 72)
    drawn.suptitle(title, x=0.012, ha="left", fontsize="large", fontweight="bold")
    return drawn


FIGURES: dict[str, tuple[Callable[..., Figure], tuple[pathlib.Path, ...]]] = {
    "init_activation": (init_activation, (RESULTS / "init_activation",)),
    "he_and_glorot": (he_and_glorot, (RUNS / "depth_init",)),
    "self_normalising": (self_normalising, (RESULTS / "self_normalising", RESULTS / "alpha_dropout")),
    "squared_error": (squared_error, (RESULTS / "squared_error",)),
}


def main() -> None:
    """Draws what has its studies, and says what has not."""
    (DOCS / "figures").mkdir(exist_ok=True)
    for name, (draw, folders) in FIGURES.items():
        if lacking := [folder for folder in folders if not (folder / "study.json").is_file()]:
            print(f"{name}: no study in {lacking[0]}; run its experiment first")
            continue
        with drawing.style(**{"svg.fonttype": "path", "font.size": 13, "savefig.facecolor": drawing.PAPER}):
            (DOCS / "figures" / f"{name}.svg").write_text(drawing.save(draw(*folders), name), encoding="utf-8")
        print(DOCS / "figures" / f"{name}.svg")


if __name__ == "__main__":
    main()
