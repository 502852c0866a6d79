"""Section "Trials over devices": what `--pack=shard` costs and gains on the devices that were measured."""

import json
import pathlib
from typing import Any

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
            f"on {where}. No device sends another anything. *Difference*: the largest",
            "of any learnt number from vmap's, after as many steps as are timed.",
            "",
            f"| network | steps | {' | '.join(ways)} | difference |",
            f"|{'---|' * (3 + len(ways))}",
            *(_row(one, ways) for one in measured),
            "",
            made(entry, "shard.json"),
            "",
        ]
    return "\n".join(lines)


def _row(one: dict[str, Any], ways: list[str]) -> str:
    ratios = " | ".join(f"{one['ratio_to_vmap'][way]:.2f}" for way in ways)
    largest = max(one["largest_difference_from_vmap"][way] for way in ways)
    return f"| `{one['model']}` | {one['steps']} | {ratios} | {largest:.1e} |"


def draw(results: pathlib.Path) -> dict[str, Figure]:
    """No figure."""
    del results
    return {}
