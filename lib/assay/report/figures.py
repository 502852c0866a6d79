"""The figures of final results: every arm's interval on one scale, and a heat map for two axes."""

from collections.abc import Sequence
import math
from pathlib import Path
import re
import textwrap

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
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
        drawn.set_figheight(drawn.get_figheight() + 70 / 72)  # for the question and the caption
        drawn.get_layout_engine().set(w_pad=12 / 72, h_pad=9 / 72)
        question = "\n".join(textwrap.wrap(str(study.about.get("question", "")), 80))
        drawn.suptitle(question, x=0.012, ha="left", fontsize="large", fontweight="bold")
        drawn.supxlabel(caption(study), x=0.012, ha="left", fontsize="small", color=drawing.MUTED)
        text = drawing.save(drawn, f"picture of {study.folder.name}")
    path = study.folder / "picture.svg"
    path.write_text(text, encoding="utf-8")
    return path


def caption(study: store.Study) -> str:
    """What a mean and its interval are, in one line."""
    counts = sorted({len(arm.values("test_error")) for arm in study.arms if arm.rows})
    runs = "no runs" if not counts else f"{counts[0]} runs" if len(counts) == 1 else f"{counts[0]} to {counts[-1]} runs"
    said = f"Mean test error in %, with its 95 % t interval over {runs} per arm."
    return said + " Runs that diverged count as 100 %." * any(arm.diverged for arm in study.arms)


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
    room = int((width - 12 * em) / len(values[across]) / em / 0.65)  # characters above a column
    drawn, axes = drawing.figure(width, 4.8 * em * len(values[down]) + 5 * em)
    for i, row in enumerate(values[down]):
        for j, column in enumerate(values[across]):
            _cell(axes, j, i, cells.get((row, column)), means[i, j], _norm(means))
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelcolor=drawing.INK)
    axes.xaxis.tick_top()
    axes.set_xticks(range(len(values[across])), [_short(value, room) for value in values[across]])
    axes.set_yticks(range(len(values[down])), [_short(value, 16) for value in values[down]])
    axes.set(xlim=(-0.5, len(values[across]) - 0.5), ylim=(len(values[down]) - 0.5, -0.5))
    return drawn


def _cell(axes: Axes, x: int, y: int, arm: Arm | None, mean: float, norm: Normalize) -> None:
    if arm is None or not math.isfinite(mean):
        what = "no arm" if arm is None else "not yet run"
        axes.text(x, y, what, ha="center", va="center", color=drawing.MUTED, fontsize="small")
        return
    found = arm.estimate("test_error")
    axes.add_patch(Rectangle((x - 0.49, y - 0.48), 0.98, 0.96, facecolor=_SCALE(norm(mean)), linewidth=0))
    color = _DARK_TEXT if _luminance(_SCALE(norm(mean))) > 0.18 else _LIGHT_TEXT  # whichever contrasts more
    below = [quantities.interval("test_error", found.low, found.high) or "one run"]
    below += [f"{len(arm.diverged)} diverged"] if arm.diverged else []
    axes.annotate(f"{100 * mean:.2f}", (x, y), (0, 1), textcoords="offset points", ha="center", va="bottom",
                  color=color, fontweight="bold", fontsize="large")
    axes.annotate("\n".join(below), (x, y), (0, -2), textcoords="offset points", ha="center", va="top",
                  color=color, fontsize="small")


def _luminance(color: Sequence[float]) -> float:
    """Relative luminance of an sRGB colour, 0..1 (WCAG 2.2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _norm(means: np.ndarray) -> Normalize:
    seen = means[np.isfinite(means)]
    if not len(seen):
        return Normalize(0, 1)
    low, high = float(seen.min()), float(seen.max())
    return LogNorm(low, high) if low > 0 and high > 4 * low else Normalize(low, high if high > low else low + 1e-9)


def _short(value: object, width: int) -> str:
    """A label in lines of at most `width` characters, broken after underscores, commas and brackets if it can be."""
    pieces = [piece for part in re.split(r"(?<=[_,(])", str(value)) for piece in textwrap.wrap(part, width) or [""]]
    lines = [""]
    for piece in pieces:
        if lines[-1] and len(lines[-1] + piece) > width:
            lines.append("")
        lines[-1] += piece
    return _cut("\n".join(lines), 4 * width)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[: length - 1]}…"


def _em(width: float | None) -> float:
    return 13 if width and width >= 800 else 9.5


def interval_plot(study: store.Study, width: float = 320) -> Figure:
    """Every arm's mean test error with its 95 % t interval, its runs as dots, published values as diamonds.

    Above LIMIT arms, the half with the lowest and the half with the highest mean are drawn.
    """
    kept = extremes([arm.estimate("test_error").mean for arm in study.arms], LIMIT)
    wide, em = width >= 600, _em(width)
    drawn, axes = drawing.figure(width, (2.3 if wide else 3.8) * em * len(kept) + 4 * em)
    drawn_values = [value for i in kept for value in study.arms[i].values("test_error")]
    for y, i in enumerate(kept):
        _interval(axes, y, study.arms[i], study.published[i])
    labels = [_short(study.arms[i].label, 40) if wide else _cut(study.arms[i].label, 48) for i in kept]
    axes.set_yticks(range(len(kept)), labels if wide else [""] * len(kept))
    for y, label in enumerate([] if wide else labels):
        text = axes.annotate(label, (0, y), (0, 8), xycoords=("axes fraction", "data"), textcoords="offset points", va="bottom")
        text.set_in_layout(False)
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
        axes.annotate(said, (1, y), (0, 4), xycoords=("axes fraction", "data"), textcoords="offset points", ha="right",
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
