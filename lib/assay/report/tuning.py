"""The page's section on tuning: both rankings, where they flip, and how much the tuned value matters to each arm."""

from html import escape

from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
import numpy as np

from assay.report import drawing, markup, panels, quantities, rankings, store, tables
from assay.report.rankings import Standing


def section(study: store.Study) -> str:
    """Empty where nothing was tuned."""
    if not study.about.get("tried"):
        return ""
    base = {name: study.about["base"][name] for name in study.about["tried"]}
    found = rankings.standings(study.choices, study.fields, study.metric)
    head, rows = tables.tuning_cells(found, list(base), study.metric)
    said = "".join(f'<p class="quiet">{escape(line)}</p>' for line in rankings.said(found, base, study.metric))
    table = markup.table(
        [escape(text) for text in head], [[escape(cell) for cell in row] for row in rows], range(1, len(head))
    )
    return table + said + _curves(study, found)


def _curves(study: store.Study, found: list[Standing]) -> str:
    """The validation metric by the tuned value, if that is one number: a line an arm, a ring at the value chosen."""
    if not found or any(len(v) != 1 or not isinstance(v[0], (int, float)) for v in found[0].choice.scores):
        return ""
    (field,) = found[0].choice.value
    by_arm = {each.arm.key: each for each in found}
    arranged, entries = panels.arrange([each.arm for each in found], study.validation)
    times = 100 if quantities.is_error(study.metric) else 1
    every = times * np.array([score for each in found for score in each.choice.scores.values()])
    every = every[np.isfinite(every)]
    if not len(every):
        return ""
    figures = []
    for number, panel in enumerate(arranged):
        drawn, (axes,) = drawing.panel(panels.WIDTH, 165)
        for arm in panel.arms:
            series = next((i for i, name in enumerate(entries) if name in panels.names(arm)), 0)
            _line(axes, by_arm[arm.key], drawing.SERIES[series], times)
        _scales(axes, every, [value for (value,) in found[0].choice.scores])
        spoken = f"Validation {quantities.name(study.metric)} by {field}, {panel.title}"
        figures.append((panel.title, drawing.inline(drawn, f"tuning{number}", spoken)))
    title = f"{quantities.axis(study.validation)} by {field}".capitalize()
    note = "Means over seeds at the end of training. A ring marks the value chosen."
    legend = panels.legend("tuned", entries)
    return f'<h3>{escape(title)}</h3><p class="quiet">{note}</p>{legend}{panels.grid(figures)}'


def _line(axes, standing: Standing, look: dict, times: float) -> None:
    at = sorted((value, score) for (value,), score in standing.choice.scores.items())
    x, y = np.array(at).T
    axes.plot(x, times * y, linewidth=1.7, markersize=3.5, **look)
    (chosen,) = standing.choice.value.values()
    ring = {"marker": "o", "markersize": 9, "markerfacecolor": "none", "markeredgecolor": look["color"]}
    axes.plot([chosen], [times * standing.validation], linestyle="", **ring)


def _scales(axes, scores: np.ndarray, values: list[float]) -> None:
    plain = FuncFormatter(lambda value, _: f"{value:.6g}")
    if min(values) > 0:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(numticks=6))
        axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(plain)
    if scores.min() > 0 and scores.max() > 8 * scores.min():
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=7))
        axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(plain)
