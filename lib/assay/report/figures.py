"""The figures of final results: every arm's interval on one scale, and a heat map for two axes."""

from collections.abc import Sequence
import math
from pathlib import Path
import textwrap

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator
import numpy as np

from assay.claims.published import Comparison
from assay.report import drawing, quantities, store
from assay.report.arms import Arm, extremes

LIMIT = 40  # arms that one interval plot stays legible with
_SCALE = LinearSegmentedColormap.from_list("error", ["#eef4fa", "#9cc3e0", "#3c7fb1", "#0b3a63"])
_DARK_TEXT, _LIGHT_TEXT = "#0b0d0f", "#fefefe"  # on cells, whose colours do not follow the page's theme


def picture(study_dir: Path) -> Path:
    """Draws a study's one figure for a README, 850 pixels wide, as `<study_dir>/picture.svg`.

    It is the heat map of a study with two axes and the interval plot of any other. Letters are drawn as
    outlines, so it looks the same everywhere.

    Returns:
      The path of the SVG file.

    Raises:
      ReportError: no study.json, a damaged file, or no finished trial to draw.
    """
    study = store.read(Path(study_dir))
    if not study.rows:
        raise store.ReportError(f"no finished trials in {study_dir}; there is nothing to draw yet")
    with drawing.style(**{"svg.fonttype": "path", "font.size": 13, "savefig.facecolor": drawing.PAPER}):
        drawn = heat_map(study, 850) if is_grid(study) else interval_plot(study, 850)
        question = "\n".join(textwrap.wrap(str(study.about.get("question", "")), 80))
        drawn.suptitle(f"{question}\n", x=0.012, ha="left", fontsize="large", fontweight="bold")
        drawn.supxlabel(f"{caption(study)}", x=0.012, ha="left", fontsize="small", color=drawing.MUTED)
        text = drawing.save(drawn, f"picture of {study.folder.name}")
    path = study.folder / "picture.svg"
    path.write_text(text, encoding="utf-8")
    return path


def caption(study: store.Study) -> str:
    """What a mean and its interval are, in one line."""
    counts = sorted({len(arm.values("test_error")) for arm in study.arms if arm.rows})
    runs = "no runs" if not counts else f"{counts[0]} runs" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} runs"
    return f"Mean test error in %, with its 95 % t interval over {runs} per arm."


def is_grid(study: store.Study) -> bool:
    """Whether two fields vary and most of their combinations are arms."""
    if len(study.fields) != 2 or len(study.arms) < 4:
        return False
    sizes = [len({arm.fields[field] for arm in study.arms}) for field in study.fields]
    return len(study.arms) > 0.5 * sizes[0] * sizes[1] and min(sizes) <= 16


def heat_map(study: store.Study, width: float | None = None) -> Figure:
    """Mean test error of every combination of two fields; mean, interval and divergences in the cells.

    Args:
      width: in pixels; None gives each column just the room it needs.
    """
    values = [list(dict.fromkeys(arm.fields[field] for arm in study.arms)) for field in study.fields]
    across = int(len(values[1]) < len(values[0]))
    down = 1 - across
    cells = {(arm.fields[study.fields[down]], arm.fields[study.fields[across]]): arm for arm in study.arms}
    means = np.array([
        [cells[r, c].estimate("test_error").mean if (r, c) in cells else math.nan for c in values[across]]
        for r in values[down]
    ])
    em = _em(width)
    width = width or 12 * em + 9.5 * em * len(values[across])
    drawn, (axes,) = drawing.figure(width, (4.3 if width >= 800 else 4.8) * em * len(values[down]) + 5 * em)
    axes.imshow(means, cmap=_SCALE, norm=_norm(means), aspect="auto")
    for i, row in enumerate(values[down]):
        for j, column in enumerate(values[across]):
            _cell(axes, j, i, cells.get((row, column)), means[i, j], _norm(means))
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelcolor=drawing.INK)
    axes.xaxis.tick_top()
    axes.set_xticks(range(len(values[across])), [_short(value, 11) for value in values[across]])
    axes.set_yticks(range(len(values[down])), [_short(value, 16) for value in values[down]])
    axes.set_xticks(np.arange(1, len(values[across])) - 0.5, minor=True)
    axes.set_yticks(np.arange(1, len(values[down])) - 0.5, minor=True)
    axes.grid(True, which="minor", axis="both", color=drawing.PAPER, linewidth=2)
    return drawn


