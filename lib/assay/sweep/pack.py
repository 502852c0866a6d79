"""Pack: trials of one program that run together, and the ways a program's functions are mapped over them.

loop   one trial after the other, each alone; threads take trials side by side, one a core. For CPUs: a packed trial
       has the bits of the solo trial because it is one, and is done, and stored, before the next begins.
map    `lax.map` over stacked trials: one call for all; the same bits as loop on a CPU.
vmap   one batched computation for all: for accelerators. Batched matrix products add up in another order, so results
       are close to, not equal to, the solo trial's.
"""

from collections.abc import Callable, Sequence
import functools
import threading
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from assay.config import Config
from assay.data.batches import DeviceData
from assay.tasks import TrainState
from assay.train.loop import Carry, Program, Trial, trial_arrays

MAPPINGS = ("loop", "map", "vmap")


class PackedProgram:
    """A program's functions, compiled once, for packs of any composition.

    In "loop" a pack is one trial and nothing is stacked; otherwise every argument and result that belongs to a trial
    has a leading axis over the pack.
    """

    def __init__(self, program: Program, mapping: str, data: DeviceData, compiler_options: dict[str, Any]):
        self.program, self.mapping, self.data = program, mapping, data
        self.chunk = 1  # steps a call; the engine adapts it to the measured rate
        self._options = compiler_options
        self._compiling = threading.Lock()
        self._warm: set[Any] = set()
        self._starts: dict[str, Callable] = {}
        self._advance = self._compile(program.advance, each=2, shared=3, donate=(0,))
        self._finish = self._compile(program.finish, each=1, shared=1)
        self._probe = self._compile(program.probe, each=2, shared=2, once=True)

    def trials(self, configs: Sequence[Config]) -> Trial:
        """The data axes of a pack."""
        arrays = [trial_arrays(config) for config in configs]
        return arrays[0] if self.mapping == "loop" else jax.tree.map(lambda *leaves: np.stack(leaves), *arrays)

    def start(self, configs: Sequence[Config]) -> Carry:
        """Initialises every trial of a pack by its own initialiser."""
        inits = [config.init for config in configs]
        parts = []
        for init in dict.fromkeys(inits):
            mine = [config for config in configs if config.init == init]
            parts.append(self._call(("start", init, len(mine)), self._start(init), self.trials(mine), self.data))
        if len(parts) == 1:
            return parts[0]
        # Back into the order of the pack: parts hold the trials sorted by first occurrence of their initialiser.
        order = np.argsort(np.argsort([list(dict.fromkeys(inits)).index(init) for init in inits], kind="stable"))
        return jax.tree.map(lambda *leaves: jnp.concatenate(leaves)[order], *parts)

    def check(self, inits: Sequence[str]) -> None:
        """Traces the initialisations and a step of training; raises what the model or an initialiser raises."""
        trials = self.trials([self.program.config])
        for init in inits:
            carry = self._start(init).eval_shape(trials, self.data)
        self._advance.eval_shape(carry, trials, self.data, np.int32(0), np.int32(1))

    def carry_shape(self, configs: Sequence[Config]) -> Carry:
        """The shapes and dtypes of a pack's Carry."""
        return self._start(configs[0].init).eval_shape(self.trials(configs), self.data)

    def advance(self, carry: Carry, trials: Trial, first: int, last: int) -> Carry:
        """Trains steps first..last-1 of every trial; `carry` is consumed."""
        arguments = (carry, trials, self.data, np.int32(first), np.int32(last))
        return self._call(("advance", _size(carry)), self._advance, *arguments)

    def finish(self, carry: Carry) -> dict[str, np.ndarray]:
        """Final metrics, each `[pack]`."""
        return self._per_trial(self._call(("finish", _size(carry)), self._finish, carry, self.data))

    def probe(self, carry: Carry, trials: Trial, step: int) -> dict[str, np.ndarray]:
        """Layer statistics, each `[pack, layers]`."""
        step = np.int32(min(step, self.program.steps - 1))
        return self._per_trial(self._call(("probe", _size(carry)), self._probe, carry, trials, self.data, step))

    def train_state(self, carry: Carry, i: int) -> TrainState:
        """What the i-th trial of a pack has learnt, on the device."""
        return carry.train_state if self.mapping == "loop" else jax.tree.map(lambda leaf: leaf[i], carry.train_state)

    def parameters(self, carry: Carry) -> int:
        """Learnt numbers of one trial's model."""
        return sum(leaf.size for leaf in jax.tree.leaves(carry.train_state.params)) // _size(carry)

    def progress_of(self, carry: Carry) -> tuple[np.ndarray, np.ndarray]:
        """`diverged_at` `[pack]` and `curve` `[pack, evals, metrics]`, on the host: waits for the device."""
        both = self._per_trial({"diverged_at": carry.diverged_at, "curve": carry.curve})
        return both["diverged_at"], both["curve"]

    def _start(self, init: str) -> Callable:
        if init not in self._starts:
            self._starts[init] = self._compile(self.program.start(init), each=1, shared=1, once=True)
        return self._starts[init]

    def _per_trial(self, tree: dict[str, jax.Array]) -> dict[str, np.ndarray]:
        host = jax.device_get(tree)
        return {k: np.asarray(v)[None] if self.mapping == "loop" else np.asarray(v) for k, v in host.items()}

    def _compile(
        self, function: Callable, *, each: int, shared: int, donate: tuple[int, ...] = (), once: bool = False
    ) -> Callable:
        if self.mapping == "vmap":
            function = jax.vmap(function, in_axes=(0,) * each + (None,) * shared)
        elif self.mapping == "map":
            function = functools.partial(_mapped, function, each)
        # Long programs that run once or twice a trial, samplers above all, cost more to optimise than to run.
        cheap = {"xla_backend_optimization_level": 0} if once and jax.default_backend() == "cpu" else {}
        return jax.jit(function, donate_argnums=donate, compiler_options=self._options | cheap)

    def _call(self, name: Any, function: Callable, *arguments: Any) -> Any:
        """Calls; the first call of a name compiles, and other threads wait for it instead of compiling as well."""
        if name in self._warm:
            return function(*arguments)
        with self._compiling:
            result = function(*arguments)
            self._warm.add(name)
        return result


def _mapped(function: Callable, each: int, *arguments: Any) -> Any:
    return jax.lax.map(lambda one: function(*one, *arguments[each:]), arguments[:each])


def _size(carry: Carry) -> int:
    return carry.diverged_at.size
