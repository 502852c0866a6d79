"""What parallel computation gains: the same training on an accelerator and on a CPU, batched and one by one."""

import time

import jax
import numpy as np

from assay.claims.exact import Figure
from assay.config import Config
from assay.data import batches, load
from assay.ops.compiler import compiler_options
from assay.train.canonical import canonical
from assay.train.loop import Program, Trial

NETWORK = "mlp(depth=2,width=256)"
TRIALS, STEPS, ROUNDS, TIMES = 64, 20, 3, 10
MISSING = "this machine has no accelerator"


def accelerators() -> list[Figure]:
    """64 networks trained at once on an accelerator, over the same on this machine's CPU: at least ten times faster?

    Cireşan et al. 2010 (Neural Computation 22, "Deep, big, simple neural nets") report 10 to 60 times.
    """
    cpu, device = jax.local_devices(backend="cpu")[0], jax.devices()[0]
    on_cpu, alone = _examples_per_second(cpu, TRIALS), _examples_per_second(cpu, 1)
    found = None if device.platform == "cpu" else _examples_per_second(device, TRIALS) / on_cpu
    return [
        Figure(
            f"{TRIALS} networks at once train at least {TIMES} times faster on an accelerator than on this CPU",
            True,
            None if found is None else found >= TIMES,
            missing=MISSING if found is None else "",
        ),
        Figure("times the speed of the CPU", None, found, missing=MISSING if found is None else ""),
        Figure(f"times the speed of one network, {TRIALS} at once, both on this CPU", None, on_cpu / alone),
    ]


def _examples_per_second(device: jax.Device, trials: int) -> float:
    """Trained examples per second on one device, of all trials together; compiled first, the best of some rounds."""
    config = canonical(Config(dataset="digits", model=NETWORK, activation="relu", batch_size=64, epochs=100, evals=1))
    dataset = load(config.dataset)
    program = Program(config, dataset)
    data, each = jax.device_put((batches.on_host(dataset), _trials(config, trials)), device)
    options = compiler_options() if device.platform == "cpu" else {}
    carry = jax.jit(jax.vmap(program.start(config.init), in_axes=(0, None)))(each, data)
    advance = jax.jit(jax.vmap(program.advance, in_axes=(0, 0, None, None, None)), compiler_options=options)
    seconds = []
    for _ in range(1 + ROUNDS):
        began = time.perf_counter()
        # From step 1 on: the evaluation at step 0 is no training.
        jax.block_until_ready(advance(carry, each, data, np.int32(1), np.int32(1 + STEPS)))
        seconds.append(time.perf_counter() - began)
    return trials * STEPS * config.batch_size / min(seconds[1:])


def _trials(config: Config, trials: int) -> Trial:
    """Trials that differ in their seeds."""
    lr, weight_decay = (np.full(trials, each, np.float32) for each in (config.lr, config.weight_decay))
    return Trial(np.arange(trials, dtype=np.int32), lr, weight_decay)


ROWS = {"B28": accelerators}
