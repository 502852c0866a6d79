"""Section "Trials over devices": what `--pack=shard` costs and gains on the devices that were measured."""

import json
import pathlib

from matplotlib.figure import Figure

from benchmarks.performance.made import made


def text(results: pathlib.Path) -> str:
    """The section in Markdown."""
    lines = ["## Trials over devices", ""]
    for device, entry in json.loads((results / "shard.json").read_text()).items():
        measured = entry["measured"]
        ways = [way for way in measured[0]["ratio_to_vmap"] if way != "vmap"]
        where = "simulated devices, which share the cores of this CPU" if device == "cpu" else f"devices: {device}"
        lines += [
            f"Time of a pack of {measured[0]['trials']} trials by `--pack=shard`, as a ratio to `vmap` on one device,",
            f"on {where}. No device sends another anything.",
            "",
            f"| network | {' | '.join(ways)} |",
            f"|{'---|' * (1 + len(ways))}",
            *(_row(one["model"], [one["ratio_to_vmap"][way] for way in ways]) for one in measured),
            "",
            made(entry, "shard.json"),
            "",
        ]
    return "\n".join(lines)


def _row(model: str, ratios: list[float]) -> str:
    return f"| `{model}` | {' | '.join(f'{ratio:.2f}' for ratio in ratios)} |"


def draw(results: pathlib.Path) -> dict[str, Figure]:
    """No figure."""
    del results
    return {}
