"""How long does a U-Net take to segment one image of 512x512?

    .venv/bin/python benchmarks/segment_image.py

From the uint8 image to the class of every pixel, same-padded, float32: the network of experiments/unet_skips.py with
and without skips, one of twice its width, and one of the paper's width, all with batch normalisation. Networks run in
turns, round after round; reported are the fastest and the median round, and the load of the machine. Writes
results/segment_image.json.
"""

import json
import os
import pathlib
import statistics
import time

from absl import app
import jax
import jax.numpy as jnp
import numpy as np

from assay import models
from assay.data.batches import standardised
from assay.ops.compiler import compiler_options
from assay.sweep.provenance import provenance

SIDE, CLASSES, ROUNDS = 512, 2, 15
SPECS = (
    "unet(width=8)",
    "unet(skip=False,width=8)",
    "unet(width=16)",
    "unet(width=64)",
)


def prepared(spec: str):
    """A function of an image that waits for its classes, and what is known of the network."""
    shape = (None, None, CLASSES)
    model = models.build(spec, activation="relu", init="he_normal", norm="batch_norm", outputs=CLASSES, shape=shape)
    mean, std = jnp.full(1, 0.5), jnp.full(1, 0.2)

    def classes(params, state, image):
        x = standardised(image, mean, std)
        return jnp.argmax(model.apply(params, state, x, key=None, train=False)[0].logits, axis=-1)

    image = np.random.default_rng(0).integers(0, 256, (1, SIDE, SIDE, 1)).astype(np.uint8)
    params, state = jax.jit(model.init)(jax.random.key(0), jnp.zeros(image.shape, jnp.float32))
    began = time.perf_counter()
    run = jax.jit(classes).lower(params, state, image).compile(compiler_options=compiler_options())
    known = {
        "parameters": sum(leaf.size for leaf in jax.tree.leaves(params)),
        "compile_seconds": time.perf_counter() - began,
        "buffers_mib": run.memory_analysis().temp_size_in_bytes / 2**20,
    }
    if run(params, state, image).shape != (1, SIDE, SIDE):
        raise RuntimeError(f"{spec} gives {run(params, state, image).shape}")
    return lambda: run(params, state, image).block_until_ready(), known


def main(argv: list[str]) -> None:
    """Measures in turns."""
    del argv
    networks = {spec: prepared(spec) for spec in SPECS}
    seconds = {spec: [] for spec in SPECS}
    load = [os.getloadavg()[0]]
    for _ in range(ROUNDS):
        for spec, (run, _) in networks.items():
            began = time.perf_counter()
            run()
            seconds[spec].append(time.perf_counter() - began)
    load.append(os.getloadavg()[0])
    rows = {
        spec: known | {"fastest": min(times), "median": statistics.median(times), "seconds": times}
        for (spec, (_, known)), times in zip(networks.items(), seconds.values())
    }
    result = {
        "image": [SIDE, SIDE],
        "networks": rows,
        "load_average_before_and_after": load,
        "provenance": provenance(),
        "command": "python benchmarks/segment_image.py",
    }
    for spec, row in rows.items():
        times = f"{row['fastest']:8.3f}{row['median']:8.3f} s"
        print(f"{spec:34}{row['parameters']:12,}{times}{row['buffers_mib']:8.0f} MiB")
    path = pathlib.Path(__file__).parent / "results" / "segment_image.json"
    path.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    app.run(main)
