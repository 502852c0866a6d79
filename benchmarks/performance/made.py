"""How a measurement was made, in one line."""

from typing import Any


def made(stored: dict[str, Any], file: str) -> str:
    """Machine, versions, command and the file of all figures."""
    of = stored["provenance"]
    versions = ", ".join(f"{name} {of[name]}" for name in ("python", "jax", "flax"))
    return f"{of['cores']} cores, {of['device']}; {versions}; `{stored['command']}`; [all figures](../benchmarks/results/{file})."
