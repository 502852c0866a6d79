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
# What the profile says of networks that PyTorch is faster in; said of those that are.
REASONS = {
    "resnet20": "kernel gradients of 16 maps, its longest instructions: oneDNN's forward convolution makes "
    "them, as JAX does not call oneDNN's own kernel gradients, which PyTorch does; and the "
    "transposes that they need",
    "vgg11": "convolutions by oneDNN, which PyTorch calls as well, are nine tenths of its time",
    "unet": "convolutions alone; the longest are kernel gradients, whose channels are the batch: two",
    "dcgan": "convolutions alone; a part of a transposed convolution is computed for the border of its "
    "image in vain, which counts on maps of 4x4 and 8x8",
    "densenet40": "elementwise code and copies around 39 convolutions of growing width: batch normalisation "
    "reads its input four times and writes it twice (XLA hands the two sums to a library, which "
    "cannot take in what makes their input); and kernel gradients of 12 maps",
}
# The order of the columns; of PyTorch the faster one is given in milliseconds.
COLUMNS = {
    "assay loop": "assay, loop",
    "assay step": "assay, step",
    "flax step": "flax, step",
    "flax loop": "flax, loop",
}


def text(results: pathlib.Path) -> str:
    """The section in Markdown."""
    found = _read(results)
    made = next(iter(found.values()))["environment"]
    versions = ", ".join(f"{name} {made[name]}" for name in ("python", "jax", "flax", "torch"))
    missed = [
        f"{TITLES[name]} ({one['to_torch']['assay loop']:.2f}; {REASONS.get(name, 'reason not known')})"
        for name, one in found.items()
        if one["to_torch"]["assay loop"] > 1
    ]
    lines = [
        "## Step time",
        "",
        "Time of one training step (forward, backward, SGD; float32) as a ratio to PyTorch in",
        "channels_last, the faster of eager and `torch.compile`. *Loop*: many steps in one compiled call,",
        "as assay trains; *step*: a call a step. The same networks, losses and optimiser, data in memory;",
        "medians over the quietest rounds of a run in turns. A loop that is over ten times slower than single",
        "steps is timed for one step.",
        "",
        "![Step time as a ratio to PyTorch](figures/step_time.svg)",
        "",
        f"| network | batch | PyTorch, ms | by | {' | '.join(COLUMNS.values())} |",
        f"|{'---|' * (4 + len(COLUMNS))}",
        *(_row(TITLES[name], one) for name, one in found.items()),
        "",
        f"The goal, at most PyTorch's time in the loop, is missed by: {'; '.join(missed) or 'none'}.",
        "",
        *_machine(made),
        f"{made['processor']}; {versions}; {made['date']};",
        *(f"`{command}`;" for command in dict.fromkeys(one["environment"]["command"] for one in found.values())),
        "[all times](../benchmarks/results/step_time.json).",
        "",
        *_profile(results),
    ]
    return "\n".join(lines)


FINDINGS = """\
What the profile showed, and what came of it (`lib/assay/ops/conv_calls.py`):

- A convolution over an image with gaps, which the gradient of a strided convolution and a transposed
  convolution are, runs as a scalar loop on one thread. It is now a convolution of stride 1 that makes the
  pixels between as channels, and a copy that moves them to their place.
- An image smaller than its kernel (the last layers of VGG on 32x32) is exchanged with the kernel by XLA and
  flipped, which no library takes: a scalar loop again. It is padded beforehand.
- Of the two libraries in jaxlib, XLA asks its own (YNN) before oneDNN, which is faster for almost all
  shapes here. oneDNN gets the convolutions that have a third axis of length 1, and takes kernels whose
  channels are in the other order, so that no transposed kernel is written.
- A kernel gradient with the batch as channels has rows no longer than the kernel for the library to work
  on; with the maps of the image laid side by side along the row, and a kernel dilated by their number, it
  has as many times that.
- XLA's transposes go number by number: whole pixels first and then within pixels is faster than both at
  once.
- The input of a convolution was written twice, in the library's form and for the gradient; a barrier makes
  it once.

Tried and left out, as it did not help: kernel gradients as matrix products of shifted images; three shifts
of the gradient as one wide kernel; sums by XLA's own loops in place of the library's.
"""


def _profile(results: pathlib.Path) -> list[str]:
    stored = json.loads((results / "step_profile.json").read_text())
    kinds = list(dict.fromkeys(kind for one in stored.values() for kind in one["shares"]))
    made = next(iter(stored.values()))
    shares = [
        f"| {title} | " + " | ".join(f"{stored[name]['shares'].get(kind, 0):.0%}" for kind in kinds) + " |"
        for name, title in TITLES.items()
        if name in stored
    ]
    return [
        "Where the time of assay's loop goes, as shares of all instructions' time in XLA's trace:",
        "",
        f"| network | {' | '.join(kinds)} |",
        f"|{'---|' * (1 + len(kinds))}",
        *shares,
        "",
        f"{made['date']}; `python -m benchmarks.step_time.profile`;",
        "[the longest instructions](../benchmarks/results/step_profile.json).",
        "",
        FINDINGS,
    ]


def draw(results: pathlib.Path) -> dict[str, Figure]:
    """The ratios of assay's and plain flax's loops as bars on a logarithmic axis."""
    found = _read(results)
    figure = Figure(figsize=(850 / 72, (90 + 46 * len(found)) / 72), dpi=72, layout="constrained")
    axes = figure.subplots()
    for offset, label, look in ((-0.2, "assay loop", 0), (0.2, "flax loop", 1)):
        measured = [row for row, one in enumerate(found.values()) if label in one["to_torch"]]
        ratios = [one["to_torch"][label] for one in found.values() if label in one["to_torch"]]
        at = [row + offset for row in measured]
        axes.barh(at, ratios, 0.36, color=drawing.SERIES[look]["color"], label=COLUMNS[label])
        for row, ratio in zip(at, ratios):
            shown = f"{ratio:.2f}" if ratio < 10 else f"{ratio:.0f}"
            axes.annotate(shown, (ratio, row), (4, -4), textcoords="offset points")
    axes.axvline(1, color=drawing.INK, linewidth=1)
    axes.set_xscale("log")
    axes.set_xticks([1, 10, 100], ["1", "10", "100"])
    axes.minorticks_off()
    axes.set_yticks(range(len(found)), [TITLES[name] for name in found])
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_xlabel("time of a training step in the loop, PyTorch's = 1")
    axes.legend(frameon=False, loc="lower right")
    return {"step_time": figure}


def _machine(made: dict[str, Any]) -> list[str]:
    if made["clock"] == "wall":
        return [f"{made['cores']} cores."]
    return [
        "One core, and computing time in place of the clock's: the machine was in use, where threads that wait",
        "for each other slow PyTorch most. **Two cores are not measured** for this version.",
        "",
    ]


def _row(title: str, one: dict[str, Any]) -> str:
    fastest = one["fastest_torch"]
    of = one["to_torch"]
    ratios = " | ".join(f"{of[label]:.2f}" if label in of else "not measured" for label in COLUMNS)
    batch, ms, by = one["case"]["batch"], one["ms"][fastest], fastest.removeprefix("torch ")
    return f"| {title} | {batch} | {ms:.1f} | {by} | {ratios} |"


def _read(results: pathlib.Path) -> dict[str, Any]:
    stored = json.loads((results / "step_time.json").read_text())
    return {name: stored[name] for name in TITLES if name in stored}
