"""How long does one training step (forward, backward, SGD) take: assay, plain flax, PyTorch?

    PYTHONPATH=lib python -m benchmarks.step_time

Nine networks (cases.py), float32. assay and plain flax run one step a call ("step") and many steps in one
compiled loop ("loop"), which is how assay trains; PyTorch runs in channels_last, eager and by
torch.compile, and ratios are to the faster of the two. All variants of a network run in turns in one
process, round after round; reported are medians over the quietest rounds, and every single time goes to the
result file in benchmarks/results/. Networks that are not asked for keep what the file has of them. On a
machine that others use, threads that wait for each other make PyTorch look slow: there, `taskset -c 0 ...
--processor_time` compares one thread's computing time. Needs the extra `bench`, and a C++ compiler for
torch.compile.
"""

import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import shlex
import sys
import time

from absl import app, flags
import jax

from assay.ops.compiler import compiler_options
from benchmarks.step_time import jax_steps, rounds, torch_steps
from benchmarks.step_time.cases import CASES

FLAGS = flags.FLAGS
flags.DEFINE_integer("rounds", 7, "quiet rounds that count", lower_bound=1)
flags.DEFINE_list("networks", list(CASES), "which of " + ", ".join(CASES))
flags.DEFINE_list("leave_out", [], "variants that are not timed, such as 'flax loop'")
flags.DEFINE_bool("processor_time", False, "time that the process computes, for one core of a machine in use")
flags.DEFINE_string("out", None, "result file; default benchmarks/results/step_time.json")


def measure(name: str) -> dict:
    """One network's entry of the result file."""
    case = CASES[name]
    rounds.say(f"{name}: compiling")
    variants = jax_steps.variants(name, case) | torch_steps.variants(name, case)
    variants = {label: run for label, run in variants.items() if label not in FLAGS.leave_out}
    clock = time.process_time if FLAGS.processor_time else time.perf_counter
    times = rounds.measure(name, variants, case.steps, FLAGS.rounds, clock)
    found = {"case": case._asdict(), **rounds.summary(times, FLAGS.rounds), "rounds": times}
    for label, ms in found["ms"].items():
        print(f"{name:12}{label:16}{ms:12.2f} ms a step{found['to_torch'][label]:10.2f} of PyTorch", flush=True)
    return found | {"environment": environment()}


def environment() -> dict:
    """What the times belong to."""
    packages = ("jax", "jaxlib", "flax", "optax", "numpy", "torch")
    return {
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in packages},
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "device": jax.devices()[0].device_kind,
        "compiler_options": compiler_options(),
        "date": datetime.date.today().isoformat(),
        "clock": "processor" if FLAGS.processor_time else "wall",
        "command": "python -m benchmarks.step_time " + shlex.join(sys.argv[1:]),
    }


def _processor() -> str:
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines() if os.path.exists("/proc/cpuinfo") else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main(arguments: list[str]) -> None:
    if unknown := [*arguments[1:], *(name for name in FLAGS.networks if name not in CASES)]:
        sys.exit(f"unknown: {' '.join(unknown)}; networks are {', '.join(CASES)}")
    out = pathlib.Path(FLAGS.out or pathlib.Path(__file__).parents[1] / "results" / "step_time.json")
    out.parent.mkdir(parents=True, exist_ok=True)
    for name in FLAGS.networks:
        found = measure(name)
        stored = json.loads(out.read_text()) if out.exists() else {}
        stored[name] = found
        out.write_text(json.dumps(stored, indent=1) + "\n")
        jax.clear_caches()
    print(out)


if __name__ == "__main__":
    app.run(main)
