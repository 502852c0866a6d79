"""Job: processes that train together, each trial over the devices of all of them, through `jax.distributed`.

Process 0 leads. It alone reads and writes results and checkpoints, looks at the clock and hears signals; each call that
runs on the devices it tells to the others before it makes it, and they make the same call (assay.sweep.follow). So
nothing has to be agreed on: where a chunk ends and when to stop is decided once, and what is stored is stored once.
"""

from collections.abc import Callable, Iterator, Sequence
import contextlib
import dataclasses
import json
import os
import re
import signal
import socket
import sys
import threading
from typing import Any

import jax
from jax.experimental import multihost_utils
import numpy as np

from assay.config import Config
from assay.exit_codes import STOPPED
from assay.spec import first_line, SpecError
from assay.sweep.pack import PackedProgram
from assay.sweep.provenance import origin
from assay.train.loop import Carry, Trial

# A process that has not been heard of for so long is lost; the runtime then aborts the others (exit code 134).
HEARTBEAT_SECONDS = 30
PEER_SECONDS = 20  # that a process has to say that a call failed there, too
STOP_SECONDS = 1.0  # between two looks whether another process was signalled
KEPT = 100  # messages that stay to be read; nobody falls behind by more than a trial's first few calls
_STOP = "assay/stop"
VARIABLES = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")


class JobLost(RuntimeError):
    """Not all processes of the job are there, or did the same; one line. Started again, it goes on at a checkpoint."""


def join(mapping: str) -> None:
    """Joins the job that the environment describes, if there is one; before JAX is asked for any device.

    VARIABLES describe it; without them, and for --pack=data only, JAX looks for a cluster that it knows (SLURM, Open
    MPI, Cloud TPU, GKE).

    Raises:
      SpecError: VARIABLES are not all there, or make no sense.
      JobLost: the others cannot be reached.
    """
    # Our own handler saves a checkpoint at SIGTERM; the runtime's would only take the signal away from it.
    jax.config.update("jax_enable_preemption_service", False)
    limits = {"heartbeat_timeout_seconds": HEARTBEAT_SECONDS, "shutdown_timeout_seconds": HEARTBEAT_SECONDS}
    try:
        if any(name in os.environ for name in VARIABLES):
            described = _described()
            where = f"process {described['process_id']} of {described['num_processes']}"
            print(f"{where}; waiting for the others at {described['coordinator_address']}", file=sys.stderr, flush=True)
            jax.distributed.initialize(**described, **limits)
        elif mapping == "data":
            jax.distributed.initialize(**limits)
    except ValueError as error:
        if "coordinator_address" not in str(error):  # with none, there is no cluster that JAX knows: one process
            raise SpecError(f"the job's environment makes no sense: {first_line(error)}") from error
    except jax.errors.JaxRuntimeError as error:
        raise JobLost(f"cannot reach the other processes of the job: {first_line(error)}") from error


def _described() -> dict[str, Any]:
    values = [os.environ.get(name, "") for name in VARIABLES]
    address, count, index = values
    numbers = count.isdigit() and index.isdigit() and int(index) < int(count)
    if not numbers or not re.fullmatch(r".+:\d+", address):
        raise SpecError(
            f"{', '.join(VARIABLES)} are {', '.join(repr(value) for value in values)}; "
            "a job needs all three: host:port, the number of processes, and which of them this is, from 0"
        )
    return {"coordinator_address": address, "num_processes": int(count), "process_id": int(index)}


