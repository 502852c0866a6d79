"""What dealing trials out to devices costs: `--pack=shard` on 1, 2, 4 and 8 devices against `vmap` on one.

    .venv/bin/python benchmarks/shard.py

A pack of 16 trials of one program (the digits, batches of 64) advances some steps, compiled before the clock starts, by
each way in turns, round after round; given is the median over rounds of the time as a ratio to vmap's in the same
round, and by how much what was learnt differs from vmap's after the first round: sums of batched products may add up in
another order. On a CPU the devices are simulated, and all of them share its cores: with two cores a ratio can fall to
0.5 at the best, and with more devices than cores whatever it lies above that is what dealing out costs. Trials on different
devices send each other nothing, so on devices of their own the ratio falls as their number grows; that is measured by
the same lines where there are several. Writes results/shard.json, one entry per kind of device.
"""

import dataclasses
import json
import pathlib
import statistics
import time
from typing import Any

from absl import app
import jax
import numpy as np

from assay.config import Config
from assay.data import batches, load
from assay.ops.compiler import compiler_options
from assay.sweep.pack import PackedProgram
from assay.sweep.provenance import provenance
from assay.train.canonical import canonical
from assay.train.loop import Program, program_key

TRIALS, ROUNDS = 16, 11
MODELS = {"mlp(depth=2,width=128)": 100, "resnet(depth=8,width=4)": 4}  # with the steps of a measurement
SIMULATED = 8


def ways() -> dict[str, tuple[str, list[jax.Device] | None]]:
    """vmap on one device; shard on 1, 2, 4, ... of those there are."""
    devices = jax.devices()
    counts = [2**i for i in range(10) if 2**i <= min(len(devices), TRIALS)]
    return {"vmap": ("vmap", None)} | {f"shard on {n}": ("shard", devices[:n]) for n in counts}


def measure(model: str, steps: int) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Seconds of each way, one a round; the largest difference of a learnt number from vmap's after the first round."""
    config = canonical(Config(dataset="digits", model=model, activation="relu", batch_size=64, epochs=100, evals=1))
    trials = [dataclasses.replace(config, seed=seed) for seed in range(TRIALS)]
    dataset = load(config.dataset)
    program, data = Program(program_key(config), dataset), batches.on_host(dataset)
    packs = {
        name: PackedProgram(program, mapping, data, compiler_options(), devices)
        for name, (mapping, devices) in ways().items()
    }
    carries = {name: packed.start(trials) for name, packed in packs.items()}
    seconds, learnt = {name: [] for name in packs}, {}
    for _ in range(ROUNDS + 1):
        for name, packed in packs.items():
            began = time.perf_counter()
            # From step 1 on: the evaluation at step 0 is no training.
            carries[name] = jax.block_until_ready(packed.advance(carries[name], packed.trials(trials), 1, 1 + steps))
            seconds[name].append(time.perf_counter() - began)
            if name not in learnt:
                learnt[name] = packed.to_host(carries[name], TRIALS).train_state.params
    differences = {name: _largest_difference(params, learnt["vmap"]) for name, params in learnt.items()}
    return {name: times[1:] for name, times in seconds.items()}, differences  # the first compiles


def _largest_difference(a: Any, b: Any) -> float:
    return max(jax.tree.leaves(jax.tree.map(lambda x, y: float(np.abs(x - y).max()), a, b)))


def main(argv: list[str]) -> None:
    """Measures, prints a table, and adds what was found to the file."""
    del argv
    jax.config.update("jax_num_cpu_devices", SIMULATED)
    found = []
    for model, steps in MODELS.items():
        seconds, differences = measure(model, steps)
        ratios = {
            name: round(statistics.median(mine / vmap for mine, vmap in zip(times, seconds["vmap"])), 3)
            for name, times in seconds.items()
        }
        one = {"model": model, "trials": TRIALS, "steps": steps, "ratio_to_vmap": ratios}
        found.append(one | {"largest_difference_from_vmap": differences, "seconds": seconds})
        print(f"{model:<26}" + "".join(f"{name} {ratio:<8}" for name, ratio in ratios.items()), flush=True)
    path = pathlib.Path(__file__).parent / "results" / "shard.json"
    stored = json.loads(path.read_text()) if path.exists() else {}
    entry = {"measured": found, "provenance": provenance(), "command": "python benchmarks/shard.py"}
    stored[jax.devices()[0].device_kind] = entry
    path.write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    app.run(main)
