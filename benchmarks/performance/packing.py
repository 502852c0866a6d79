"""Section "Trials side by side": what packing gains on each device that was measured, and what was not."""

import json
import pathlib

from matplotlib.figure import Figure

from assay.report import drawing
from benchmarks.performance.axes import logarithmic
from benchmarks.performance.made import made

GOALS = {
    "mlp": "64 seeds of 784-100-10 in a pack: at least 10 times 64 solo runs, and 10 times a PyTorch loop",
    "lenet": "64 seeds of LeNet: the same",
    "resnet18": "ResNet-18, bfloat16: at least PyTorch's throughput with torch.compile and channels_last",
    "airbench": "the CIFAR-10 speedrun's network against PyTorch (airbench94_muon: 94 % in 2.59 s on an A100)",
}


def text(results: pathlib.Path) -> str:
    """The section in Markdown."""
    stored = _read(results / "packing.json")
    lines = ["## Trials side by side", ""]
    if not stored:
        lines += ["Packs on a CPU: not measured yet; `python benchmarks/packing.py` does.", ""]
    for device, entry in stored.items():
        sizes = sorted({int(size) for row in entry["rates"] for size in row["examples_per_second"]})
        lines += [
            f"Trained examples a second on {device}, by the way trials of one program are run and by how many there are: *loop* one",
            "after the other in one thread, *threads* a thread a core (what a study does on a CPU), *map* one call that takes them",
            "in turn, *vmap* one batched computation.",
            "",
            "![Throughput of packs](figures/packing.svg)",
            "",
            f"| network | way | {' | '.join(f'{size}' for size in sizes)} |",
            f"|{'---|' * (2 + len(sizes))}",
            *(
                f"| `{row['model']}` | {row['way']} | {' | '.join(_rate(row, size) for size in sizes)} |"
                for row in entry["rates"]
            ),
            "",
            made(entry, "packing.json"),
            "",
        ]
    return "\n".join([*lines, "### Accelerators", "", *_accelerators(results), ""])


def _read(path: pathlib.Path) -> dict:
    return json.loads(path.read_text()) if path.exists() else {}


def _rate(row: dict, size: int) -> str:
    rate = row["examples_per_second"].get(str(size))
    return "" if rate is None else f"{rate:,}"


def _accelerators(results: pathlib.Path) -> list[str]:
    path = results / "accelerator.json"
    stored = _read(path)
    if not stored:
        what = [f"- {goal}: not measured" for goal in GOALS.values()]
        return ["No accelerator was to be had. `python -m benchmarks.accelerator` measures there, with one command:", "", *what]
    lines = []
    for device, entry in stored.items():
        lines += [f"On {device}:", ""]
        lines += [f"- {GOALS[name]}: {_ratios(one['ratios'])}" for name, one in entry["cases"].items()]
        lines += ["", made(entry, path.name), ""]
    return lines


def _ratios(ratios: dict[str, float]) -> str:
    return ", ".join(f"{value:.2f} {name}" for name, value in ratios.items())


def draw(results: pathlib.Path) -> dict[str, Figure]:
    """Examples a second by the number of trials, a panel a network, of the first device."""
    stored = _read(results / "packing.json")
    if not stored:
        return {}
    entry = next(iter(stored.values()))
    models = list(dict.fromkeys(row["model"] for row in entry["rates"]))
    figure = Figure(figsize=(850 / 72, 330 / 72), dpi=72, layout="constrained")
    for axes, model in zip(figure.subplots(1, len(models), squeeze=False)[0], models):
        for look, row in enumerate(row for row in entry["rates"] if row["model"] == model):
            rates = row["examples_per_second"]
            axes.plot([int(size) for size in rates], list(rates.values()), label=row["way"], **drawing.SERIES[look])
        logarithmic(axes)
        axes.set(xlabel="trials", title=model)
        axes.set_xticks([1, 4, 16, 64], ["1", "4", "16", "64"])
        axes.minorticks_off()
    figure.axes[0].set_ylabel("examples a second")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    return {"packing": figure}
