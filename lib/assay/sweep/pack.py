"""Pack: trials of one program that run together, and the ways a program's functions are mapped over them.

loop   one trial after the other, each alone; threads take trials side by side, one a core. For CPUs: a packed trial
       has the bits of the solo trial because it is one, and is done, and stored, before the next begins.
map    `lax.map` over stacked trials: one call for all; the same bits as loop on a CPU.
vmap   one batched computation for all: for accelerators. Batched matrix products add up in another order, so results
       are close to, not equal to, the solo trial's.
shard  the trials of a pack dealt out to all devices of this process, `vmap` on each: no device waits for another, and
       results are as close as vmap's. A pack is filled up with its last trial until the devices have equally many.
data   one trial after the other, each over all devices of all processes: the examples of a batch are dealt out, and
       what is said of the whole batch (its mean loss, its batch normalisation) is said of the whole batch. On the same
       number of devices the same bits; on another, sums over the batch add up in another order.
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
from assay.sweep.layout import layout, put
from assay.tasks import TrainState
from assay.train.loop import Carry, Program, Trial, trial_arrays

MAPPINGS = ("loop", "map", "vmap", "shard", "data")


class PackedProgram:
    """A program's functions, compiled once, for packs of any composition.

    In "loop" and "data" a pack is one trial and nothing is stacked; otherwise every argument and result that belongs
    to a trial has a leading axis over the pack. In "shard" that axis is as long as the pack filled up; results beyond
    the pack are its last trial's again.

    Args:
      program: made with `layout(mapping, devices).batch`.
      mapping: one of MAPPINGS.
      data: the program's data set.
      compiler_options: of `jax.jit`.
      devices: of `assay.sweep.layout.layout`.
    """

    def __init__(
        self,
        program: Program,
        mapping: str,
        data: DeviceData,
        compiler_options: dict[str, Any],
        devices: Sequence[jax.Device] | None = None,
    ):
        self.program, self.mapping, self.layout = program, mapping, layout(mapping, devices)
        self.stacked = mapping in ("map", "vmap", "shard")
        self.devices = self.layout.trials.num_devices if self.layout.trials else 1
        self.data = put(data, self.layout.shared)
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
        arrays = [trial_arrays(configs[i]) for i in self._filled(range(len(configs)))]
        return jax.tree.map(lambda *leaves: np.stack(leaves), *arrays) if self.stacked else arrays[0]

    def start(self, configs: Sequence[Config]) -> Carry:
        """Initialises every trial of a pack by its own initialiser."""
        inits = list(dict.fromkeys(config.init for config in configs))
        groups = [[i for i, config in enumerate(configs) if config.init == init] for init in inits]
        parts = []
        for init, group in zip(inits, groups):
            trials = self.trials([configs[i] for i in group])
            parts.append(self._call(("start", init, len(group)), self._start(init), trials, self.data))
        if len(parts) == 1:
            return parts[0]
        parts = [_rows(part, np.arange(len(group))) for part, group in zip(parts, groups)]
        # Back into the order of the pack.
        order = np.array(self._filled(np.argsort(np.concatenate(groups))))
        return put(jax.tree.map(lambda *leaves: jnp.concatenate(leaves)[order], *parts), self.layout.trials)

    def check(self, inits: Sequence[str]) -> None:
        """Traces the initialisations and a step of training; raises what the model or an initialiser raises."""
        trials = self.trials([self.program.config])
        for init in inits:
            carry = self._start(init).eval_shape(trials, self.data)
        self._advance.eval_shape(carry, trials, self.data, np.int32(0), np.int32(1))

    def carry_shape(self, configs: Sequence[Config]) -> Carry:
        """The shapes and dtypes of what `to_host` makes of a pack's Carry."""
        shape = jax.eval_shape(self.program.start(configs[0].init), trial_arrays(configs[0]), self.data)
        stack = (len(configs),) if self.stacked else ()
        return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct((*stack, *leaf.shape), leaf.dtype), shape)

    def to_host(self, carry: Carry, count: int) -> Carry:
        """The Carry of the first `count` trials, which are the pack: the same for any number of devices."""
        host = jax.device_get(carry)
        return host if _size(carry) == count else jax.tree.map(lambda leaf: leaf[:count], host)

    def to_device(self, carry: Carry, configs: Sequence[Config]) -> Carry:
        """The Carry that `to_host` was given, of these trials."""
        rows = self._filled(range(len(configs)))
        whole = carry if len(rows) == len(configs) else _rows(carry, np.array(rows))
        return put(whole, self.layout.trials)

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
        if self.stacked:
            carry = _rows(carry, i)
        # What looks at one trial runs on one device, in one process.
        return jax.device_put(jax.device_get(carry.train_state)) if self.layout.trials else carry.train_state

    def parameters(self, carry: Carry) -> int:
        """Learnt numbers of one trial's model."""
        return sum(leaf.size for leaf in jax.tree.leaves(carry.train_state.params)) // _size(carry)

    def progress_of(self, carry: Carry) -> tuple[np.ndarray, np.ndarray]:
        """`diverged_at` `[pack]` and `curve` `[pack, evals, metrics]`, on the host: waits for the device."""
        both = self._per_trial({"diverged_at": carry.diverged_at, "curve": carry.curve})
        return both["diverged_at"], both["curve"]

    def _filled(self, rows: Sequence[int]) -> list[int]:
        """With the last one again until every device has equally many."""
        missing = -len(rows) % self.devices if self.mapping == "shard" else 0
        return [*rows, *[rows[-1]] * missing]

    def _start(self, init: str) -> Callable:
        if init not in self._starts:
            self._starts[init] = self._compile(self.program.start(init), each=1, shared=1, once=True)
        return self._starts[init]

    def _per_trial(self, tree: dict[str, jax.Array]) -> dict[str, np.ndarray]:
        host = jax.device_get(tree)
        return {k: np.asarray(v) if self.stacked else np.asarray(v)[None] for k, v in host.items()}

    def _compile(
        self, function: Callable, *, each: int, shared: int, donate: tuple[int, ...] = (), once: bool = False
    ) -> Callable:
        jit = {"donate_argnums": donate}
        if self.mapping == "map":
            function = functools.partial(_mapped, function, each)
        elif self.stacked:
            function = jax.vmap(function, in_axes=(0,) * each + (None,) * shared)
        if self.mapping == "shard":
            # By hand, not by the compiler's propagation of shardings: so nothing can be sent between devices.
            split, whole = self.layout.trials.spec, self.layout.shared.spec
            specs = {"in_specs": (split,) * each + (whole,) * shared, "out_specs": split}
            function = jax.shard_map(function, mesh=self.layout.trials.mesh, **specs, check_vma=False)
        elif self.mapping == "data":
            whole = self.layout.shared
            jit |= {"in_shardings": (whole,) * (each + shared), "out_shardings": whole}
        # Long programs that run once or twice a trial, samplers above all, cost more to optimise than to run.
        cheap = {"xla_backend_optimization_level": 0} if once and jax.default_backend() == "cpu" else {}
        return jax.jit(function, **jit, compiler_options=self._options | cheap)

    def _call(self, name: Any, function: Callable, *arguments: Any) -> Any:
        """Calls; the first call of a name compiles, and other threads wait for it instead of compiling as well."""
        if name in self._warm:
            return function(*arguments)
        with self._compiling:
            result = function(*arguments)
            self._warm.add(name)
        return result


def no_room(error: Exception) -> bool:
    """Whether a call failed because the device's memory has no room for it; a CPU says so in words alone."""
    says = ("RESOURCE_EXHAUSTED", "Out of memory")
    return isinstance(error, jax.errors.JaxRuntimeError) and any(text in str(error) for text in says)


def _rows(tree: Any, rows: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf[rows], tree)


def _mapped(function: Callable, each: int, *arguments: Any) -> Any:
    return jax.lax.map(lambda one: function(*one, *arguments[each:]), arguments[:each])


def _size(carry: Carry) -> int:
    return carry.diverged_at.size