def _cell(axes: Axes, x: int, y: int, arm: Arm | None, mean: float, norm: Normalize) -> None:
    if arm is None or not math.isfinite(mean):
        what = "no arm" if arm is None else "not yet run"
        axes.text(x, y, what, ha="center", va="center", color=drawing.MUTED, fontsize="small")
        return
    found = arm.estimate("test_error")
    red, green, blue, _ = _SCALE(norm(mean))
    color = _DARK_TEXT if 0.299 * red + 0.587 * green + 0.114 * blue > 0.55 else _LIGHT_TEXT
    below = [quantities.interval("test_error", found.low, found.high) or "one run"]
    below += [f"{len(arm.diverged)} diverged"] if arm.diverged else []
    axes.annotate(f"{100 * mean:.2f}", (x, y), (0, 1), textcoords="offset points", ha="center", va="bottom",
                  color=color, fontweight="bold", fontsize="large")
    axes.annotate("\n".join(below), (x, y), (0, -2), textcoords="offset points", ha="center", va="top",
                  color=color, fontsize="small")


def _norm(means: np.ndarray) -> Normalize:
    seen = means[np.isfinite(means)]
    if not len(seen):
        return Normalize(0, 1)
    low, high = float(seen.min()), float(seen.max())
    return LogNorm(low, high) if low > 0 and high > 4 * low else Normalize(low, high if high > low else low + 1e-9)


def _short(value: object, width: int) -> str:
    """A label in lines of about `width` characters, broken after underscores, commas and brackets."""
    text = str(value)
    for sign in "_,(":
        text = text.replace(sign, f"{sign}\u200b")
    lines, line = [], ""
    for part in text.split("\u200b"):
        if line and len(line + part) > width:
            lines, line = [*lines, line], ""
        line += part
    return "\n".join([*lines, line])


def _em(width: float | None) -> float:
    return 13 if width and width >= 800 else 9.5


def interval_plot(study: store.Study, width: float = 360) -> Figure:
    """Every arm's mean test error with its 95 % t interval, its runs as dots, published values as diamonds.

    Above LIMIT arms, the half with the lowest and the half with the highest mean are drawn.
    """
    kept = extremes([arm.estimate("test_error").mean for arm in study.arms], LIMIT)
    wide, em = width >= 600, _em(width)
    drawn, (axes,) = drawing.figure(width, (2.3 if wide else 3.4) * em * len(kept) + 4 * em)
    drawn_values = [value for i in kept for value in study.arms[i].values("test_error")]
    for y, i in enumerate(kept):
        _interval(axes, y, study.arms[i], study.published[i])
    labels = [study.arms[i].label for i in kept]
    axes.set_yticks(range(len(kept)), labels if wide else [""] * len(kept))
    for y, label in enumerate([] if wide else labels):
        axes.annotate(label, (0, y), (0, 5), xycoords=("axes fraction", "data"), textcoords="offset points", va="bottom")
    axes.set_ylim(len(kept) - 0.4, -0.6 if wide else -0.9)
    percent_axis(axes, "x", drawn_values)
    axes.tick_params(axis="y", labelcolor=drawing.INK)
    axes.spines["left"].set_visible(False)
    axes.grid(False, axis="y")
    axes.grid(True, axis="x")
    axes.set_xlabel("test error, %")
    return drawn


def _interval(axes: Axes, y: int, arm: Arm, published: Sequence[Comparison]) -> None:
    values, found = arm.values("test_error"), arm.estimate("test_error")
    blue = drawing.SERIES[0]["color"]
    axes.plot(values, np.full(len(values), y + 0.22), linestyle="", marker="o", markersize=2.6, color=drawing.MUTED,
              alpha=0.55, markeredgewidth=0)
    if math.isfinite(found.low):
        axes.plot([found.low, found.high], [y, y], color=blue, linewidth=2.2, marker="|", markersize=7)
    axes.plot([found.mean], [y], marker="o", markersize=6, color=blue)
    for each in published:
        if each.published.metric == "test_error":
            axes.plot([each.published.value], [y], marker="D", markersize=6, markerfacecolor="none", color=drawing.SERIES[1]["color"])
    if arm.diverged or not arm.rows:
        said = f"{len(arm.diverged)} of {len(arm.rows)} diverged" if arm.rows else "not yet run"
        axes.annotate(said, (1, y), (0, 5), xycoords=("axes fraction", "data"), textcoords="offset points", ha="right",
                      va="bottom", fontsize="small", color=drawing.MUTED)


def percent_axis(axes: Axes, which: str, values: Sequence[float]) -> None:
    """Ticks in per cent; a log scale where positive values span more than a factor of 8."""
    axis, seen = getattr(axes, f"{which}axis"), [value for value in values if math.isfinite(value)]
    if seen and min(seen) > 0 and max(seen) > 8 * min(seen):
        getattr(axes, f"set_{which}scale")("log")
        axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
        axis.set_minor_locator(LogLocator(subs=()))
    else:
        axis.set_major_locator(MaxNLocator(5))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.6g}"))