def environments(processes: int) -> list[dict[str, str]]:
    """What tells each process of a job on this machine its place, and its share of the accelerators.

    Raises:
      SpecError: they cannot be divided.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        values = [f"127.0.0.1:{free.getsockname()[1]}", str(processes)]
    environments = [dict(zip(VARIABLES, (*values, str(i)))) for i in range(processes)]
    if jax.default_backend() != "cpu":
        devices = jax.local_device_count()
        if devices % processes:
            raise SpecError(f"{devices} devices cannot be divided among {processes} processes")
        each = devices // processes
        for i, environment in enumerate(environments):
            environment["JAX_LOCAL_DEVICE_IDS"] = ",".join(map(str, range(i * each, (i + 1) * each)))
    return environments


def leads() -> bool:
    """Whether this process tells others what to do."""
    return jax.process_count() > 1 and jax.process_index() == 0


def follows() -> bool:
    """Whether this process does what another tells."""
    return jax.process_index() > 0


def lead(work: Callable[[], int]) -> int:
    """Does a process's work and gives its exit code, with which the others of the job are told to end as well.

    So whatever starts the processes starts all of them again, or none. If `work` raises, they are told STOPPED.
    """
    code, ended = STOPPED, threading.Event()
    listening = threading.Thread(target=_hear_stop, args=(ended,), daemon=True)
    try:
        if leads():
            listening.start()
        code = work()
        return code
    finally:
        if leads():
            ended.set()
            listening.join()
            tell({"call": "end", "code": code})


def ask_to_stop() -> None:
    """Asks process 0 to save and stop, as the signal that this process heard would."""
    _client().key_value_set(f"{_STOP}/asked", "yes", allow_overwrite=True)


def _hear_stop(ended: threading.Event) -> None:
    while not ended.wait(STOP_SECONDS):
        try:
            asked = _client().key_value_dir_get(_STOP)
        except jax.errors.JaxRuntimeError:
            return  # the job is broken, which the next call of process 0 says
        if asked:
            os.kill(os.getpid(), signal.SIGTERM)
            return


class LedProgram(PackedProgram):
    """A PackedProgram whose calls other processes make as well, because they are told to."""

    def start(self, configs: Sequence[Config]) -> Carry:
        """As PackedProgram.start."""
        with _told(self._named("start", configs)):
            return jax.block_until_ready(super().start(configs))

    def to_device(self, carry: Carry, configs: Sequence[Config]) -> Carry:
        """As PackedProgram.to_device; the others get the Carry from here."""
        with _told(self._named("to_device", configs)):
            return super().to_device(broadcast(carry), configs)

    def advance(self, carry: Carry, trials: Trial, first: int, last: int) -> Carry:
        """As PackedProgram.advance."""
        with _told({"call": "advance", "first": first, "last": last}):
            return jax.block_until_ready(super().advance(carry, trials, first, last))

    def finish(self, carry: Carry) -> dict[str, np.ndarray]:
        """As PackedProgram.finish."""
        with _told({"call": "finish"}):
            return super().finish(carry)

    def probe(self, carry: Carry, trials: Trial, step: int) -> dict[str, np.ndarray]:
        """As PackedProgram.probe."""
        with _told({"call": "probe", "step": step}):
            return super().probe(carry, trials, step)

    def _named(self, call: str, configs: Sequence[Config]) -> dict[str, Any]:
        return {
            "call": call,
            "key": dataclasses.asdict(self.program.config),
            "configs": [dataclasses.asdict(config) for config in configs],
            "origin": origin(configs[0], self.program.dataset.fingerprint),
        }


@contextlib.contextmanager
def _told(message: dict[str, Any]) -> Iterator[None]:
    number = tell(message)
    try:
        yield
    except Exception as error:
        all_failed(number, error)
        raise


def all_failed(number: int, error: Exception) -> None:
    """Returns if the call of that number failed in every process: then it is the trial that fails, not the job.

    Raises:
      JobLost: it did not.
    """
    try:
        _client().wait_at_barrier(f"assay/failed/{number}", PEER_SECONDS * 1000)
    except jax.errors.JaxRuntimeError:
        raise JobLost(f"the job broke: {first_line(error)}") from error


def broadcast(tree: Any) -> Any:
    """Process 0's arrays, bit for bit, in every process; the others give arrays of the same shapes and dtypes."""
    leaves, structure = jax.tree.flatten(tree)
    keys = [jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key) for leaf in leaves]
    data = [np.array(jax.random.key_data(leaf) if is_key else leaf) for leaf, is_key in zip(leaves, keys)]
    # As bytes: it is done by a sum over processes, and -0.0 + 0.0 is 0.0.
    sent = multihost_utils.broadcast_one_to_all([array.reshape(-1).view(np.uint8) for array in data])
    received = [np.asarray(raw).view(array.dtype).reshape(array.shape) for raw, array in zip(sent, data)]
    wrap = lambda words, leaf: jax.random.wrap_key_data(words, impl=jax.random.key_impl(leaf))
    return structure.unflatten(
        [wrap(array, leaf) if is_key else array for array, leaf, is_key in zip(received, leaves, keys)]
    )


# Messages go through the job's coordinator, not through a collective: a process may wait for the next one for hours.
_number = 0


def tell(message: dict[str, Any]) -> int:
    """Sends the next message to all others; returns its number."""
    global _number
    _number += 1
    _client().key_value_set(f"assay/told/{_number}", json.dumps(message))
    if _number > KEPT:
        _client().key_value_delete(f"assay/told/{_number - KEPT}")
    return _number


def hear() -> tuple[int, dict[str, Any]]:
    """Waits for the next message; its number and what it says."""
    global _number
    _number += 1
    while True:
        try:
            return _number, json.loads(_client().blocking_key_value_get(f"assay/told/{_number}", 60_000))
        except jax.errors.JaxRuntimeError as error:
            if "DEADLINE_EXCEEDED" not in str(error):
                raise JobLost(f"the first process of the job is gone: {first_line(error)}") from error


def _client() -> Any:
    # JAX has no public name for the store of its coordinator; Orbax takes it from here, too.
    from jax._src import distributed

    return distributed.global_state.client
