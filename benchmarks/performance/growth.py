"""Section "How cost grows": trials, depth, width, data; each on logarithmic axes with its slope."""

import json
import pathlib
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
import numpy as np

from assay.report import drawing
from benchmarks.performance.axes import logarithmic
from benchmarks.performance.made import made

LIMIT = 10  # seconds of report and statistics at 10,000 trials
LAST = 3  # points that a slope is fitted to: what it comes to where fixed costs have lost their weight
# Of each figure: the quantity along x, its title, and the curves by name with what they are called and their unit.
FIGURES = {
    "depth": ("hidden layers of 64 units", {"step_ms": "a step, ms", "compile_seconds": "compiling, s"}),
    "width": ("units of each of two hidden layers", {"step_ms": "a step, ms", "compile_seconds": "compiling, s"}),
    "data": ("training examples", {"epoch_seconds": "an epoch, s"}),
}
X = {"depth": "depth", "width": "width", "data": "examples"}


def text(results: pathlib.Path) -> str:
    """The section in Markdown."""
    stored = json.loads((results / "growth.json").read_text())
    largest = [one for one in stored["trials"] if one["trials"] == max(each["trials"] for each in stored["trials"])]
    said = "; ".join(
        f"{one['trials']:,} trials in {one['arms']:,} arms: {_judged(one):.1f} s"
        f" ({'within' if _judged(one) < LIMIT else 'MORE than'} the goal of {LIMIT} s)"
        for one in largest
    )
    stages = list(stored["trials"][0]["seconds"])
    lines = [
        "## How cost grows",
        "",
        f"Slopes are of the last {LAST} points on logarithmic axes: 1 is proportional, 0 does not grow.",
        "",
        "![Seconds by number of trials](figures/growth_trials.svg)",
        "",
        f"| trials | arms | {' | '.join(f'{stage}, s' for stage in stages)} | bytes a trial | on disk |",
        f"|{'---|' * (4 + len(stages))}",
        *(
            f"| {one['trials']:,} | {one['arms']:,} | {_seconds(one, stages)} |"
            f" {one['bytes_per_trial']:,.0f} | {one['disk_bytes_per_trial']:,.0f} |"
            for one in stored["trials"]
        ),
        "",
        "Tiny trials, so that what is seen is engine, store and report. *Training* holds start and compilation; *finished command",
        "again* is the same command when nothing is left to train: it checks every trial's files, collects, judges and reports.",
        f"Collecting, statistics and report together: {said}.",
        "",
        *(f"![Cost by {name}](figures/growth_{name}.svg)" for name in FIGURES),
        "",
        "| | slope |",
        "|---|---|",
        *(f"| {name} | {value:.2f} |" for name, value in _slopes(stored).items()),
        "",
        made(stored, "growth.json"),
        "",
    ]
    return "\n".join(lines)


def draw(results: pathlib.Path) -> dict[str, Figure]:
    """One figure each."""
    stored = json.loads((results / "growth.json").read_text())
    found = {}
    figure, axes = _figure("trials in 10 arms", "seconds")
    of_ten = _of_ten(stored)
    for look, stage in enumerate(of_ten[0]["seconds"]):
        _curve(axes, [one["trials"] for one in of_ten], [one["seconds"][stage] for one in of_ten], stage, look)
    axes.axhline(LIMIT, color=drawing.MUTED, linewidth=1, linestyle=":")
    found["growth_trials"] = _legend(figure, axes)
    for name, (label, curves) in FIGURES.items():
        figure, axes = _figure(label, "seconds" if name == "data" else "milliseconds, seconds")
        for look, (key, what) in enumerate(curves.items()):
            _curve(axes, [one[X[name]] for one in stored[name]], [one[key] for one in stored[name]], what, look)
        found[f"growth_{name}"] = _legend(figure, axes)
    return found


def _figure(x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(850 / 72, 380 / 72), dpi=72, layout="constrained")
    axes = figure.subplots()
    logarithmic(axes)
    axes.set(xlabel=x, ylabel=y)
    return figure, axes


def _curve(axes: Axes, x: list[float], y: list[float], name: str, look: int) -> None:
    axes.plot(x, y, label=f"{name}: slope {slope(x, y):.2f}", **drawing.SERIES[look])


def _legend(figure: Figure, axes: Axes) -> Figure:
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def slope(x: list[float], y: list[float]) -> float:
    """Of a straight line through the last points on logarithmic axes, by least squares."""
    return float(np.polyfit(np.log(x[-LAST:]), np.log(y[-LAST:]), 1)[0])


def _of_ten(stored: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in stored["trials"] if one["arms"] == 10]


def _seconds(one: dict[str, Any], stages: list[str]) -> str:
    return " | ".join(f"{one['seconds'][stage]:.2f}" for stage in stages)


def _judged(one: dict[str, Any]) -> float:
    return sum(one["seconds"][stage] for stage in ("collecting", "statistics", "report"))


def _slopes(stored: dict[str, Any]) -> dict[str, float]:
    of_ten = _of_ten(stored)
    trials = [one["trials"] for one in of_ten]
    found = {f"{stage}, by trials": slope(trials, [one["seconds"][stage] for one in of_ten]) for stage in of_ten[0]["seconds"]}
    for name, (_, curves) in FIGURES.items():
        x = [one[X[name]] for one in stored[name]]
        found |= {f"{what.split(',')[0]}, by {name}": slope(x, [one[key] for one in stored[name]]) for key, what in curves.items()}
    return found
