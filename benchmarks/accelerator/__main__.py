"""Training throughput on the accelerator at hand: packs against solo runs, and both against PyTorch on the same device.

    .venv/bin/python -m benchmarks.accelerator
    .venv/bin/python -m benchmarks.accelerator --tiny

64 seeds of a 784-100-10 network and of LeNet in one pack, ResNet-18 (224x224, bfloat16, channels last), and the network of
the CIFAR-10 speedrun (bfloat16, batches of 2000), on random images that lie on the device. PyTorch trains one run, by
itself and by torch.compile; runs one after the other have the rate of one. Sides run in turns; given are examples a
second, median of the rounds, and ratios to the faster PyTorch. Needs the extra `bench`, for the GPU. Adds to
results/accelerator.json an entry for the kind of device. --tiny only shows that everything runs, on any machine.
"""

from collections.abc import Callable
import dataclasses
import json
import pathlib
import statistics
import sys
import time

from absl import app, flags
import jax
import numpy as np

from assay.config import Config
from assay.data import batches, Dataset, Split
from assay.ops.compiler import compiler_options
from assay.sweep.pack import PackedProgram
from assay.sweep.provenance import provenance
from assay.train.canonical import canonical
from assay.train.loop import Program, program_key


@dataclasses.dataclass(frozen=True)
class Case:
    """What is trained: `batch` images of `shape` a step, `steps` steps in one go, `seeds` of them packed."""

    model: str
    shape: tuple[int, int, int]
    batch: int
    steps: int
    seeds: int = 1
    dtype: str = "float32"
    classes: int = 10


CASES = {
    "mlp": Case("mlp(depth=1,width=100)", (28, 28, 1), 128, 400, seeds=64),
    "lenet": Case("lenet", (28, 28, 1), 128, 200, seeds=64),
    "resnet18": Case("resnet_imagenet(depth=18)", (224, 224, 3), 128, 20, dtype="bfloat16", classes=1000),
    "airbench": Case("airbench", (32, 32, 3), 2000, 20, dtype="bfloat16"),
}
BATCHES = 4  # in the training split
RATE = 1e-3

flags.DEFINE_list("cases", list(CASES), "which of them")
flags.DEFINE_integer("rounds", 5, "rounds that count", lower_bound=1)
flags.DEFINE_boolean("tiny", False, "the smallest sizes, nothing is stored")
FLAGS = flags.FLAGS


def tiny(case: Case) -> Case:
    """The case at a size that any machine runs in seconds."""
    side = min(case.shape[0], 32)
    return dataclasses.replace(case, shape=(side, side, case.shape[2]), batch=4, steps=2, seeds=min(case.seeds, 2))


def noise(case: Case) -> Dataset:
    """Random images with random labels."""
    rng = np.random.default_rng(0)
    count = BATCHES * case.batch
    x = rng.integers(0, 256, (count, *case.shape), np.uint8)
    split = Split(x, rng.integers(0, case.classes, count).astype(np.int32))
    few = Split(split.x[:2], split.y[:2])
    zero, one = np.zeros(case.shape[-1:], np.float32), np.ones(case.shape[-1:], np.float32)
    return Dataset("noise", split, few, few, case.classes, zero, one, "noise", "noise")


def by_assay(case: Case, seeds: int) -> tuple[Callable[[], float], int]:
    """A function that trains `seeds` trials for the case's steps and gives examples a second, compiled; and parameters."""
    settings = {"activation": "relu", "init": "he_normal", "dtype": case.dtype, "optimizer": "momentum", "lr": RATE}
    config = canonical(Config(model=case.model, batch_size=case.batch, epochs=10**6, evals=1, probe=(), **settings))
    dataset = noise(case)
    mapping = "vmap" if seeds > 1 else "loop"
    program = Program(program_key(config), dataset)
    packed = PackedProgram(program, mapping, batches.put_on_device(dataset), compiler_options())
    configs = [dataclasses.replace(config, seed=seed) for seed in range(seeds)]
    trials, carry = packed.trials(configs), packed.start(configs)

    def run() -> float:
        nonlocal carry
        began = time.perf_counter()
        # From step 1 on: the evaluation at step 0 is no training.
        carry = jax.block_until_ready(packed.advance(carry, trials, 1, 1 + case.steps))
        return seeds * case.steps * case.batch / (time.perf_counter() - began)

    run()
    return run, packed.parameters(carry)


def measure(name: str, case: Case, rounds: int) -> dict:
    """Rounds of one case, every side once a round."""
    from benchmarks.accelerator import by_pytorch  # torch is not always there

    run, parameters = by_assay(case, case.seeds)
    sides = {"assay": run}
    if case.seeds > 1:
        sides["assay, solo"], _ = by_assay(case, 1)
    for compiled in (False, True):
        run = by_pytorch.trainer(name, case, RATE, noise(case), parameters, compiled)
        sides[f"PyTorch{', torch.compile' * compiled}"] = run
    rates = {side: [] for side in sides}
    for _ in range(rounds):
        for side, run in sides.items():
            rates[side].append(run())
    medians = {side: statistics.median(values) for side, values in rates.items()}
    fastest = max(rate for side, rate in medians.items() if side.startswith("PyTorch"))
    ratios = {"to PyTorch": medians["assay"] / fastest}
    if case.seeds > 1:
        ratios["to solo runs"] = medians["assay"] / medians["assay, solo"]
    print(name, {side: f"{rate:,.0f}" for side, rate in medians.items()}, ratios, flush=True)
    return {"case": dataclasses.asdict(case), "examples_per_second": medians, "ratios": ratios, "all": rates}


def main(argv: list[str]) -> None:
    """Measures, and adds what was found to the file."""
    if wrong := argv[1:] + [name for name in FLAGS.cases if name not in CASES]:
        sys.exit(f"cannot use {wrong[0]}; --cases takes {', '.join(CASES)}")
    chosen = {name: tiny(CASES[name]) if FLAGS.tiny else CASES[name] for name in FLAGS.cases}
    found = {name: measure(name, case, FLAGS.rounds) for name, case in chosen.items()}
    if FLAGS.tiny:
        return
    path = pathlib.Path(__file__).parents[1] / "results" / "accelerator.json"
    stored = json.loads(path.read_text()) if path.exists() else {}
    entry = {"cases": found, "provenance": provenance(), "command": "python -m benchmarks.accelerator"}
    stored[jax.devices()[0].device_kind] = entry
    path.write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    app.run(main)
