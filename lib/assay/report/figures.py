"""Every arm's interval on one scale, and the one picture of a study."""

from collections.abc import Sequence
import math
from pathlib import Path
import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator
import numpy as np

from assay.claims.published import Comparison
from assay.report import drawing, heat_map, quantities, store
from assay.report.arms import Arm, extremes

LIMIT = 40  # arms that one interval plot stays legible with


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
        drawn = heat_map.draw(study, 850) if heat_map.is_grid(study) else interval_plot(study, 850)
        drawn.set_figheight(drawn.get_figheight() + 70 / 72)  # for the question and the caption
        drawn.get_layout_engine().set(w_pad=12 / 72, h_pad=9 / 72)
        question = "\n".join(textwrap.wrap(str(study.about.get("question", "")), 80))
        drawn.suptitle(question, x=0.012, ha="left", fontsize="large", fontweight="bold")
        marked = not heat_map.is_grid(study) and any(
            each.published.metric == study.test for found in study.published for each in found
        )
        drawn.supxlabel(
            caption(study) + " Open diamonds: published." * marked,
            x=0.012,
            ha="left",
            fontsize="small",
            color=drawing.MUTED,
        )
        text = drawing.save(drawn, f"picture of {study.folder.name}")
    path = study.folder / "picture.svg"
    path.write_text(text, encoding="utf-8")
    return path


def caption(study: store.Study) -> str:
    """What a mean and its interval are, in one line."""
    counts = sorted({len(arm.values(study.test)) for arm in study.arms if arm.rows})
    runs = (
        "no runs"
        if not counts
        else f"{counts[0]} runs"
        if len(counts) == 1
        else f"{counts[0]} to {counts[-1]} runs"
    )
    what = quantities.axis(study.test).replace(",", " in")
    said = f"Mean {what}, with its 95 % t interval over {runs} per arm."
    said += f" Each arm at its own {' and '.join(study.about['tried'])}, chosen on validation." if study.choices else ""
    lost = "count as 100 %" if quantities.is_error(study.test) else "have no value and are left out"
    return said + f" Runs that diverged {lost}." * any(arm.diverged for arm in study.arms)


def interval_plot(study: store.Study, width: float = 320) -> Figure:
    """Every arm's test mean with its 95 % t interval, its runs as dots, published values as diamonds.

    Above LIMIT arms, the half with the lowest and the half with the highest mean are drawn.
    """
    kept = extremes([arm.estimate(study.test).mean for arm in study.arms], LIMIT)
    wide, em = width >= 600, drawing.em(width)
    drawn, axes = drawing.figure(width, (2.3 if wide else 3.8) * em * len(kept) + 4 * em)
    drawn_values = [value for i in kept for value in study.arms[i].values(study.test)]
    for y, i in enumerate(kept):
        _interval(axes, y, study.test, study.arms[i], study.published[i])
    labels = [
        drawing.label(study.arms[i].label, 40) if wide else drawing.cut(study.arms[i].label, 48) for i in kept
    ]
    axes.set_yticks(range(len(kept)), labels if wide else [""] * len(kept))
    for y, label in enumerate([] if wide else labels):
        text = axes.annotate(
            label, (0, y), (0, 8), xycoords=("axes fraction", "data"), textcoords="offset points", va="bottom"
        )
        text.set_in_layout(False)
    axes.set_ylim(len(kept) - 0.4, -0.6 if wide else -0.9)
    _value_axis(axes, study.test, drawn_values)
    axes.tick_params(axis="y", labelcolor=drawing.INK)
    axes.spines["left"].set_visible(False)
    axes.grid(False, axis="y")
    axes.grid(True, axis="x")
    axes.set_xlabel(quantities.axis(study.test))
    return drawn


def _interval(axes: Axes, y: int, metric: str, arm: Arm, published: Sequence[Comparison]) -> None:
    values, found = arm.values(metric), arm.estimate(metric)
    blue = drawing.SERIES[0]["color"]
    axes.plot(
        values,
        np.full(len(values), y + 0.22),
        linestyle="",
        marker="o",
        markersize=2.6,
        color=drawing.MUTED,
        alpha=0.55,
        markeredgewidth=0,
    )
    if math.isfinite(found.low):
        axes.plot([found.low, found.high], [y, y], color=blue, linewidth=2.2, marker="|", markersize=7)
    axes.plot([found.mean], [y], marker="o", markersize=6, color=blue)
    for each in published:
        if each.published.metric == metric:
            axes.plot(
                [each.published.value],
                [y],
                marker="D",
                markersize=6,
                markerfacecolor="none",
                color=drawing.SERIES[1]["color"],
            )
    if arm.diverged or not arm.rows:
        said = f"{len(arm.diverged)} of {len(arm.rows)} diverged" if arm.rows else "not yet run"
        axes.annotate(
            said,
            (1, y),
            (0, 4),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            ha="right",
            va="bottom",
            fontsize="small",
            color=drawing.MUTED,
        )


def _value_axis(axes: Axes, metric: str, values: Sequence[float]) -> None:
    """Ticks along x, errors in per cent; a log scale where positive values span more than a factor of 8."""
    axis, seen = axes.xaxis, [value for value in values if math.isfinite(value)]
    times = 100 if quantities.is_error(metric) else 1
    if seen and min(seen) > 0 and max(seen) > 8 * min(seen):
        axes.set_xscale("log")
        axis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
        axis.set_minor_locator(LogLocator(subs=()))
    else:
        axis.set_major_locator(MaxNLocator(5))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{times * value:.6g}"))
