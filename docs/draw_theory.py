"""Draws what theory and training say of the same networks into docs/figures, from stored studies.

PYTHONPATH=lib .venv/bin/python docs/draw_theory.py
"""

from collections.abc import Callable, Sequence
import math
import pathlib

import jax.numpy as jnp
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
import numpy as np

from assay import spec as specs
from assay import theory
from assay.report import drawing, store
from assay.report.arms import Arm
from assay.theory import bounds, mean_field, regions, segments

DOCS = pathlib.Path(__file__).resolve().parent
RESULTS = DOCS / "results"
WIDTH = 850  # pixels
CHANCE = 0.1  # accuracy on ten classes
COUNTED = 4  # layers of constructed networks of two inputs whose regions are counted: five have 2.4 million
_SCALE = LinearSegmentedColormap.from_list("accuracy", ["#eef4fa", "#9cc3e0", "#3c7fb1", "#0b3a63"])


def linear_regions(study: store.Study) -> Figure:
    """Linear regions by depth: constructed, untrained and trained networks against the bounds."""
    drawn = Figure(figsize=(WIDTH / 72, 470 / 72), dpi=72, layout="constrained")
    line, plane = drawn.subplots(1, 2)
    arms = {(_argument(arm, "depth"), _argument(arm, "width"), arm.fields["lr"]): arm for arm in study.arms}
    width = min(width for _, width, _ in arms)
    depths = sorted({depth for depth, units, _ in arms if units == width})
    untrained, trained = sorted({lr for _, _, lr in arms})
    looks = drawing.SERIES
    for axes, inputs, metric in ((line, 1, "segments"), (plane, 2, "regions")):
        made = [_constructed(inputs, width, depth) for depth in (depths if inputs == 1 else depths[:COUNTED])]
        upper = [bounds.upper(inputs, [width] * depth) for depth in depths]
        lower = [bounds.montufar(inputs, [width] * depth) for depth in depths]
        one = [bounds.shallow(inputs, width * depth) for depth in depths]
        axes.plot(depths, upper, color=drawing.MUTED, linestyle=":", label="no network has more")
        axes.plot(depths, lower, color=looks[0]["color"], label="some network has as many (Montufar)")
        axes.plot(
            depths[: len(made)],
            made,
            color=looks[0]["color"],
            linestyle="",
            marker="o",
            markersize=8,
            label="constructed, counted",
        )
        axes.plot(depths, one, color=drawing.MUTED, linestyle="--", label="most of one layer of as many units")
        for lr, label, look in ((trained, "trained", looks[1]), (untrained, "untrained", looks[2])):
            of = [arms[depth, width, lr] for depth in depths]
            _counts(axes, depths, of, metric, label, look)
        axes.set_yscale("log")
        axes.xaxis.set_major_locator(FixedLocator(depths))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.set(xlabel=f"layers of {width} ReLU units")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
    line.set_title("pieces of a line of inputs")
    plane.set_title("regions of a square of inputs")
    handles, labels = plane.get_legend_handles_labels()
    drawn.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
    return _titled(drawn, "Depth makes exponentially many linear regions possible; training does not use them")


