"""Runner: takes one pack from where the store has it to its results."""

from collections.abc import Callable, Sequence
import dataclasses
import hashlib
import logging
import time
from typing import Any

import numpy as np

from assay.config import Config
from assay.sweep.pack import PackedProgram
from assay.sweep.plan import Pack
from assay.sweep.programs import Programs
from assay.sweep.provenance import differences, of_any_count, origin
from assay.sweep.store import Store
from assay.train import checkpoint
from assay.train.loop import Carry, probed_metrics, Program

CHUNK_SECONDS = 1.0  # between two looks at the stop flag, the clock and the loss


@dataclasses.dataclass
class Run:
    """A pack under way: what the host knows between two chunks."""

    configs: Sequence[Config]
    ids: list[str]
    carry: Carry
    step: int
    seconds: float  # spent before this process took over
    alive: np.ndarray  # bool [pack]: still training


class Runner:
    """Trains packs; shared by the threads of one process.

    Args:
      store: where results go.
      mapping: of plan.mapping.
      stop: set it, and every pack saves a checkpoint and returns at its next chunk.
      checkpoint_seconds: time between checkpoints of a pack.
      progress: called with the number of steps done since the last call.
      data_dir: of assay.data.load.
    """

    def __init__(
        self,
        store: Store,
        mapping: str,
        stop: Any,
        checkpoint_seconds: float,
        progress: Callable[[int], Any],
        data_dir: Any = None,
    ):
        self.store, self.mapping, self.stop, self.progress = store, mapping, stop, progress
        self.checkpoint_seconds, self.data_dir = checkpoint_seconds, data_dir
        self.programs = Programs(mapping, data_dir)

    def run(self, pack: Pack) -> bool:
        """Trains a pack to its end; False if it was stopped before (and can be resumed)."""
        packed = self.programs.get(pack)
        folder = self.store.pack_dir(pack_id(pack.configs))
        trials = packed.trials(pack.configs)
        run = self._resumed(packed, pack, folder) or self._started(packed, pack, folder)
        began, saved = time.monotonic(), time.monotonic()
        while run.step < packed.program.steps and run.alive.any():
            if self.stop.is_set():
                self._save(packed, run, folder, began)
                return False
            if time.monotonic() - saved > self.checkpoint_seconds:
                self._save(packed, run, folder, began)
                saved = time.monotonic()
            self._chunk(packed, run, trials)
        self._complete(packed, run, trials, run.seconds + time.monotonic() - began)
        checkpoint.remove(folder)
        return True

    def _started(self, packed: PackedProgram, pack: Pack, folder: Any) -> Run:
        checkpoint.remove(folder)  # of an earlier start: it must not be taken for one of this
        run = Run(
            configs=pack.configs,
            ids=[config.trial_id() for config in pack.configs],
            carry=packed.start(pack.configs),
            step=0,
            seconds=0.0,
            alive=np.ones(len(pack.configs), bool),
        )
        for trial_id, config in zip(run.ids, run.configs):
            self.store.begin(trial_id, dataclasses.asdict(config), origin(config, packed.program.dataset.fingerprint))
        return run

    def begun(self, pack: Pack) -> bool:
        """Whether a pack has checkpoints."""
        return self.store.pack_dir(pack_id(pack.configs)).exists()

    def forget(self, pack: Pack) -> None:
        """Deletes a pack's checkpoints."""
        checkpoint.remove(self.store.pack_dir(pack_id(pack.configs)))

    def _resumed(self, packed: PackedProgram, pack: Pack, folder: Any) -> Run | None:
        """The pack as its newest good checkpoint has it, if its metrics are all there up to that step."""
        if not self.begun(pack):
            return None
        found = checkpoint.restore_latest_good(folder, packed.carry_shape(pack.configs))
        if found is None:
            return None
        ids = [config.trial_id() for config in pack.configs]
        # Half a run by one program and half by another would be a result of neither.
        marks = found.extra.get("marks", {})  # none in a checkpoint of before there were any
        if not all(i in marks and self.store.rewind(i, marks[i]) for i in ids):
            return None
        before = self.store.config(ids[0])["provenance"]
        now = origin(pack.configs[0], packed.program.dataset.fingerprint)
        if changes := differences(of_any_count(before), of_any_count(now)):
            logging.getLogger(__name__).warning("%s begins anew: %s since its checkpoint", ids[0], "; ".join(changes))
            return None
        self._say_where(ids, found.extra, packed)
        alive = np.array(found.extra["alive"])
        self.progress(found.step * len(ids))
        carry = packed.to_device(found.tree, pack.configs)
        return Run(pack.configs, ids, carry, found.step, found.extra["seconds"], alive)

    def _say_where(self, ids: Sequence[str], extra: dict[str, Any], packed: PackedProgram) -> None:
        """A run that goes on elsewhere than it began ends close to where it would have, not there: said and stored."""
        here = _where(packed)
        if (there := extra.get("where", here)) == here:
            return
        logging.getLogger(__name__).warning("%s was trained by %s and goes on by %s", ids[0], there, here)
        for trial_id in ids:
            self.store.went_on(trial_id, here)

    def _save(self, packed: PackedProgram, run: Run, folder: Any, began: float) -> None:
        extra = {
            "seconds": run.seconds + time.monotonic() - began,
            "alive": run.alive.tolist(),
            "where": _where(packed),
            "marks": {i: self.store.mark(i) for i in run.ids},
        }
        checkpoint.save(folder, run.step, packed.to_host(run.carry, len(run.ids)), extra)

    def _chunk(self, packed: PackedProgram, run: Run, trials: Any) -> None:
        """One call of the compiled loop, and what it brought to the store."""
        program = packed.program
        if run.step in program.probe_steps:
            self._probe(packed, run, trials)
        boundaries = [at for at in program.probe_steps if at > run.step] + [program.steps]
        last = min(run.step + packed.chunk, boundaries[0])
        began = time.monotonic()
        run.carry = packed.advance(run.carry, trials, run.step, last)
        diverged_at, curve = packed.progress_of(run.carry)
        self._adapt(packed, last - run.step, time.monotonic() - began)
        for i, trial_id in enumerate(run.ids):
            if not run.alive[i]:
                continue
            end = last if diverged_at[i] < 0 else diverged_at[i] + 1
            records = [self._evaluation(program, k, curve[i, k]) for k in program.evaluations_in(run.step, end)]
            if diverged_at[i] >= 0:
                records.append({"step": int(diverged_at[i]), "diverged": True})
                run.alive[i] = False
            self.store.append_metrics(trial_id, records)
        self.progress((last - run.step) * len(run.ids))
        run.step = last

    def _adapt(self, packed: PackedProgram, steps: int, seconds: float) -> None:
        """Steers the chunk towards CHUNK_SECONDS; only its length, never a result, depends on the clock."""
        factor = min(8.0, max(0.25, CHUNK_SECONDS / max(seconds, 1e-6)))
        packed.chunk = max(1, min(packed.program.steps, int(steps * factor)))

    def _probe(self, packed: PackedProgram, run: Run, trials: Any) -> None:
        values = packed.probe(run.carry, trials, run.step)
        for i in np.flatnonzero(run.alive):
            statistics = {name: v[i].astype(float).tolist() for name, v in values.items()}
            record = {"step": run.step, "probe": packed.program.probe_layers | statistics}
            self.store.append_metrics(run.ids[i], [record])

    def _evaluation(self, program: Program, k: int, row: np.ndarray) -> dict[str, Any]:
        step, values = int(program.eval_step(k)), row.astype(float).tolist()
        return {"step": step, "epoch": step / program.steps_per_epoch, **dict(zip(program.curve_metrics, values))}

    def _complete(self, packed: PackedProgram, run: Run, trials: Any, seconds: float) -> None:
        program = packed.program
        if run.alive.any() and program.steps in program.probe_steps:
            self._probe(packed, run, trials)
        final = packed.finish(run.carry)
        diverged_at, curve = packed.progress_of(run.carry)
        target = program.curve_metrics.index(f"train_{program.learning.target}")
        for i, (trial_id, config) in enumerate(zip(run.ids, run.configs)):
            values = {name: float(v[i]) for name, v in final.items()}
            errors = [(int(program.eval_step(k)), curve[i, k, target]) for k in range(program.evals)]
            if run.alive[i]:
                last = {"step": program.steps, "epoch": program.steps / program.steps_per_epoch}
                last |= {name: values[name] for name in program.curve_metrics}
                self.store.append_metrics(trial_id, [last])
                errors.append((program.steps, values[program.curve_metrics[target]]))
                found = program.examine(packed.train_state(run.carry, i), config.seed)
                self.store.write_findings(trial_id, found.pictures, found.texts)
                values |= {name: float(found.metrics[name]) for name in program.learning.findings}
            else:
                # A network whose loss is no number answers nothing: every example counts as wrong.
                names = (*values, *program.learning.findings)
                values = {name: 1.0 if name.endswith("error") else None for name in names}
                errors = [(step, error) for step, error in errors if step <= diverged_at[i]]
            reached = [step for step, error in errors if error <= config.target_error]
            values |= {"steps_to_target": reached[0] if reached else None}
            self.store.finish(
                trial_id,
                status="done" if run.alive[i] else "diverged",
                steps=program.steps,
                diverged_at=None if run.alive[i] else int(diverged_at[i]),
                final=values
                | {"parameters": packed.parameters(run.carry)}
                | probed_metrics(self.store.metrics(trial_id), program.steps),
                seconds=seconds / len(run.ids),
            )
        remaining = (program.steps - run.step) * len(run.ids)
        self.progress(remaining)


def _where(packed: PackedProgram) -> str:
    return f"{packed.mapping} on {packed.devices} device{'s' * (packed.devices > 1)}"


def pack_id(configs: Sequence[Config]) -> str:
    """16 hexadecimal characters that name a composition of trials."""
    return hashlib.sha256(" ".join(config.trial_id() for config in configs).encode()).hexdigest()[:16]
