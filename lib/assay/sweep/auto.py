"""Auto: which mapping trains a program's packs fastest, measured on the devices at hand, once, and remembered.

On a CPU nothing is measured: `loop` has the bits of the solo trial and takes trials side by side in threads, so all
cores are busy already (benchmarks/packing.py compares). Elsewhere mappings differ by the last bits only, and by how
much in time depends on the network: small kernels gain by `vmap`, convolutions, which it turns into grouped ones, may
not; with several devices, `shard` gains what they are worth if they have enough to do.

Measuring costs a compilation for each mapping that is then not taken. So first the mapping that is most likely the
fastest is compiled, as it must be, and timed; the others only if the pack takes ten times as long to train so as that
took to compile. What was found is kept in `mappings.json` in the folder of compiled programs, by kind and number of
devices, program, size of the pack and version of JAX: a study that goes on, or is repeated, computes as it did before.
"""

from collections.abc import Callable, Sequence
import fcntl
import hashlib
import json
import logging
import math
import pathlib
import sys
import time
from typing import Any

import jax

from assay.config import Config
from assay.ops.compiler import cache_folder
from assay.spec import first_line
from assay.sweep.files import read, StoreError, strict_json, write
from assay.sweep.pack import no_room, PackedProgram

PAYS = 10  # measure if training takes this many times as long as a compilation
SECONDS = 0.3  # that a timing lasts at least


def candidates() -> tuple[str, ...]:
    """The mappings to choose from, the most likely one first."""
    return ("shard", "vmap", "map") if jax.local_device_count() > 1 else ("vmap", "map")


def choose(make: Callable[[str], PackedProgram], configs: Sequence[Config]) -> PackedProgram:
    """The pack's program in its fastest mapping, as it is known or measured.

    Args:
      make: from a mapping to the program.
      configs: the trials of a pack.
    """
    likely, *others = candidates()
    first = make(likely)
    path, name = cache_folder() / "mappings.json", _name(first, configs)
    if (known := _read(path).get(name, {}).get("mapping")) in (likely, *others):
        return first if known == likely else make(known)
    compiling, per_step = _measured(first, configs)
    if first.program.steps * per_step < PAYS * compiling:
        return first
    programs, seconds = {likely: first}, {likely: per_step}
    for mapping in others:
        programs[mapping] = make(mapping)
        _, seconds[mapping] = _measured(programs[mapping], configs)
    fastest = min(seconds, key=seconds.get)
    found = ", ".join(f"{mapping} {_text(each)}" for mapping, each in seconds.items())
    config = first.program.config
    what = f"{config.model}, {config.activation} on {config.dataset}: a step of {len(configs)} trials"
    print(f"{what} takes {found}; --pack={fastest} from now on", file=sys.stderr, flush=True)
    if not math.isfinite(seconds[fastest]):
        return first  # its error tells what is wrong; there is nothing to remember
    timed = {mapping: each if math.isfinite(each) else None for mapping, each in seconds.items()}
    _remember(path, name, {"mapping": fastest, "seconds_per_step": timed, "program": what})
    return programs[fastest]


def _measured(packed: PackedProgram, configs: Sequence[Config]) -> tuple[float, float]:
    """Seconds of the first call, which compiles, and of a step; infinite for a step that the memory has no room for."""
    began = time.perf_counter()
    try:
        trials, carry = packed.trials(configs), packed.start(configs)
        # From step 1 on: the evaluation at step 0 is no training.
        first = min(1, packed.program.steps - 1)
        count = 1
        carry = jax.block_until_ready(packed.advance(carry, trials, first, first + count))
        compiling = time.perf_counter() - began
        while True:
            began = time.perf_counter()
            carry = jax.block_until_ready(packed.advance(carry, trials, first, first + count))
            took = time.perf_counter() - began
            if took >= SECONDS or first + count >= packed.program.steps:
                return compiling, took / count
            count = min(4 * count, packed.program.steps - first)
    except jax.errors.JaxRuntimeError as error:
        if not no_room(error):
            raise
        return 0.0, math.inf


def _name(packed: PackedProgram, configs: Sequence[Config]) -> str:
    device = jax.local_devices()[0]
    program = packed.program.config.canonical_json(), packed.program.dataset.fingerprint, len(configs), jax.__version__
    digest = hashlib.sha256(json.dumps(program).encode()).hexdigest()[:16]
    return f"{jax.local_device_count()} x {device.device_kind}: {digest}"


def _read(path: pathlib.Path) -> dict[str, Any]:
    """What is remembered; nothing, if the file is damaged or cannot be read."""
    try:
        found = json.loads(read(path) or b"{}")
    except (ValueError, StoreError):
        return {}
    return found if isinstance(found, dict) else {}


def _remember(path: pathlib.Path, name: str, what: dict[str, Any]) -> None:
    """Adds to what is remembered. What cannot be kept is measured again, so nothing ends by it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.with_suffix(".lock").open("a") as lock:  # many processes may share the folder
            fcntl.flock(lock, fcntl.LOCK_EX)
            write(path, strict_json(_read(path) | {name: what}, indent=1))
    except (OSError, StoreError) as error:
        logging.getLogger(__name__).warning("--pack=auto does not remember: %s", first_line(error))


def _text(seconds: float) -> str:
    return f"{1000 * seconds:.3g} ms" if math.isfinite(seconds) else "more memory than there is"
