"""Plan: from a grid of Configs to programs, and from programs to packs."""

from collections.abc import Container, Sequence
import itertools
import re
from typing import NamedTuple

import jax

from assay.config import Config
from assay.spec import SpecError
from assay.sweep.pack import MAPPINGS
from assay.train.loop import program_key

# Of trials on one device. A stacked pack advances in step, so it also bounds what is lost at a crash and what must fit
# into memory.
PACK_SIZE = 64


class Pack(NamedTuple):
    """Trials that run together."""

    key: Config
    configs: tuple[Config, ...]


def mapping(choice: str) -> str:
    """The mapping that `--pack` means here.

    "auto" is data in a job of processes, and loop on a CPU; elsewhere it stays, and assay.sweep.auto chooses one for
    each program.

    Raises:
      SpecError: an unknown choice, or one that a job of several processes cannot have.
    """
    if choice not in ("auto", *MAPPINGS):
        raise SpecError(f"--pack must be auto, {', '.join(MAPPINGS[:-1])} or {MAPPINGS[-1]}, not {choice!r}")
    if (processes := jax.process_count()) > 1:
        if choice not in ("auto", "data"):
            raise SpecError(f"{processes} processes train each trial together: --pack must be data, not {choice}")
        return "data"
    return "loop" if choice == "auto" and jax.default_backend() == "cpu" else choice


def packs(configs: Sequence[Config], mapping: str, at_once: int = 1) -> list[Pack]:
    """Groups Configs into packs: trials of one program, one at a time for "loop" and "data".

    Args:
      configs: the whole grid, finished or not: who divides it again divides it alike, and finds its checkpoints.
      mapping: of `mapping`.
      at_once: packs that can run side by side; those of the whole grid are small enough that all have some.

    Returns:
      Packs whose programs take turns, so that workers that take them in this order compile side by side.
    """
    programs: dict[Config, list[Config]] = {}
    for config in configs:
        programs.setdefault(program_key(config), []).append(config)
    size = 1 if mapping in ("loop", "data") else min(PACK_SIZE, -(-len(configs) // at_once))
    if mapping in ("shard", "auto"):
        size *= jax.local_device_count()
    by_program = [
        [Pack(key, tuple(members[i : i + size])) for i in range(0, len(members), size)]
        for key, members in programs.items()
    ]
    turns = itertools.zip_longest(*by_program)
    return [pack for turn in turns for pack in turn if pack is not None]


def unfinished(packs: Sequence[Pack], left: Container[str]) -> list[Pack]:
    """The packs without the trials that are not among those left, by id."""
    cut = [Pack(key, tuple(c for c in configs if c.trial_id() in left)) for key, configs in packs]
    return [pack for pack in cut if pack.configs]


class Part(NamedTuple):
    """A share of a study for one of several processes: the packs `index`, `index + count`, ... of all."""

    index: int  # from 0
    count: int

    def __str__(self) -> str:
        return f"{self.index}/{self.count}"


def part(text: str) -> Part:
    """Reads "3/16", the fourth of sixteen.

    Raises:
      SpecError: another form, or no such part.
    """
    if not (match := re.fullmatch("([0-9]+)/([0-9]+)", text)):
        raise SpecError(f"--part takes a number from 0 and how many there are, as in 0/16, not {text!r}")
    found = Part(*map(int, match.groups()))
    if found.index >= found.count:
        raise SpecError(f"--part={text}: parts are counted from 0; of N the last is (N-1)/N")
    return found


def share(configs: Sequence[Config], mapping: str, part: Part) -> list[Config]:
    """The Configs of a part, from the whole grid; machines must be alike in their number of devices."""
    own = packs(configs, mapping, part.count)[part.index :: part.count]
    return [config for pack in own for config in pack.configs]
