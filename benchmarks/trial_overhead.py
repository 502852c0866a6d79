"""What a trial costs beyond its training arithmetic: the whole engine and store against the bare compiled loop.

    .venv/bin/python benchmarks/trial_overhead.py

1,000 trials of a tiny MLP on the digits, with the default probes, 20 evaluations, metrics and done.json of each, run
by the engine into a temporary store; and the same 1,000 trainings as nothing but calls of the compiled loop, from the
same number of threads. Both are compiled before the clock starts, and run in turns. Writes results/trial_overhead.json.
"""

import concurrent.futures
import dataclasses
import json
import pathlib
import statistics
import tempfile
import time

from absl import app
import jax

from assay.config import Config
from assay.data import batches, load
from assay.ops.compiler import compiler_options
from assay.sweep import engines
from assay.sweep.provenance import provenance
from assay.sweep.store import Store
from assay.train.canonical import canonical
from assay.train.loop import Program, program_key, trial_arrays

TRIALS, ROUNDS = 1000, 3
CONFIG = Config(model="mlp(depth=1,width=16)", epochs=2, batch_size=64)


def grid() -> list[Config]:
    """The trials: one program, 1,000 seeds."""
    base = canonical(CONFIG)
    return [dataclasses.replace(base, seed=seed) for seed in range(TRIALS)]


def bare(configs: list[Config]):
    """A function that trains all of them by calls of the compiled loop alone, evaluations included."""
    dataset = load(configs[0].dataset)
    data, program = batches.put_on_device(dataset), Program(program_key(configs[0]), dataset)
    options = compiler_options()
    start = jax.jit(program.start(configs[0].init), compiler_options=options)
    advance = jax.jit(program.advance, compiler_options=options)

    def one(config):
        trial = trial_arrays(config)
        jax.block_until_ready(advance(start(trial, data), trial, data, 0, program.steps))

    def all_of_them():
        with concurrent.futures.ThreadPoolExecutor(engines.cores()) as pool:
            list(pool.map(one, configs))

    one(configs[0])
    return all_of_them


def whole(configs: list[Config]):
    """A function that runs all of them by the engine into a new store, in the process whose engine is warm."""

    def run():
        with tempfile.TemporaryDirectory() as folder:
            began = time.perf_counter()
            outcome = engines.run(configs, Store(pathlib.Path(folder), "study"), engines.Options())
            assert outcome == engines.Outcome(), outcome
            return time.perf_counter() - began

    return run


def compile_seconds(configs: list[Config]) -> float:
    """What a run of two trials costs: nearly all of it tracing and compiling, which 1,000 trials share."""
    return whole(configs[:2])()


def main(argv: list[str]) -> None:
    """Measures in turns and prints medians."""
    del argv
    configs = grid()
    loop, study = bare(configs), whole(configs)
    engine_seconds, loop_seconds, fixed_seconds = [], [], []
    for _ in range(ROUNDS):
        fixed_seconds.append(compile_seconds(configs))
        engine_seconds.append(study())
        began = time.perf_counter()
        loop()
        loop_seconds.append(time.perf_counter() - began)
    rounds = zip(engine_seconds, loop_seconds, fixed_seconds)
    overhead = [1e3 * (e - b - f) / TRIALS for e, b, f in rounds]
    result = {
        "trials": TRIALS,
        "config": dataclasses.asdict(CONFIG),
        "engine_seconds": engine_seconds,
        "bare_loop_seconds": loop_seconds,
        "fixed_seconds": fixed_seconds,
        "overhead_ms_per_trial": statistics.median(overhead),
        "overhead_ms_per_trial_with_compilation": statistics.median(
            1e3 * (e - b) / TRIALS for e, b in zip(engine_seconds, loop_seconds)
        ),
        "provenance": provenance(),
        "command": "python benchmarks/trial_overhead.py",
    }
    print(json.dumps(result, indent=1))
    path = pathlib.Path(__file__).parent / "results" / "trial_overhead.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    app.run(main)
