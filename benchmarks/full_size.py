"""One forward pass of the largest networks at full size: time, memory, parameters.

    .venv/bin/python benchmarks/full_size.py

VGG-16, ResNet-152 and DenseNet-121 on one image of 224x224x3 with 1000 outputs, U-Net on one of 572x572x1 with 2.
Every network has a process of its own, so that the peak of its memory (resident, with interpreter and compiler) is
its own; `base` is that of a process that has only started JAX. Parameters are zeros: neither time nor memory depends
on their values. Writes results/full_size.json.
"""

import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

from absl import app
import jax
import jax.numpy as jnp

from assay import models
from assay.ops.compiler import compiler_options
from assay.sweep.provenance import provenance

REPEATS = 5
BASE = "base"
# Name to Spec, example, outputs, shape of the result, parameters.
NETWORKS = {
    "VGG-16": ("vgg(depth=16)", (224, 224, 3), 1000, (1, 1000), 138_357_544),
    "ResNet-152": ("resnet_imagenet(depth=152)", (224, 224, 3), 1000, (1, 1000), 60_192_808),
    "DenseNet-121": (
        "densenet(bottleneck=True,compression=0.5,depth=121,form='imagenet',growth=32)",
        (224, 224, 3),
        1000,
        (1, 1000),
        7_978_856,
    ),
    "U-Net 572": ("unet(padding='VALID')", (572, 572, 1), 2, (1, 388, 388, 2), None),
}


def forward(name: str) -> dict:
    """Compiles and runs one network in this process."""
    spec, shape, outputs, wanted, published = NETWORKS[name]
    free = (None, None, outputs) if len(wanted) == 4 else None
    norm = models.default_norm(spec)
    model = models.build(spec, activation="relu", init="he_normal", norm=norm, outputs=outputs, shape=free)
    x = jnp.ones((1, *shape), jnp.float32)
    shapes = jax.eval_shape(model.init, jax.random.key(0), x)
    params, state = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes)
    parameters = sum(leaf.size for leaf in jax.tree.leaves(params))
    if published is not None and parameters != published:
        raise RuntimeError(f"{name} has {parameters} parameters, not {published}")

    def logits(params, state, x):
        return model.apply(params, state, x, key=None, train=False)[0].logits

    began = time.perf_counter()
    run = jax.jit(logits).lower(params, state, x).compile(compiler_options=compiler_options())
    compile_seconds = time.perf_counter() - began
    if run(params, state, x).shape != wanted:
        raise RuntimeError(f"{name} gives {run(params, state, x).shape}, not {wanted}")
    seconds = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        run(params, state, x).block_until_ready()
        seconds.append(time.perf_counter() - began)
    return {
        "spec": spec,
        "input": [1, *shape],
        "output": list(wanted),
        "parameters": parameters,
        "compile_seconds": compile_seconds,
        "forward_seconds": statistics.median(seconds),
        "all_forward_seconds": seconds,
    }


def alone(name: str) -> dict:
    """`forward` of one network, or nothing but the start of JAX, in a new process; adds the peak of its memory."""
    command = [sys.executable, __file__, name]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    if found.returncode:
        sys.exit(f"{name} failed:\n{found.stderr}")
    return json.loads(found.stdout.splitlines()[-1])


def main(argv: list[str]) -> None:
    """Measures all networks, or, for itself as a subprocess, the one that is the argument."""
    if len(argv) > 1:
        row = {} if argv[1] == BASE else forward(argv[1])
        jnp.zeros(1).block_until_ready()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024  # Linux counts in KiB
        print(json.dumps(row | {"peak_mib": round(peak, 1)}))
        return
    rows = {name: alone(name) for name in (BASE, *NETWORKS)}
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    result = {
        "base_mib": rows.pop(BASE)["peak_mib"],
        "networks": rows,
        "cores": cores,
        "provenance": provenance(),
        "command": "python benchmarks/full_size.py",
    }
    for name, row in rows.items():
        print(f"{name:14}{row['parameters']:13,}{row['forward_seconds']:9.3f} s{row['peak_mib']:9.0f} MiB")
    path = pathlib.Path(__file__).parent / "results" / "full_size.json"
    path.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    app.run(main)