def edge_of_chaos(study: store.Study) -> Figure:
    """Test accuracy by sigma_w2 and depth, with the mean-field depth 6 xi_c and the critical value drawn over it."""
    sigmas, depths, accuracy, sigma_b2 = _accuracy(study)
    drawn = Figure(figsize=(WIDTH / 72, 480 / 72), dpi=72, layout="constrained")
    axes = drawn.subplots()
    x, y = (_edges(np.log(values)) for values in (sigmas, depths))
    mesh = axes.pcolormesh(
        np.exp(x), np.exp(y), 100 * accuracy, cmap=_SCALE, vmin=0, vmax=100, edgecolors="w", linewidth=1
    )
    for i, depth in enumerate(depths):
        for j, sigma_w2 in enumerate(sigmas):
            light = accuracy[i, j] > 0.45
            axes.text(
                sigma_w2,
                depth,
                f"{100 * accuracy[i, j]:.0f}",
                ha="center",
                va="center",
                color="w" if light else drawing.INK,
            )
    reach = np.geomspace(np.exp(x[0]), np.exp(x[-1]), 81)
    line = [6 * mean_field.correlation_depth(jnp.tanh, sigma_w2, sigma_b2) for sigma_w2 in reach]
    orange = drawing.SERIES[1]["color"]
    axes.plot(reach, line, color=orange, linewidth=3, label="mean field: six times the depth scale of correlations")
    theory_says, measured = mean_field.critical_sigma_w2(jnp.tanh, sigma_b2), critical(sigmas, accuracy[-1])
    mark = {"markersize": 13, "linestyle": "", "clip_on": False}
    label = f"mean field: critical at {theory_says:.2f}"
    axes.plot([theory_says], [np.exp(y[0])], marker="^", color=orange, label=label, **mark)
    label = f"measured at {depths[-1]} layers: {measured:.2f} ({100 * (measured / theory_says - 1):+.1f} %)"
    axes.plot([measured], [np.exp(y[-1])], marker="v", color=drawing.INK, label=label, **mark)
    axes.set(xscale="log", yscale="log", xlim=np.exp(x[[0, -1]]), ylim=np.exp(y[[0, -1]]))
    for axis, ticks in ((axes.xaxis, sigmas), (axes.yaxis, depths)):
        axis.set_major_locator(FixedLocator(ticks))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.tick_params(axis="x", pad=9)
    axes.grid(False)
    axes.set(
        xlabel=f"variance of a weight times its layer's inputs, sigma_w2 (biases: {sigma_b2:g})",
        ylabel="hidden layers",
    )
    drawn.colorbar(mesh, ax=axes, label="test accuracy, %", pad=0.02)
    drawn.legend(loc="outside lower left", ncols=1, frameon=False)
    data = study.about["dataset"]["name"]
    return _titled(
        drawn, f"Deep tanh networks train at the edge of chaos ({data}, mean of {_seeds(study)} seeds or more)"
    )


def fold() -> Figure:
    """A line of inputs, as two linear and as two ReLU units see it; classes are parted by |x| < 1."""
    drawn = Figure(figsize=(WIDTH / 72, 300 / 72), dpi=72, layout="constrained")
    line, linear, relu = drawn.subplots(1, 3)
    x = np.linspace(-3, 3, 61)[:, None]
    # The weights of the ReLU units are those of the exact claim B5, so that the fold is at 0.
    layer = theory.Layer(np.array([[1.0, -1.0]]), np.zeros(2))
    images = {line: np.concatenate([x, 0 * x], 1), linear: x @ layer.kernel, relu: theory.hidden([layer], x)}
    inside = np.abs(x[:, 0]) < 1
    for axes, image in images.items():
        for which, label, look in ((inside, "|x| < 1", drawing.SERIES[1]), (~inside, "the rest", drawing.SERIES[0])):
            axes.plot(
                *image[which].T, linestyle="", color=look["color"], marker=look["marker"], markersize=5, label=label
            )
        axes.grid(False)
        axes.spines[:].set_visible(True)
    relu.plot([-0.35, 1.3], [1.3, -0.35], color=drawing.INK, linewidth=1.5, label="parts them")
    line.set(title="the inputs x", yticks=[], xlabel="x")
    linear.set(title="two linear units: x, -x", xlabel="unit 1", ylabel="unit 2")
    relu.set(title="relu(x), relu(-x): folded", xlabel="unit 1", ylabel="unit 2")
    relu.legend(frameon=False, loc="upper right")
    return _titled(drawn, "Linear units move a line, ReLU units fold it: then a straight line parts the classes")


def critical(sigmas: Sequence[float], accuracy: Sequence[float]) -> float:
    """The measured critical sigma_w2 by the rule of `experiments/edge_of_chaos.py`.

    Args:
      sigmas: ascending; accuracy: of the deepest network at each.

    Raises:
      ValueError: accuracy does not fall half the way to chance on both sides.
    """
    accuracy, logs = np.asarray(accuracy, float), np.log(sigmas)
    best, half = int(np.argmax(accuracy)), (np.max(accuracy) + CHANCE) / 2
    left = [i for i in range(best) if accuracy[i] < half <= accuracy[i + 1]]
    right = [i for i in range(best, len(logs) - 1) if accuracy[i] >= half > accuracy[i + 1]]
    if not left or not right:
        raise ValueError("accuracy does not fall half the way to chance on both sides of its best value")
    crossings = [_crossing(logs, accuracy, i, half) for i in (left[-1], right[0])]
    return math.exp(sum(crossings) / 2)


