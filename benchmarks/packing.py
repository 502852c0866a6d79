"""How much parallel computation gains: trials trained one after the other, in threads, and packed, on this device.

    .venv/bin/python benchmarks/packing.py

Packs of 1 to 64 trials of one program (the digits, batches of 64) are trained by every mapping of assay.sweep.pack: `loop` alone (one trial
after the other in one thread), `threads` (as `loop`, a thread a core: what the engine does on a CPU), `map` (one call
that takes trials in turn) and `vmap` (one batched computation). Given are trained examples per second, compiled before
the clock starts, the best of three rounds. On a CPU it says what packing gains there and nothing about accelerators;
run there, it measures them by the same lines. Writes results/packing.json, one entry per kind of device.
"""

import concurrent.futures
import dataclasses
import json
import pathlib
import time

from absl import app
import jax

from assay.config import Config
from assay.data import batches, load
from assay.ops.compiler import compiler_options
from assay.sweep.engines import cores
from assay.sweep.pack import PackedProgram
from assay.sweep.provenance import provenance
from assay.train.canonical import canonical
from assay.train.loop import Program, program_key

ROUNDS = 3
# Networks with the steps of a measurement and the sizes of packs.
MODELS = {
    "mlp(depth=2,width=32)": (400, (1, 4, 16, 64)),
    "mlp(depth=2,width=256)": (50, (1, 4, 16, 64)),
    "resnet(depth=8,width=4)": (10, (1, 4, 16)),
}
WAYS = ("loop", "threads", "map", "vmap")


def measure(model: str, steps: int, way: str, size: int) -> float:
    """Examples per second of `size` trials that advance `steps` steps."""
    config = canonical(Config(dataset="digits", model=model, activation="relu", batch_size=64, epochs=100, evals=1))
    trials = [dataclasses.replace(config, seed=seed) for seed in range(size)]
    dataset = load(config.dataset)
    mapping = "loop" if way == "threads" else way
    program = Program(program_key(config), dataset)
    packed = PackedProgram(program, mapping, batches.put_on_device(dataset), compiler_options())
    parts = [[trial] for trial in trials] if mapping == "loop" else [trials]
    carries = [packed.start(part) for part in parts]

    def advance(i: int) -> None:
        # From step 1 on: the evaluation at step 0 is no training.
        carries[i] = jax.block_until_ready(packed.advance(carries[i], packed.trials(parts[i]), 1, 1 + steps))

    def all_of_them() -> None:
        with concurrent.futures.ThreadPoolExecutor(cores() if way == "threads" else 1) as pool:
            list(pool.map(advance, range(len(parts))))

    all_of_them()
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        all_of_them()
        seconds.append(time.perf_counter() - began)
    return size * steps * config.batch_size / min(seconds)


def main(argv: list[str]) -> None:
    """Measures, prints a table, and adds what was found to the file."""
    del argv
    found = []
    for model, (steps, sizes) in MODELS.items():
        for way in WAYS:
            row = {size: round(measure(model, steps, way, size)) for size in sizes}
            found.append({"model": model, "way": way, "examples_per_second": row})
            print(f"{model:<24}{way:<9}" + "".join(f"{rate:>12,}" for rate in row.values()), flush=True)
    path = pathlib.Path(__file__).parent / "results" / "packing.json"
    path.parent.mkdir(exist_ok=True)
    stored = json.loads(path.read_text()) if path.exists() else {}
    entry = {"rates": found, "provenance": provenance(), "command": "python benchmarks/packing.py"}
    stored[jax.devices()[0].device_kind] = entry
    path.write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    app.run(main)
