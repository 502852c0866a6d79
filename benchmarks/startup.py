"""What a start costs: imports, the first training step, the first result, memory, bytes on disk; beside PyTorch's.

    .venv/bin/python benchmarks/startup.py

Every figure comes from processes of its own, in turns, round after round; given are medians. `first step` runs from
the start of Python until one training step on MNIST (batches of 128) is done: with no cache of compiled programs, with
the cache a run before left, and by PyTorch, eager. `first result` runs a study of 15 arms from the
command line until its first trial is stored, and the script of benchmarks/study_in_pytorch.py until its first line.
Memory is the largest resident set of a process (of Linux). Needs MNIST and the extra `bench`. Writes
results/startup.json.
"""

from collections.abc import Callable, Mapping
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

ROOT = pathlib.Path(__file__).parents[1]
ROUNDS = 2
IMPORTS = ("assay", "jax", "flax", "torch")
MODELS = {"mlp": "mlp(depth=2,width=100)", "lenet": "lenet"}
BATCH = 128
GRID = ("--activation=sigmoid,tanh,softsign,relu,elu", "--init=uniform_fan_in,glorot_uniform,he_normal", "--seeds=1")
SHORT = 0.05  # epochs of MNIST that a trial of `first result` takes


def first_step_by_assay(model: str) -> None:
    """What a process does until its first step is done, with the cache that the command line uses."""
    from assay import cli

    cli.set_up_jax()
    import jax

    from assay.config import Config
    from assay.data import batches, load
    from assay.ops.compiler import compiler_options
    from assay.sweep.pack import PackedProgram
    from assay.train.canonical import canonical
    from assay.train.loop import Program, program_key

    config = canonical(Config(dataset="mnist", model=MODELS[model], batch_size=BATCH, evals=1, probe=()))
    dataset = load("mnist")
    program = Program(program_key(config), dataset)
    packed = PackedProgram(program, "loop", batches.put_on_device(dataset), compiler_options())
    carry = packed.start([config])
    jax.block_until_ready(packed.advance(carry, packed.trials([config]), 1, 2))


def first_step_by_pytorch(model: str, data: str) -> None:
    """Likewise by PyTorch."""
    import torch

    from benchmarks import study_in_pytorch as script

    arrays = script.loaded(data)
    net = script.network(model, "tanh", "glorot_uniform")
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, fused=True)
    torch.nn.functional.cross_entropy(net(arrays["x_train"][:BATCH]), arrays["y_train"][:BATCH]).backward()
    optimizer.step()


