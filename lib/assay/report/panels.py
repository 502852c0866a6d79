"""Small multiples: learning curves with a band over seeds, and what the probe saw layer by layer."""

from collections.abc import Mapping, Sequence
from html import escape
import math
from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator
import numpy as np

from assay.report import drawing, quantities, traces
from assay.report.arms import Arm, extremes, labelled
from assay.report.traces import Traces

LINES = 6  # in one axes
PANELS = 24  # in one grid
WIDTH = 250


class Panel(NamedTuple):
    """Arms drawn into one axes, with the legend's index of each."""

    title: str
    arms: list[Arm]


def arrange(arms: Sequence[Arm], score: str) -> tuple[list[Panel], list[str]]:
    """Deals arms out to panels of at most LINES lines.

    The lines of a panel differ by one field with at most LINES values: the last such one. Without one, every
    arm has a panel of its own. Above PANELS panels, those with the lowest and the highest `score`, a final
    metric, stay.

    Returns:
      The panels, and the legend: one entry per line of a panel, empty for panels of one line.
    """
    fields = list(arms[0].fields) if arms else []
    values = {field: list(dict.fromkeys(arm.fields[field] for arm in arms)) for field in fields}
    by = next((field for field in reversed(fields) if 2 <= len(values[field]) <= LINES), None)
    if by is None:
        panels = [Panel(arm.label, [arm]) for arm in arms]
    else:
        gathered: dict[str, list[Arm]] = {}
        for arm in arms:
            rest = [labelled(field, value) for field, value in arm.fields.items() if field != by]
            gathered.setdefault(", ".join(rest), []).append(arm)
        panels = [Panel(title, found) for title, found in gathered.items()]
    scores = [np.mean([arm.estimate(score).mean for arm in panel.arms]) for panel in panels]
    legend = [labelled(by, value) for value in values[by]] if by else []
    return [panels[i] for i in extremes(scores, PANELS)], legend


def curves(panels: Sequence[Panel], legend: Sequence[str], found: Mapping[tuple, Traces], metric: str) -> str:
    """A grid of learning curves: median over runs and the band from the 10 % to the 90 % quantile.

    Args:
      found: arm key -> its traces.
      metric: one of the traces' curves.
    """
    lines = {arm.key: traces.middle(found[arm.key].curves[metric]) for panel in panels for arm in panel.arms}
    every = np.concatenate([np.ravel(line) for line in lines.values()] or [np.empty(0)])
    every = every[np.isfinite(every)]
    if not len(every):
        return ""
    figures = []
    for number, panel in enumerate(panels):
        drawn, (axes,) = drawing.panel(WIDTH, 165)
        for arm in panel.arms:
            series = next((i for i, name in enumerate(legend) if name in names(arm)), 0)
            _curve(axes, found[arm.key].steps, lines[arm.key], drawing.SERIES[series])
            _crosses(axes, arm, drawing.SERIES[series]["color"])
        _value_scale(axes, every, 100 if quantities.is_error(metric) else 1)
        _step_scale(axes, max((found[arm.key].steps for arm in panel.arms), key=len))
        spoken = f"{quantities.name(metric)} by step, {panel.title}"
        figures.append((panel.title, drawing.inline(drawn, f"{metric}{number}", spoken)))
    return grid(figures)


def names(arm: Arm) -> list[str]:
    """What a legend may call the arm by."""
    return [labelled(field, value) for field, value in arm.fields.items()]


