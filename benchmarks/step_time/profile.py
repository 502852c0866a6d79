"""Where does the time of a training step go, by XLA's own profile of assay's loop?

    PYTHONPATH=lib python -m benchmarks.step_time.profile

Traces a few steps of every network of the step-time benchmark, adds up the time of each instruction of the compiled
program, and groups the instructions into kinds. Writes benchmarks/results/step_profile.json: for every network the
share of each kind, and the instructions that took most. Networks that are not asked for keep what the file has of them.
"""

import collections
import datetime
import json
import pathlib
import re
import shlex
import sys
import tempfile

from absl import app, flags
import jax

from assay.sweep.provenance import provenance
from benchmarks.step_time import jax_steps
from benchmarks.step_time.cases import CASES

FLAGS = flags.FLAGS
flags.DEFINE_list("networks", list(CASES), "which of " + ", ".join(CASES))

OUT = pathlib.Path(__file__).parents[1] / "results" / "step_profile.json"
LISTED = 12  # instructions
# First match decides, in the instruction's name and definition.
KINDS = {
    "convolutions by oneDNN": r"onednn\$conv",
    "other convolutions": r"convolution\(|wrapped_convolution|ynn_fusion.*conv_general_dilated",
    "matrix products": r"onednn\$matmul|^\S+ = \S+ dot\(|ynn_fusion.*dot_general",
    "transposes": r"^transpose|^wrapped_transpose",
    "sums": r"ynn_fusion.*reduce|^\S*reduce",
    "copies": r"^copy|^concatenate|^wrapped_concatenate",
}
ELSE = "elementwise"
CONTROL = ("while", "call", "conditional", "tuple", "get-tuple-element")


def measure(name: str) -> dict:
    """One network's entry."""
    case = CASES[name]
    run = jax_steps.assay_loop(case)
    run.train(1)
    with tempfile.TemporaryDirectory() as folder:
        with jax.profiler.trace(folder):
            run.train(case.steps)
        (path,) = pathlib.Path(folder).rglob("*.xplane.pb")
        times = instructions(path, run.text)
    total, kinds = sum(times.values()), collections.Counter()
    for definition, nanoseconds in times.items():
        kinds[kind(definition)] += nanoseconds / total
    most = [{"share": ns / total, "instruction": shortened(text)} for text, ns in times.most_common(LISTED)]
    return {"shares": dict(kinds.most_common()), "instructions": len(times), "most": most}


def instructions(path: pathlib.Path, program: str) -> collections.Counter:
    """Nanoseconds of every instruction of the trace, by its line in the program's text."""
    lines = {}
    for line in program.splitlines():
        if found := re.match(r"\s*(?:ROOT )?%?([\w.\-]+) = (.*)", line):
            lines[found[1]] = f"{found[1]} = {found[2]}"
    times = collections.Counter()
    for plane in jax.profiler.ProfileData.from_file(str(path)).planes:
        for events in plane.lines:
            for event in events.events:
                name = event.name.split("__onednn")[0]
                if name in lines and not name.startswith(CONTROL):
                    times[lines[name]] += event.duration_ns
    return times


def kind(definition: str) -> str:
    return next((name for name, pattern in KINDS.items() if re.search(pattern, definition)), ELSE)


def shortened(definition: str) -> str:
    """Name, shape and the operation that it comes from."""
    name, rest = definition.split(" = ", 1)
    source = re.search(r'op_name="([^"]*)"', rest)
    return " ".join([name, rest.split("{")[0].lstrip("("), source[1].rsplit("body/", 1)[-1] if source else ""]).strip()


def main(arguments: list[str]) -> None:
    if unknown := [*arguments[1:], *(name for name in FLAGS.networks if name not in CASES)]:
        sys.exit(f"unknown: {' '.join(unknown)}; networks are {', '.join(CASES)}")
    for name in FLAGS.networks:
        stored = json.loads(OUT.read_text()) if OUT.exists() else {}
        command = "python -m benchmarks.step_time.profile " + shlex.join(sys.argv[1:])
        made = {"provenance": provenance(), "date": datetime.date.today().isoformat(), "command": command}
        stored[name] = measure(name) | made
        OUT.write_text(json.dumps(stored, indent=1) + "\n")
        print(name, {kind: f"{share:.0%}" for kind, share in stored[name]["shares"].items()}, flush=True)
        jax.clear_caches()


if __name__ == "__main__":
    app.run(main)
