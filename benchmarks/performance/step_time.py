"""Section "Step time": one training step against PyTorch and plain flax."""

import json
import pathlib
from typing import Any

from matplotlib.figure import Figure

from assay.report import drawing

TITLES = {
    "mlp": "MLP 784-256-256-10",
    "lenet": "LeNet, 28x28",
    "strided_cnn": "strided CNN, 28x28",
    "resnet20": "ResNet-20, 32x32x3",
    "vgg11": "VGG-11, 32x32x3",
    "densenet40": "DenseNet-40 (k=12), 32x32x3",
    "unet": "U-Net, 128x128",
    "dcgan": "DCGAN, 32x32x3",
    "autoencoder": "autoencoder, 9 layers",
}
# The order of the columns; of PyTorch the faster one is given in milliseconds.
COLUMNS = {"assay loop": "assay, loop", "assay step": "assay, step", "flax step": "flax, step", "flax loop": "flax, loop"}


def text(results: pathlib.Path) -> str:
    """The section in Markdown."""
    found = _read(results)
    made = next(iter(found.values()))["environment"]
    versions = ", ".join(f"{name} {made[name]}" for name in ("python", "jax", "flax", "torch"))
    missed = [TITLES[name] for name, one in found.items() if one["to_torch"]["assay loop"] > 1]
    lines = [
        "## Step time",
        "",
        "Time of one training step (forward, backward, SGD; float32) as a ratio to PyTorch in channels_last, the faster of",
        "eager and `torch.compile`. *Loop*: many steps in one compiled call, as assay trains; *step*: a call a step. The",
        "same networks, losses and optimiser, data in memory; medians over the quietest rounds of a run in turns.",
        "",
        "![Step time as a ratio to PyTorch](figures/step_time.svg)",
        "",
        f"| network | batch | PyTorch, ms | by | {' | '.join(COLUMNS.values())} |",
        f"|{'---|' * (4 + len(COLUMNS))}",
        *(_row(TITLES[name], one) for name, one in found.items()),
        "",
        f"The goal, at most PyTorch's time in the loop, is missed by: {', '.join(missed) or 'none'}.",
        "",
        f"{made['cores']} cores of {made['processor']}; {versions}; {made['date']}; `{made['command']}`;",
        "[all times](../benchmarks/results/step_time.json).",
        "",
    ]
    return "\n".join(lines)


def draw(results: pathlib.Path) -> dict[str, Figure]:
    """The ratios of assay's and plain flax's loops as bars on a logarithmic axis."""
    found = _read(results)
    figure = Figure(figsize=(850 / 72, (90 + 46 * len(found)) / 72), dpi=72, layout="constrained")
    axes = figure.subplots()
    for offset, label, look in ((-0.2, "assay loop", 0), (0.2, "flax loop", 1)):
        ratios = [one["to_torch"][label] for one in found.values()]
        at = [row + offset for row in range(len(found))]
        axes.barh(at, ratios, 0.36, color=drawing.SERIES[look]["color"], label=COLUMNS[label])
        for row, ratio in zip(at, ratios):
            axes.annotate(f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}", (ratio, row), (4, -4), textcoords="offset points")
    axes.axvline(1, color=drawing.INK, linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(range(len(found)), [TITLES[name] for name in found])
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_xlabel("time of a training step in the loop, PyTorch's = 1")
    axes.legend(frameon=False, loc="lower right")
    return {"step_time": figure}


def _row(title: str, one: dict[str, Any]) -> str:
    fastest = one["fastest_torch"]
    ratios = " | ".join(f"{one['to_torch'][label]:.2f}" for label in COLUMNS)
    return f"| {title} | {one['case']['batch']} | {one['ms'][fastest]:.1f} | {fastest.removeprefix('torch ')} | {ratios} |"


def _read(results: pathlib.Path) -> dict[str, Any]:
    stored = json.loads((results / "step_time.json").read_text())
    return {name: stored[name] for name in TITLES if name in stored}
