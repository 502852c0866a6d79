"""Plan: from a grid of Configs to programs, and from programs to packs."""

from collections.abc import Sequence
import itertools
from typing import NamedTuple

import jax

from assay.config import Config
from assay.spec import SpecError
from assay.sweep.pack import is_stacked, MAPPINGS
from assay.train.loop import program_key

# Of trials on one device. A stacked pack advances in step, so it also bounds what is lost at a crash and what must fit
# into memory.
PACK_SIZE = 64


class Pack(NamedTuple):
    """Trials that run together."""

    key: Config
    configs: tuple[Config, ...]


def mapping(choice: str) -> str:
    """The mapping that `--pack` means here: "auto" is loop on a CPU and vmap elsewhere.

    Raises:
      SpecError: an unknown choice.
    """
    if choice == "auto":
        return "loop" if jax.default_backend() == "cpu" else "vmap"
    if choice not in MAPPINGS:
        raise SpecError(f"--pack must be auto, {', '.join(MAPPINGS[:-1])} or {MAPPINGS[-1]}, not {choice!r}")
    return choice


def packs(configs: Sequence[Config], mapping: str) -> list[Pack]:
    """Groups Configs into packs: trials of one program, one at a time for "loop" and "data".

    Programs take turns, so that workers that take packs in this order compile different programs side by side.
    """
    programs: dict[Config, list[Config]] = {}
    for config in configs:
        programs.setdefault(program_key(config), []).append(config)
    size = PACK_SIZE if is_stacked(mapping) else 1
    if mapping == "shard":
        size *= jax.local_device_count()
    by_program = [
        [Pack(key, tuple(members[i : i + size])) for i in range(0, len(members), size)]
        for key, members in programs.items()
    ]
    turns = itertools.zip_longest(*by_program)
    return [pack for turn in turns for pack in turn if pack is not None]
