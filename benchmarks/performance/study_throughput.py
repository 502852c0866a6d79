"""Section "A whole study": trials a minute against a PyTorch script."""

import json
import pathlib
from typing import Any

from matplotlib.figure import Figure

from assay.report import drawing
from benchmarks.performance.made import made

GOALS = {"mlp": 3.0, "lenet": 1.3}
NAMES = {"mlp": "784-100-100-10", "lenet": "LeNet"}


def text(results: pathlib.Path) -> str:
    """The section in Markdown."""
    studies = json.loads((results / "study_throughput.json").read_text())
    first, *_ = studies.values()
    others = [side for side in first["sides"] if side != "assay"]
    absent = [NAMES[kind] for kind in GOALS if kind not in map(_kind, studies.values())]
    lines = [
        "## A whole study",
        "",
        f"5 activations x 3 initialisations x 20 seeds on MNIST: {first['trials_of_the_whole']} trials. assay is the command,",
        "from the start of Python with an empty compilation cache to the report. PyTorch is",
        "[a script](../benchmarks/study_in_pytorch.py) without loader or needless synchronisation that does the same steps",
        f"and evaluations, as it is usually run{', and dealt out to one process of one thread a core' * (len(others) > 1)}.",
        "Every side was run with fewer and with more seeds; what a start and a trial cost follows from the two, and the whole",
        "study from that.",
        "",
        "![Trials a minute of a whole study](figures/study_throughput.svg)",
        "",
        f"| study | batch | assay, trials/min | {' | '.join(f'{side}, trials/min' for side in others)} |"
        f" {' | '.join(f'assay to {side}' for side in others)} | goal |",
        f"|{'---|' * (4 + 2 * len(others))}",
        *(_row(one, others) for one in studies.values()),
        "",
        "| study | batch | side | a start, s | a trial, s | a trial's processor time, s |",
        "|---|---|---|---|---|---|",
        *(
            f"| {_name(one)} | {one['batch_size']} | {side} | {cost['seconds_of_start']:.1f} |"
            f" {cost['seconds_a_trial']:.2f} | {cost['processor_seconds_a_trial']:.2f} |"
            for one in studies.values()
            for side, cost in one["sides"].items()
        ),
        "",
        *(_against(side, list(studies.values())) for side in others),
        f"No stored figure yet: {', '.join(absent) or 'none'}. {_errors(first)}",
        "",
        "Processor time hardly depends on what else the machine did. By the profiler, the two products with the first layer's",
        "kernel take half of a step of assay's small network, and no less of a loop in plain JAX that does nothing else; most",
        "of a start is compiling.",
        "",
        made(first, "study_throughput.json"),
        "",
    ]
    return "\n".join(lines)


def draw(results: pathlib.Path) -> dict[str, Figure]:
    """Trials a minute of every side over those of the better PyTorch, a group of bars a study."""
    studies = json.loads((results / "study_throughput.json").read_text()).values()
    sides = list(next(iter(studies))["sides"])
    figure = Figure(figsize=(850 / 72, (100 + 70 * len(studies)) / 72), dpi=72, layout="constrained")
    axes = figure.subplots()
    for look, side in enumerate(sides):
        at = [row + 0.27 * (look - 1) for row in range(len(studies))]
        rates = [one["sides"][side]["trials_per_minute"] for one in studies]
        shares = [rate / one["sides"][one["alternative"]]["trials_per_minute"] for one, rate in zip(studies, rates)]
        axes.barh(at, shares, 0.25, color=drawing.SERIES[look]["color"], label=side)
        for row, share, rate in zip(at, shares, rates):
            axes.annotate(f"{share:.2f} ({rate:.0f} a minute)", (share, row), (4, -4), textcoords="offset points")
    axes.set_yticks(range(len(studies)), [_title(one).replace(", ", ",\n") for one in studies])
    axes.invert_yaxis()
    axes.axvline(1, color=drawing.INK, linewidth=1)
    axes.margins(x=0.25)
    axes.set_xlabel("trials a minute of the whole study, the better PyTorch = 1")
    figure.legend(loc="outside lower center", ncols=len(sides), frameon=False)
    return {"study_throughput": figure}


def _kind(one: dict[str, Any]) -> str:
    return one["model"].partition("(")[0]


def _name(one: dict[str, Any]) -> str:
    return NAMES[_kind(one)]


def _title(one: dict[str, Any]) -> str:
    return f"{_name(one)}, batches of {one['batch_size']}"


def _against(side: str, studies: list[dict[str, Any]]) -> str:
    missed = [_title(one) for one in studies if one["ratio"][side] < GOALS[_kind(one)]]
    return f"Against {side}: " + (f"below the goal by {'; '.join(missed)}." if missed else "every goal is met.")


def _row(one: dict[str, Any], others: list[str]) -> str:
    rates = " | ".join(f"{one['sides'][side]['trials_per_minute']:.0f}" for side in ("assay", *others))
    ratios = " | ".join(f"{one['ratio'][side]:.2f}" for side in others)
    return f"| {_name(one)} | {one['batch_size']} | {rates} | {ratios} | {GOALS[_kind(one)]:g} |"


def _errors(one: dict[str, Any]) -> str:
    of_assay, of_torch = (one["mean_test_error"][side] for side in ("assay", one["alternative"]))
    widest = max(abs(of_assay[arm] - of_torch[arm]) for arm in of_assay)
    return f"Both sides learn alike: arms of {_name(one)} differ in mean test error by {100 * widest:.1f} points at most."
