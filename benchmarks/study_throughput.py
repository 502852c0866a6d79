"""How many trials a minute: a whole study by assay's command, and by a PyTorch script that does the same.

    .venv/bin/python benchmarks/study_throughput.py

5 activations x 3 initialisations x seeds of a 784-100-100-10 network and of LeNet on MNIST, with the same steps and the
same evaluations (benchmarks/study_in_pytorch.py). assay runs as a user runs it, from the start of the interpreter and
with an empty compilation cache to the report. PyTorch runs twice: as it is usually run, with its own threads, and as
one process of one thread a core; the faster of the two is the alternative. Sides run in turns, each with fewer and with
more seeds, from which follow the cost of a start and of a trial, and so the time of the whole study of 300 trials. Needs
MNIST and the extra `bench`. Writes results/study_throughput.json.
"""

from collections.abc import Iterable, Mapping
import functools
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from typing import NamedTuple

from absl import app, flags
import numpy as np

from assay.data import load
from assay.sweep.engines import cores
from assay.sweep.provenance import provenance

ACTIVATIONS = "sigmoid,tanh,softsign,relu,elu"
INITS = "uniform_fan_in,glorot_uniform,he_normal"
SHARED = {"lr": 0.05, "evals": 2}
# Name to the models' names, examples a step, epochs, and seeds of the shorter and the longer command.
STUDIES = {
    "mlp32": ("mlp(depth=2,width=100)", "mlp", 32, 1.0, (1, 4)),
    "mlp10": ("mlp(depth=2,width=100)", "mlp", 10, 0.5, (1, 2)),
    "lenet32": ("lenet", "lenet", 32, 0.5, (1, 3)),
    "lenet128": ("lenet", "lenet", 128, 0.5, (1, 2)),
}
ARMS, WHOLE = 15, 20  # arms, and seeds of an arm in the whole study

flags.DEFINE_list("studies", list(STUDIES), "which of them; the number is of examples a step")
flags.DEFINE_integer("rounds", 1, "rounds of each", lower_bound=1)
FLAGS = flags.FLAGS


class Taken(NamedTuple):
    """Seconds of a command: by the clock, and of the processor, which other work on the machine hardly changes."""

    clock: float
    processor: float


def by_assay(name: str, seeds: int, folder: pathlib.Path) -> tuple[Taken, dict[str, float]]:
    """Seconds of the whole command, and the mean test error of every arm."""
    import pyarrow.parquet

    spec, _, batch, epochs, _ = STUDIES[name]
    settings = {"dataset": "mnist", "model": spec, "batch_size": batch, "epochs": epochs, "seeds": seeds, **SHARED}
    settings |= {"activation": ACTIVATIONS, "init": INITS, "probe": "()", "runs": folder / "runs"}
    command = [sys.executable, "-m", "experiments.init_activation", *(f"--{k}={v}" for k, v in settings.items())]
    # Its own cache of compiled programs, empty at the start.
    taken = _timed(command, os.environ | {"XDG_CACHE_HOME": str(folder / "cache")})
    rows = pyarrow.parquet.read_table(folder / "runs" / "init_activation" / "results.parquet").to_pylist()
    return taken, _errors(rows, seeds)


def by_pytorch(
    name: str, seeds: int, folder: pathlib.Path, processes: int, data: pathlib.Path
) -> tuple[Taken, dict[str, float]]:
    """Likewise of the script."""
    _, model, batch, epochs, _ = STUDIES[name]
    settings = {"model": model, "batch_size": batch, "epochs": epochs, "seeds": seeds, **SHARED}
    settings |= {"data": data, "out": folder / "results.jsonl", "processes": processes}
    script = pathlib.Path(__file__).with_name("study_in_pytorch.py")
    taken = _timed([sys.executable, str(script), *(f"--{k}={v}" for k, v in settings.items())], os.environ)
    return taken, _errors(map(json.loads, (folder / "results.jsonl").read_text().splitlines()), seeds)