def _curve(axes: Axes, steps: np.ndarray, line: Sequence[np.ndarray], look: Mapping[str, object]) -> None:
    median, low, high = line
    every = max(1, len(steps) // 5)
    axes.fill_between(steps, low, high, color=look["color"], alpha=0.18, linewidth=0)
    axes.plot(steps, median, linewidth=1.7, markersize=3.5, markevery=(every // 2, every), **look)


def _crosses(axes: Axes, arm: Arm, color: str) -> None:
    at = [row["diverged_at"] for row in arm.diverged if quantities.finite(row.get("diverged_at"))]
    axes.plot(
        at,
        [0.97] * len(at),
        linestyle="",
        marker="x",
        color=color,
        markersize=5,
        markeredgewidth=1.4,
        transform=axes.get_xaxis_transform(),
        clip_on=False,
    )


def _value_scale(axes: Axes, values: np.ndarray, times: float, limits: bool = True) -> None:
    """One scale for a whole grid: logarithmic where positive values span more than a factor of 8."""
    values = values[np.isfinite(values)]
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    if low > 0 and high > 8 * low:
        axes.set_yscale("log")
        decades = math.log10(high / low)
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if decades < 2.2 else (1,), numticks=7))
        axes.yaxis.set_minor_locator(LogLocator(subs=()))
        axes.set_ylim(low / 1.12, high * 1.12)
    else:
        axes.yaxis.set_major_locator(MaxNLocator(4))
        room = 0.06 * (high - low) or 0.05 * abs(high) or 0.05
        axes.set_ylim(0 if 0 <= low < 0.3 * high else low - room, high + room)
    axes.yaxis.set_major_formatter(
        FuncFormatter(
            lambda value, _: f"{times * value:.6g}" if abs(value) > 1e-5 or value == 0 else f"{value:.0e}"
        )
    )


def _step_scale(axes: Axes, steps: np.ndarray) -> None:
    """Logarithmic where the evaluations were spaced so; step 0 then stands left of the first one."""
    if len(steps) > 4 and steps[-1] - steps[-2] > 4 * (steps[2] - steps[1]):
        first = int(steps[steps > 0][0])
        axes.set_xscale("symlog", linthresh=first, linscale=0.4)
        decades = [10**k for k in range(math.ceil(math.log10(first)), 1 + int(math.log10(steps[-1])))]
        axes.set_xticks([0, *decades[:: max(1, len(decades) // 4)]])
        axes.xaxis.set_minor_locator(MaxNLocator(1))
        axes.set_xlim(-0.15 * first, steps[-1] * 1.06)
    else:
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda value, _: f"{value / 1000:g}k" if value >= 1000 else f"{value:g}")
    )


def probes(arms: Sequence[Arm], found: Mapping[tuple, Traces], score: str) -> tuple[str, int, int]:
    """One figure per arm: activation std, saturated fraction and gradient std by depth, first and last probe.

    Above PANELS arms, those with the lowest and the highest `score`, a final metric, are drawn.

    Returns:
      The grid (empty without probes), the number of arms drawn, and of arms with probes.
    """
    every = [arm for arm in arms if found[arm.key].probes]
    probed = [every[i] for i in extremes([arm.estimate(score).mean for arm in every], PANELS)]
    pooled = {
        name: np.concatenate(
            [np.ravel(traces.middle(end)) for arm in probed for end in found[arm.key].probes[name]]
            or [np.empty(0)]
        )
        for name in traces.PROBES
    }
    figures = []
    for number, arm in enumerate(probed):
        drawn, rows = drawing.panel(WIDTH, 330, rows=len(traces.PROBES))
        trace = found[arm.key]
        depth = np.arange(1, len(trace.layers) + 1)
        for axes, name in zip(rows, traces.PROBES):
            first, last = (traces.middle(end) for end in trace.probes[name])
            for line, look in ((first, drawing.SERIES[1]), (last, drawing.SERIES[0])):
                axes.fill_between(depth, line[1], line[2], color=look["color"], alpha=0.18, linewidth=0)
                axes.plot(depth, line[0], linewidth=1.7, markersize=3.5, **look)
            axes.set_title(_PROBE_TITLES[name], loc="left")
            _value_scale(axes, pooled[name], 100 if name == "saturated" else 1)
            axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
            axes.set_xlim(0.7, len(depth) + 0.3)
            axes.tick_params(axis="x", labelbottom=axes is rows[-1])
        rows[-1].set_xlabel("layer, from input to output")
        spoken = f"Activation std, saturated fraction and gradient std by layer, {arm.label}"
        figures.append((arm.label, drawing.inline(drawn, f"probe{number}", spoken)))
    return grid(figures), len(probed), len(every)


_PROBE_TITLES = {
    "activation_std": "std of activations",
    "saturated": "saturated units, %",
    "gradient_std": "std of gradients",
}


def legend(name: str, entries: Sequence[str]) -> str:
    """Samples of the first series with what they stand for; empty for panels of a single line.

    Args:
      name: unique on the page.
    """
    items = "".join(
        f"<li>{drawing.swatch(f'{name}{i}', i)}{escape(entry)}</li>" for i, entry in enumerate(entries)
    )
    return f'<ul class="legend">{items}</ul>' if entries else ""


def grid(figures: Sequence[tuple[str, str]]) -> str:
    """Titled figures side by side, as many as the page is wide."""
    made = (f"<figure><figcaption>{escape(title)}</figcaption>{svg}</figure>" for title, svg in figures)
    return f'<div class="grid">{"".join(made)}</div>' if figures else ""
