"""Follow: what every process of a job but the first does (assay.sweep.job)."""

from collections.abc import Mapping
import logging
import signal
import socket
import threading
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from assay.config import from_json
from assay.spec import first_line
from assay.sweep import job
from assay.sweep.plan import Pack
from assay.sweep.programs import Programs
from assay.sweep.provenance import differences, origin


def follow(data_dir: str | None) -> int:
    """Makes the calls that process 0 tells until it tells the end, with its exit code.

    Args:
      data_dir: of assay.data.load, in this process.

    Raises:
      JobLost: process 0 or another is gone, has other code, other versions or other data, or a call failed only here.
    """
    _pass_signals_on()
    part = _Part(Programs("data", data_dir))
    while True:
        number, message = job.hear()
        if message["call"] == "end":
            return message["code"]
        try:
            part.make(message)
        except job.JobLost:
            raise
        except Exception as error:
            job.all_failed(number, error)
            logging.getLogger(__name__).warning("process %d: %s", jax.process_index(), first_line(error))


def _pass_signals_on() -> None:
    """At a signal, asks process 0 to stop, which tells all: a scheduler may signal one process of the job alone.

    By a thread, as this one waits in calls that let no handler run before they return.
    """
    heard, woken = socket.socketpair()
    woken.setblocking(False)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *signal_and_frame: None)
    signal.set_wakeup_fd(woken.detach())

    def listen() -> None:
        heard.recv(1)
        job.ask_to_stop()

    threading.Thread(target=listen, daemon=True).start()


class _Part:
    """The pack under way, as this process has it."""

    def __init__(self, programs: Programs):
        self._programs = programs
        self._packed = self._trials = self._carry = None

    def make(self, message: Mapping[str, Any]) -> None:
        """One call, to its end: what fails must fail here, before the next message."""
        match message["call"]:
            case "start" | "to_device":
                self._begin(message)
            case "advance":
                first, last = message["first"], message["last"]
                self._carry = self._packed.advance(self._carry, self._trials, first, last)
            case "finish":
                self._packed.finish(self._carry)
            case "probe":
                self._packed.probe(self._carry, self._trials, message["step"])
        jax.block_until_ready(self._carry)

    def _begin(self, message: Mapping[str, Any]) -> None:
        key, *configs = map(from_json, (message["key"], *message["configs"]))
        self._packed = self._programs.get(Pack(key, tuple(configs)))
        mine = origin(configs[0], self._packed.program.dataset.fingerprint)
        if found := differences(message["origin"], mine):
            raise job.JobLost(f"process {jax.process_index()} does not fit into the job: {'; '.join(found)}")
        self._trials = self._packed.trials(configs)
        if message["call"] == "start":
            self._carry = self._packed.start(configs)
            return
        empty = jax.tree.map(_empty, self._packed.carry_shape(configs))
        self._carry = self._packed.to_device(job.broadcast(empty), configs)


def _empty(leaf: jax.ShapeDtypeStruct) -> jax.Array | np.ndarray:
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        return jnp.broadcast_to(jax.random.key(0), leaf.shape)
    return np.zeros(leaf.shape, leaf.dtype)
