"""How cost grows: with the number of trials, with depth, with width, with the size of the data.

    .venv/bin/python benchmarks/growth.py

Trials: studies of 10 to 10,000 tiny trials in 10 arms with three claims; apart from one
another the seconds of training them (engine and store, compilation included), of collecting them from the store, of the
statistics, and of the report with its figures. Depth and width: milliseconds of a training step of a multilayer perceptron
and seconds of its first call, which compiles it. Data: seconds of an epoch of one network on ever larger parts of MNIST,
which it needs. Writes results/growth.json.
"""

from collections.abc import Callable
import contextlib
import io
import json
import pathlib
import tempfile
import time
from typing import Any

from absl import app
import jax

from assay.claims import Claim, judge
from assay.claims.tuning import choose, tuned
from assay.config import Config
from assay.data import batches, load
from assay.experiment import Experiment
from assay.ops.compiler import compiler_options
from assay.report import picture, write
from assay.sweep import engines
from assay.sweep.pack import PackedProgram
from assay.sweep.provenance import provenance
from assay.sweep.store import Store
from assay.sweep.study import Study
from assay.train.canonical import canonical
from assay.train.loop import Program, program_key

TRIALS = ((10, 10), (100, 10), (1_000, 10), (10_000, 10))  # trials, arms
DEPTHS, WIDTHS = (1, 2, 4, 8, 16, 32, 64), (32, 64, 128, 256, 512, 1024, 2048)
SIZES = (500, 1_500, 5_000, 15_000, 50_000)  # training examples
TINY = Config(dataset="digits", model="mlp(depth=1,width=8)", epochs=0.3, evals=3)
NETWORK = Config(dataset="digits", activation="relu", init="he_normal", epochs=100, evals=1, probe=())
BEST_OF = 3
METRIC = "test_error"


def study(trials: int, arms: int) -> Study:
    """That many tiny trials; arms differ in the learning rate, so that all are one program."""
    rates = tuple(round(0.01 * 1.002**i, 9) for i in range(arms))
    return Study(base=TINY, axes={"lr": rates}, seeds=trials // arms)


def of_trials(trials: int, arms: int) -> dict[str, Any]:
    """Seconds of the stages of one study."""
    asked = study(trials, arms)
    rates = asked.axes["lr"]
    claims = [
        Claim(id=f"rate {i}", statement="A higher rate errs less.", better={"lr": rates[-1 - i]}, worse={"lr": rates[i]},
              metric=METRIC, smallest=0.01, source="none", cited="none")
        for i in range(3)
    ]  # fmt: skip
    seconds = {}
    with tempfile.TemporaryDirectory() as folder:
        store = Store(pathlib.Path(folder), "growth")
        grid = asked.configs()
        outcome = _timed(seconds, "training", lambda: engines.run(grid, store, engines.Options()))
        if outcome != engines.Outcome():
            raise RuntimeError(f"not all trials were trained: {outcome}")
        subject = Experiment("growth", "How cost grows", asked, claims, (), "none", runs=store.root)
        with contextlib.redirect_stdout(io.StringIO()):
            _timed(seconds, "finished command again", subject.conduct)
        ids = [config.trial_id() for config in grid]
        rows = _timed(seconds, "collecting", lambda: store.write_results(ids))
        compared = tuned(choose(rows, {}, {}, METRIC))
        _timed(seconds, "statistics", lambda: judge(claims, compared, command="none"))
        _timed(seconds, "report", lambda: (picture(store.folder), write(store.folder)))
        kept = [path.stat() for path in store.folder.rglob("*") if path.is_file() and path.parent != store.folder]
    return {
        "trials": trials,
        "arms": arms,
        "seconds": seconds,
        "bytes_per_trial": sum(stat.st_size for stat in kept) / trials,
        "disk_bytes_per_trial": sum(512 * stat.st_blocks for stat in kept) / trials,
    }


def _timed(seconds: dict[str, float], name: str, run: Callable[[], Any]) -> Any:
    began = time.perf_counter()
    found = run()
    seconds[name] = time.perf_counter() - began
    return found


def of_network(model: str, dataset: str, steps: int | None) -> dict[str, float]:
    """Milliseconds of a step, best of three calls of `steps` (None: an epoch), and seconds of the first call."""
    config = canonical(Config(**{**vars(NETWORK), "model": model, "dataset": dataset}))
    data = load(dataset)
    program = Program(program_key(config), data)
    packed = PackedProgram(program, "loop", batches.put_on_device(data), compiler_options())
    trials, steps = packed.trials([config]), steps or program.steps_per_epoch
    seconds = []
    carry = packed.start([config])
    for _ in range(1 + BEST_OF):
        began = time.perf_counter()
        # From step 1 on: the evaluation at step 0 is no training.
        carry = jax.block_until_ready(packed.advance(carry, trials, 1, 1 + steps))
        seconds.append(time.perf_counter() - began)
    best = min(seconds[1:])
    return {"step_ms": 1e3 * best / steps, "compile_seconds": seconds[0] - best, "epoch_seconds": best}


def main(argv: list[str]) -> None:
    """Measures and writes what was found."""
    if len(argv) > 1:
        raise app.UsageError(f"takes no arguments, not {argv[1]}")
    result: dict[str, Any] = {"trials": [], "depth": [], "width": [], "data": []}
    for depth in DEPTHS:
        found = of_network(f"mlp(depth={depth},width=64)", "digits", 200)
        result["depth"].append({"depth": depth, **found})
        print(result["depth"][-1], flush=True)
    for width in WIDTHS:
        found = of_network(f"mlp(depth=2,width={width})", "digits", 20)
        result["width"].append({"width": width, **found})
        print(result["width"][-1], flush=True)
    for size in SIZES:
        found = of_network("mlp(depth=2,width=100)", f"few(n={size})", None)
        result["data"].append({"examples": size, **found})
        print(result["data"][-1], flush=True)
    for trials, arms in TRIALS:
        result["trials"].append(of_trials(trials, arms))
        print(result["trials"][-1], flush=True)
    result |= {"provenance": provenance(), "command": "python benchmarks/growth.py"}
    path = pathlib.Path(__file__).parent / "results" / "growth.json"
    path.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    app.run(main)