def _crossing(x: np.ndarray, y: np.ndarray, i: int, level: float) -> float:
    return float(x[i] + (level - y[i]) / (y[i + 1] - y[i]) * (x[i + 1] - x[i]))


def _accuracy(study: store.Study) -> tuple[list[float], list[int], np.ndarray, float]:
    """(sigma_w2, depths, mean test accuracy `[depths, sigma_w2]`, sigma_b2) of the stored arms."""
    inits = {arm.fields["init"]: dict(specs.parse(arm.fields["init"]).kwargs) for arm in study.arms}
    sigmas = sorted({kwargs["sigma_w2"] for kwargs in inits.values()})
    depths = sorted({_argument(arm, "depth") for arm in study.arms})
    accuracy = np.full((len(depths), len(sigmas)), np.nan)
    for arm in study.arms:
        sigma_w2 = inits[arm.fields["init"]]["sigma_w2"]
        accuracy[depths.index(_argument(arm, "depth")), sigmas.index(sigma_w2)] = 1 - arm.estimate("test_error").mean
    (sigma_b2,) = {kwargs["sigma_b2"] for kwargs in inits.values()}
    return sigmas, depths, accuracy, sigma_b2


def _argument(arm: Arm, name: str) -> int:
    return {"depth": 2, "width": 100, **dict(specs.parse(arm.fields["model"]).kwargs)}[name]  # mlp's defaults


def _constructed(inputs: int, width: int, depth: int) -> int:
    network = theory.folding(inputs, [width] * depth)
    return segments.pieces(network, [0.0], [1.0]) if inputs == 1 else regions.count(network, (0, 0), (1, 1))


def _counts(axes: Axes, depths: Sequence[int], arms: Sequence[Arm], metric: str, label: str, look: dict) -> None:
    """Means of counts with their intervals."""
    found = [arm.estimate(metric) for arm in arms]
    sides = np.array([[each.mean - max(each.low, 1), each.high - each.mean] for each in found]).T
    style = {"color": look["color"], "linestyle": look["linestyle"], "marker": look["marker"]}
    axes.errorbar(
        depths, [each.mean for each in found], sides, label=label, linewidth=1.8, markersize=7, capsize=3, **style
    )


def _edges(values: np.ndarray) -> np.ndarray:
    """Borders of cells around ascending values."""
    middle = (values[1:] + values[:-1]) / 2
    return np.concatenate([[2 * values[0] - middle[0]], middle, [2 * values[-1] - middle[-1]]])


def _seeds(study: store.Study) -> int:
    return min(len(arm.rows) for arm in study.arms)


def _titled(drawn: Figure, title: str) -> Figure:
    drawn.get_layout_engine().set(w_pad=12 / 72, h_pad=9 / 72)
    drawn.suptitle(title, x=0.012, ha="left", fontsize="large", fontweight="bold")
    return drawn


FIGURES: dict[str, Callable[[store.Study], Figure]] = {
    "linear_regions": linear_regions,
    "edge_of_chaos": edge_of_chaos,
}


def main(results: pathlib.Path = RESULTS, figures: pathlib.Path = DOCS / "figures") -> None:
    """Draws what has its study, and says what has not."""
    figures.mkdir(exist_ok=True)
    with drawing.style(**{"svg.fonttype": "path", "font.size": 13, "savefig.facecolor": drawing.PAPER}):
        _write(fold(), figures / "fold.svg")
        for name, draw in FIGURES.items():
            if (results / name / "study.json").is_file():
                _write(draw(store.read(results / name)), figures / f"{name}.svg")
            else:
                print(f"{name}: no study in {results / name}; run and publish its experiment first")


def _write(drawn: Figure, path: pathlib.Path) -> None:
    path.write_text(drawing.save(drawn, path.stem), encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