def _timed(command: list[str], environment: Mapping[str, str]) -> Taken:
    root = pathlib.Path(__file__).parents[1]
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=root)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    clock, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return Taken(clock, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def _errors(rows: Iterable[dict], seeds: int) -> dict[str, float]:
    found = {}
    for row in rows:
        name = f"{row['activation'].partition('(')[0]}, {row['init']}"
        found.setdefault(name, []).append(row["test_error"])
    if len(found) != ARMS or any(len(values) != seeds for values in found.values()):
        raise RuntimeError(f"not {ARMS} arms of {seeds} seeds: {({name: len(v) for name, v in found.items()})}")
    return {name: statistics.fmean(values) for name, values in sorted(found.items())}


def measure(name: str, data: pathlib.Path, rounds: int) -> dict:
    """Rounds of one study, in each of them every side once at every length."""
    lengths, load = STUDIES[name][-1], os.getloadavg()[0]
    sides = {
        "assay": by_assay,
        "PyTorch, its own threads": functools.partial(by_pytorch, processes=0, data=data),
    }
    if cores() > 1:
        alone = functools.partial(by_pytorch, processes=cores(), data=data)
        sides[f"PyTorch, {cores()} processes of a thread"] = alone
    taken, errors = {side: {seeds: [] for seeds in lengths} for side in sides}, {}
    for _ in range(rounds):
        for seeds in lengths:
            for side, run in sides.items():
                with tempfile.TemporaryDirectory() as folder:
                    one, errors[side] = run(name, seeds, pathlib.Path(folder))
                taken[side][seeds].append(one)
                print(f"{name}, {ARMS * seeds} trials: {side} {one.clock:.1f} s, processor {one.processor:.1f} s", flush=True)
    found = {side: summary(of_side) for side, of_side in taken.items()}
    others = {side: f for side, f in found.items() if side != "assay"}
    best = min(others, key=lambda side: others[side]["whole_seconds"])
    return {
        "model": STUDIES[name][0],
        "batch_size": STUDIES[name][2],
        "epochs": STUDIES[name][3],
        "trials_of_the_whole": ARMS * WHOLE,
        "seconds_by_clock_and_processor": taken,
        "load_average_before": load,
        "sides": found,
        "ratio": {side: f["whole_seconds"] / found["assay"]["whole_seconds"] for side, f in others.items()},
        "ratio_of_processor_time": {
            side: f["processor_seconds_a_trial"] / found["assay"]["processor_seconds_a_trial"] for side, f in others.items()
        },
        "alternative": best,
        "mean_test_error": errors,
    }


def summary(taken: Mapping[int, list[Taken]]) -> dict[str, float]:
    """What a trial and a start cost by the two lengths, and the whole study by that."""
    (few, short), (many, long) = (
        (ARMS * seeds, Taken(*map(statistics.median, zip(*of_length)))) for seeds, of_length in taken.items()
    )
    each = (long.clock - short.clock) / (many - few)
    whole = short.clock + (ARMS * WHOLE - few) * each
    return {
        "seconds_a_trial": each,
        "seconds_of_start": short.clock - few * each,
        "processor_seconds_a_trial": (long.processor - short.processor) / (many - few),
        "whole_seconds": whole,
        "trials_per_minute": 60 * ARMS * WHOLE / whole,
    }


def main(argv: list[str]) -> None:
    """Measures, and writes what was found after every study, in place of what the file had of it."""
    if wrong := argv[1:] + [name for name in FLAGS.studies if name not in STUDIES]:
        sys.exit(f"cannot use {wrong[0]}; --studies takes {', '.join(STUDIES)}")
    path = pathlib.Path(__file__).parent / "results" / "study_throughput.json"
    dataset = load("mnist")
    arrays = {f"{a}_{r}": getattr(getattr(dataset, r), a) for r in ("train", "validation", "test") for a in "xy"}
    found = json.loads(path.read_text()) if path.exists() else {}
    made = {"provenance": provenance(), "command": "python benchmarks/study_throughput.py"}
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder) / "mnist.npz"
        np.savez(data, mean=dataset.mean, std=dataset.std, **arrays)
        for name in FLAGS.studies:
            found[name] = measure(name, data, FLAGS.rounds) | made
            path.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    app.run(main)