def alone(command: list[str], environment: Mapping[str, str] = {}) -> dict[str, float]:
    """Seconds and peak MiB of a process, which prints its /proc/self/status at the end."""
    began = time.perf_counter()
    done = subprocess.run(command, env=os.environ | environment, cwd=ROOT, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    peak = next(line for line in done.stdout.splitlines() if line.startswith("VmHWM"))
    return {"seconds": seconds, "peak_mib": int(peak.split()[1]) / 1024}


def until(command: list[str], environment: Mapping[str, str], there: Callable[[], Any]) -> tuple[float, Any]:
    """Seconds from a command's start until `there()` finds something, and what it found; the command is ended."""
    began = time.perf_counter()
    started = subprocess.Popen(
        command, env=os.environ | environment, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        while not (found := there()):
            if started.poll() is not None:
                sys.exit(f"{' '.join(command)} ended without a result")
            time.sleep(0.02)
        return time.perf_counter() - began, found
    finally:
        started.terminate()
        started.wait()


def sides(folder: pathlib.Path, data: pathlib.Path) -> dict[str, Callable[[], dict[str, float]]]:
    """Everything that a round measures, by name."""
    python, this = sys.executable, [sys.executable, "-m", "benchmarks.startup"]
    status = "print(open('/proc/self/status').read())"
    found = {f"import {name}": lambda name=name: alone([python, "-c", f"import {name}; {status}"]) for name in IMPORTS}
    for model in MODELS:
        of_assay, of_torch = [*this, "assay", model], [*this, "torch", model, str(data)]
        cache = {"XDG_CACHE_HOME": str(folder / f"cache of {model}")}
        found |= {
            f"{model}, first step, assay, no cache": lambda c=of_assay: alone(c, _empty(folder)),
            f"{model}, first step, assay, cache": lambda c=of_assay, e=cache: alone(c, e),
            f"{model}, first step, PyTorch": lambda c=of_torch: alone(c),
        }
    cache = {"XDG_CACHE_HOME": str(folder / "cache of studies")}
    return found | {
        "mlp, first result, assay, no cache": lambda: result_of_assay("mlp", folder, _empty(folder)),
        "mlp, first result, assay, cache": lambda: result_of_assay("mlp", folder, cache),
        "mlp, first result, PyTorch": lambda: result_of_pytorch("mlp", folder, data),
    }


def _empty(folder: pathlib.Path) -> dict[str, str]:
    return {"XDG_CACHE_HOME": tempfile.mkdtemp(dir=folder)}


def result_of_assay(model: str, folder: pathlib.Path, environment: Mapping[str, str]) -> dict[str, float]:
    """Seconds until the first trial of a study is stored, and its bytes."""
    runs = pathlib.Path(tempfile.mkdtemp(dir=folder))
    command = [sys.executable, "-m", "experiments.init_activation", f"--model={MODELS[model]}", "--dataset=mnist"]
    command += [*GRID, f"--epochs={SHORT}", f"--batch_size={BATCH}", f"--runs={runs}"]
    seconds, done = until(command, environment, lambda: next(runs.glob("*/*/done.json"), None))
    return {"seconds": seconds, "bytes": sum(path.stat().st_size for path in done.parent.iterdir())}


def result_of_pytorch(model: str, folder: pathlib.Path, data: pathlib.Path) -> dict[str, float]:
    """Seconds until the first line, and its bytes."""
    out = pathlib.Path(tempfile.mkdtemp(dir=folder)) / "results.jsonl"
    script = str(pathlib.Path(__file__).with_name("study_in_pytorch.py"))
    command = [sys.executable, script, f"--model={model}", f"--data={data}", f"--out={out}", "--seeds=1"]
    command += [f"--epochs={SHORT}", f"--batch_size={BATCH}", "--evals=20"]
    seconds, line = until(command, {}, lambda: out.exists() and out.read_text().partition("\n")[0])
    return {"seconds": seconds, "bytes": len(line)}


def main(argv: list[str]) -> None:
    """Measures everything, or, for itself as a subprocess, does the first step that the arguments name."""
    if argv:
        first_step_by_assay(argv[1]) if argv[0] == "assay" else first_step_by_pytorch(*argv[1:])
        print(pathlib.Path("/proc/self/status").read_text())
        return
    import numpy as np

    from assay.data import load
    from assay.sweep.provenance import provenance

    found: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        data, dataset = pathlib.Path(folder) / "mnist.npz", load("mnist")
        arrays = {f"{a}_{r}": getattr(getattr(dataset, r), a) for r in ("train", "validation", "test") for a in "xy"}
        np.savez(data, mean=dataset.mean, std=dataset.std, **arrays)
        measured = sides(pathlib.Path(folder), data)
        for i in range(ROUNDS + 1):
            for name, run in measured.items():
                # The first round fills the caches, of files and of compiled programs, and is not counted.
                for what, value in run().items():
                    found.setdefault(name, {}).setdefault(what, []).extend([value] if i else [])
                    print(f"round {i}: {name:40}{what:10}{value:10.2f}", flush=True)
    medians = {name: {what: statistics.median(v) for what, v in of.items()} for name, of in found.items()}
    result = {"medians": medians, "all": found, "provenance": provenance(), "command": "python benchmarks/startup.py"}
    path = pathlib.Path(__file__).parent / "results" / "startup.json"
    path.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
