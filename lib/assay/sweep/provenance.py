"""Provenance: which code, versions and machine produced a number; stored beside the number."""

from collections.abc import Mapping
import dataclasses
import functools
import hashlib
import importlib.metadata
import importlib.util
import os
import pathlib
import platform
import re
import shutil
import subprocess
from typing import Any

from assay.config import Config
from assay.spec import parse

# These come after training and cannot change what is stored of a trial.
NOT_TRAINING = ("stats", "claims", "report", "cli.py", "catalog.py", "experiment.py", "exit_codes.py")
PACKAGES = ("jax", "jaxlib", "flax", "optax", "numpy")
# Differences that can change a number; git's view of the code is left out, as assay_code says it exactly.
COMPARED = ("python", *PACKAGES, "device", "platform")
CHANGES = {"assay_code": "assay code", "data": "the data", "modules": "a module named by import path"}


@functools.cache
def provenance() -> Mapping[str, Any]:
    """What this process computes with, gathered once.

    Returns:
      python, jax, jaxlib, flax, optax, numpy: versions (None if not installed as a package).
      assay_code: sha256 of assay's source files that can have a part in training.
      commit, dirty: of the git checkout the code lies in; None outside of one, or without git.
      device: kind and number of accelerators, such as "cpu" or "2 x NVIDIA H100"; cores: CPU cores;
      platform: operating system and processor.
    """
    import jax

    devices = jax.devices()
    kind = devices[0].device_kind if devices[0].platform != "cpu" else "cpu"
    package = pathlib.Path(__file__).parents[1]
    commit, dirty = checkout(package)
    return {
        "python": platform.python_version(),
        **{name: _version(name) for name in PACKAGES},
        "assay_code": code_sha256(package),
        "commit": commit,
        "dirty": dirty,
        "device": kind if len(devices) == 1 else f"{len(devices)} x {kind}",
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "platform": f"{platform.system()} {platform.machine()}",
    }


def origin(config: Config, fingerprint: str) -> dict[str, Any]:
    """Everything beside its Config that a trial's numbers come from.

    Args:
      fingerprint: of the data set.

    Returns:
      `provenance()`, with data: the fingerprint; modules: sha256 of the source of each module that a Spec of the
      Config names by import path, by module name.
    """
    specs = [parse(text).name for text in dataclasses.astuple(config) if isinstance(text, str)]
    names = sorted({name.split(":")[0] for name in specs if ":" in name})
    return {**provenance(), "data": fingerprint, "modules": {name: _module_sha256(name) for name in names}}


def _module_sha256(name: str) -> str | None:
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None or not os.path.isfile(found.origin):
        return None
    return hashlib.sha256(pathlib.Path(found.origin).read_bytes()).hexdigest()


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    """What of `a` changed in `b` and can change a number, in plain words: ["jax 0.10.2 -> 0.12.0"]."""
    found = [f"{name} {a.get(name)} -> {b.get(name)}" for name in COMPARED if a.get(name) != b.get(name)]
    found += [f"{what} changed" for name, what in CHANGES.items() if a.get(name) != b.get(name)]
    return found


def of_any_count(record: Mapping[str, Any]) -> dict[str, Any]:
    """A provenance that leaves open how many devices there were, which changes no more than last bits."""
    return {**record, "device": re.sub(r"^\d+ x ", "", str(record.get("device")))}


def code_sha256(folder: pathlib.Path) -> str:
    """The sha256 of the Python files below `folder`, names included; NOT_TRAINING is left out."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        name, content = path.relative_to(folder), path.read_bytes()
        if name.parts[0] not in NOT_TRAINING:
            digest.update(f"{name.as_posix()} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def checkout(folder: pathlib.Path) -> tuple[str | None, bool | None]:
    """Commit of the git checkout that tracks `folder`, whether its files differ from it; or (None, None)."""
    if shutil.which("git") is None or _git(folder, "ls-files", "--error-unmatch", ".") is None:
        return None, None  # installed, perhaps below somebody else's checkout
    commit = _git(folder, "rev-parse", "HEAD")
    status = _git(folder, "status", "--porcelain", "--", ".")
    return commit, None if status is None else bool(status)


def _git(folder: pathlib.Path, *arguments: str) -> str | None:
    # Optional locks off: looking at a checkout must not get in the way of someone who commits.
    command = ["git", "--no-optional-locks", "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout.strip() if done.returncode == 0 else None


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
