"""Section "A start": imports, first step, first result, memory, bytes."""

import json
import pathlib

from matplotlib.figure import Figure

from assay.report import drawing
from benchmarks.performance.made import made


def text(results: pathlib.Path) -> str:
    """The section in Markdown."""
    stored = json.loads((results / "startup.json").read_text())
    rows = [
        f"| {name} | {of['seconds']:.2f} | {_optional(of, 'peak_mib', ',.0f')} | {_optional(of, 'bytes', ',.0f')} |"
        for name, of in stored["medians"].items()
    ]
    lines = [
        "## A start",
        "",
        "Every row is a process of its own. *First step*: from the start of Python until one training step on MNIST is done, in",
        "batches of 128; *first result*: from the start of a study's command until its first trial is stored, with all it",
        "recorded. *Cache*: the persistent cache of compiled programs, as an earlier run left it; programs with oneDNN calls are",
        "not kept in it.",
        "",
        "![Seconds of a start](figures/startup.svg)",
        "",
        "| | seconds | peak memory, MiB | bytes of a trial's record |",
        "|---|---|---|---|",
        *rows,
        "",
        made(stored, "startup.json"),
        "",
    ]
    return "\n".join(lines)


def draw(results: pathlib.Path) -> dict[str, Figure]:
    """Seconds of every row."""
    medians = json.loads((results / "startup.json").read_text())["medians"]
    figure = Figure(figsize=(850 / 72, (70 + 30 * len(medians)) / 72), dpi=72, layout="constrained")
    axes = figure.subplots()
    for row, (name, of) in enumerate(medians.items()):
        look = drawing.SERIES[int("orch" in name)]
        axes.barh(row, of["seconds"], 0.7, color=look["color"])
        axes.annotate(f"{of['seconds']:.2g}", (of["seconds"], row), (4, -4), textcoords="offset points")
    axes.set_yticks(range(len(medians)), list(medians))
    axes.invert_yaxis()
    axes.margins(x=0.08)
    axes.set_xlabel("seconds")
    return {"startup": figure}


def _optional(of: dict[str, float], name: str, form: str) -> str:
    return format(of[name], form) if name in of else ""
