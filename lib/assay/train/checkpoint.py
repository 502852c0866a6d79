"""Checkpoints that are either restored bit for bit or not at all.

Orbax writes the arrays; the guards around it are ours, because orbax alone restores a flipped bit silently
wrong, casts to another dtype silently and never falls back to an older step:

    <folder>/<step>/arrays/         orbax checkpoint, one array per leaf, named by its path in the tree
    <folder>/<step>/manifest.json   sha256, shape and dtype of every leaf, sha256 of every file, `extra`,
                                    and a sha256 of all this
    <folder>/<step>.bad/            a step that failed verification, kept for a look

A step appears by one rename after everything in it is on the disk, so a killed save leaves nothing that
`restore_latest_good` could take. One writer per folder; different folders may be used by different threads.
"""

from collections.abc import Mapping, Sequence
import errno
import hashlib
import json
import logging
import os
import pathlib
import shutil
from typing import Any, NamedTuple

import jax
import numpy as np

KEEP = 2  # the newest step, and one to fall back to


class CheckpointError(RuntimeError):
    """A checkpoint that could not be saved or read; one line. Earlier checkpoints are as they were."""


class _Damaged(Exception):
    """Why a step is not what was saved, or does not fit."""


class Restored(NamedTuple):
    """`tree` has the template's structure; `extra` is what was given to `save`."""

    step: int
    tree: Any
    extra: dict[str, Any]


def steps(folder: pathlib.Path) -> list[int]:
    """The steps saved in `folder`, ascending; not verified."""
    if not folder.is_dir():
        return []
    return sorted(int(path.name) for path in folder.iterdir() if path.name.isdigit())


def save(folder: pathlib.Path, step: int, tree: Any, extra: Mapping[str, Any] | None = None) -> None:
    """Saves `tree` as `<folder>/<step>`; when this returns it is on the disk.

    This step and the one before it are kept. Later steps belong to a run that was begun anew: they go, too.

    Args:
      tree: pytree of jax or NumPy arrays (typed PRNG keys included) and Python numbers.
      extra: what else belongs to this moment; anything JSON can hold, with text as keys.

    Raises:
      CheckpointError: the disk is full, the folder cannot be written, a leaf is no array, `extra` is no JSON.
    """
    folder = folder.absolute()  # orbax takes no other
    path, temporary = folder / str(step), folder / f".{step}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob(".*.tmp"):
            shutil.rmtree(leftover)
        _write(temporary, tree, dict(extra or {}))
        if path.exists():
            _delete(path)
        os.rename(temporary, path)
        _sync(folder)
        kept = [saved for saved in steps(folder) if saved <= step][-KEEP:]
        for saved in set(steps(folder)) - set(kept):
            _delete(folder / str(saved))
    except Exception as error:  # tensorstore reports a full disk as ValueError: no narrower class holds
        shutil.rmtree(temporary, ignore_errors=True)
        raise CheckpointError(f"cannot save checkpoint {path}: {_reason(error)}") from error


def restore_latest_good(folder: pathlib.Path, template: Any) -> Restored | None:
    """The newest step in `folder` that is bit for bit what was saved, or None.

    A step that is damaged or does not fit the template is renamed to `<step>.bad`, with one logged warning,
    and the one before it is tried. A leaf comes back as what it is in the template: a NumPy array, a Python
    number, or else a jax array (with the template's sharding if that is committed).

    Args:
      template: pytree of arrays, `jax.ShapeDtypeStruct`s or Python numbers of the wanted structure.

    Raises:
      CheckpointError: a step is intact but orbax cannot read it, or a damaged one cannot be renamed.
    """
    for step in reversed(steps(folder)):
        path = folder.absolute() / str(step)
        try:
            return _read(path, step, template)
        except _Damaged as damage:
            moved = _quarantine(path)
            logging.getLogger(__name__).warning("checkpoint %s: %s; renamed to %s", path, damage, moved.name)
    return None


def remove(folder: pathlib.Path) -> None:
    """Deletes a folder of checkpoints whose work is finished; nothing happens if there is none.

    Raises:
      CheckpointError: it cannot be deleted.
    """
    try:
        if folder.exists():
            shutil.rmtree(folder)
    except OSError as error:
        raise CheckpointError(f"cannot delete the finished checkpoints {folder}: {_reason(error)}") from error


def _write(path: pathlib.Path, tree: Any, extra: dict[str, Any]) -> None:
    """Writes a whole step into the new folder `path` and waits until the disk has it."""
    import orbax.checkpoint as ocp  # slow to import

    leaves = _named(tree)
    saved = {name: _signature(name, leaf) for name, leaf in leaves.items()}
    data = jax.device_get({name: _data(leaf) for name, leaf in leaves.items()})
    data = {name: np.asarray(array) for name, array in data.items()}
    for name, array in data.items():
        saved[name]["sha256"] = _array_sha256(array)
        if _is_key(leaves[name]):
            saved[name]["impl"] = str(jax.random.key_impl(leaves[name]))
    path.mkdir()
    _require_space(path, list(data.values()))
    # Orbax refuses arrays without elements and empty trees; the manifest says all there is about those.
    if stored := {name: array for name, array in data.items() if array.size}:
        with _checkpointer() as checkpointer:
            checkpointer.save(path / "arrays", args=ocp.args.PyTreeSave(stored))
    files = {}
    for file in sorted(path.rglob("*")):
        if file.is_file():
            files[str(file.relative_to(path))] = _file_sha256(file)
        _sync(file)
    content = {"leaves": saved, "files": files, "extra": extra}
    manifest = json.dumps({"sha256": _json_sha256(content), "content": content}, allow_nan=False)
    (path / "manifest.json").write_text(manifest, encoding="utf-8")
    _sync(path / "manifest.json")
    _sync(path)


def _read(path: pathlib.Path, step: int, template: Any) -> Restored:
    """One step, verified: the manifest, its fit to the template, the files, then the bits of every leaf."""
    try:
        manifest = json.loads((path / "manifest.json").read_bytes())
        content, sha256 = manifest["content"], manifest["sha256"]
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise _Damaged(f"manifest.json is missing or torn ({_reason(error)})") from None
    if _json_sha256(content) != sha256:
        raise _Damaged("manifest.json is not what was saved")
    saved, wanted = content["leaves"], _named(template)
    if different := sorted(saved.keys() ^ wanted.keys()):
        raise _Damaged(f"its tree is not the one wanted here ({different[0]} is in only one of the two)")
    for name, leaf in wanted.items():
        for key, value in _signature(name, leaf).items():
            if saved[name][key] != value:
                raise _Damaged(f"{name} has {key} {saved[name][key]}, wanted is {value}")
    # Files come before orbax parses them: damaged metadata could ask it for anything.
    for name, sha256 in content["files"].items():
        try:
            intact = _file_sha256(path / name) == sha256
        except OSError as error:
            raise _Damaged(f"{name} cannot be read ({_reason(error)})") from None
        if not intact:
            raise _Damaged(f"{name} is not what was saved")
    data = _read_arrays(path, wanted)
    for name, array in data.items():
        if _array_sha256(array) != saved[name]["sha256"]:
            raise _Damaged(f"{name} was restored with other bits than were saved")
    leaves = [_like(leaf, data[name], saved[name]) for name, leaf in wanted.items()]
    return Restored(step, jax.tree.unflatten(jax.tree.structure(template), leaves), content["extra"])


def _read_arrays(path: pathlib.Path, wanted: dict[str, Any]) -> dict[str, np.ndarray]:
    """The data of every leaf, as orbax has it; of leaves without elements, which it has not, a new array."""
    import orbax.checkpoint as ocp  # slow to import

    data = {}
    # As NumPy arrays of the type on disk: asked for jax arrays, orbax casts to whatever is wanted.
    if stored := {name: ocp.RestoreArgs(restore_type=np.ndarray) for name in wanted if np.size(wanted[name])}:
        try:
            with _checkpointer() as checkpointer:
                data = checkpointer.restore(path / "arrays", args=ocp.args.PyTreeRestore(restore_args=stored))
        except Exception as error:  # the files are what was saved: no older step would do better
            raise CheckpointError(f"cannot read the intact checkpoint {path}: {_reason(error)}") from error
    for name in wanted.keys() - data.keys():
        empty = jax.eval_shape(_data, wanted[name]) if _is_key(wanted[name]) else wanted[name]
        data[name] = np.zeros(empty.shape, empty.dtype)
    return data


def _checkpointer() -> Any:
    """Orbax for this process alone: in a job of several, it would otherwise wait for all of them to save."""
    import orbax.checkpoint as ocp  # slow to import

    here = jax.process_index()
    alone = ocp.options.MultiprocessingOptions(primary_host=here, active_processes={here}, barrier_sync_key_prefix="assay")
    handler = ocp.PyTreeCheckpointHandler(use_compression=False, multiprocessing_options=alone)
    return ocp.Checkpointer(handler, multiprocessing_options=alone)


def _require_space(folder: pathlib.Path, arrays: Sequence[np.ndarray]) -> None:
    """Asked beforehand, because orbax meets a full disk with a traceback on stderr for every single array."""
    needed = sum(int(1.05 * array.nbytes) + 2**10 for array in arrays) + 2**16  # names, folders, whole blocks
    if (free := shutil.disk_usage(folder).free) < needed:
        raise OSError(errno.ENOSPC, f"the disk is full ({needed / 1e6:.1f} MB needed, {free / 1e6:.1f} MB free)")


def _named(tree: Any) -> dict[str, Any]:
    return {jax.tree_util.keystr(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def _is_key(leaf: Any) -> bool:
    return hasattr(leaf, "dtype") and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _data(leaf: Any) -> Any:
    """What is stored of a leaf: the words of a typed PRNG key, everything else as it is."""
    return jax.random.key_data(leaf) if _is_key(leaf) else leaf


def _signature(name: str, leaf: Any) -> dict[str, Any]:
    """What a template must have in common with a saved leaf."""
    if isinstance(leaf, (bool, int, float)):
        return {"dtype": f"Python {type(leaf).__name__}", "shape": []}
    if not hasattr(leaf, "dtype"):
        raise TypeError(f"{name} is of type {type(leaf).__name__}; a checkpoint holds arrays and numbers")
    return {"dtype": str(leaf.dtype), "shape": list(leaf.shape)}  # of a typed key: "key<fry>"


def _like(leaf: Any, data: np.ndarray, saved: Mapping[str, Any]) -> Any:
    """Stored data as the kind of thing the template's leaf is."""
    if isinstance(leaf, (bool, int, float)):
        return data.item()
    if isinstance(leaf, (np.ndarray, np.generic)):
        return data
    array = jax.random.wrap_key_data(data, impl=saved["impl"]) if _is_key(leaf) else data
    # An uncommitted array given a device would be committed, and cost a second compilation.
    return jax.device_put(array, leaf.sharding if getattr(leaf, "committed", True) else None)


def _array_sha256(array: np.ndarray) -> str:
    digest = hashlib.sha256(f"{array.dtype}{array.shape}".encode())
    digest.update(array.reshape(-1).view(np.uint8))
    return digest.hexdigest()


def _file_sha256(path: pathlib.Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _json_sha256(content: Any) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _sync(path: pathlib.Path) -> None:
    """Waits until a file's bytes, or a folder's names, are on the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _delete(path: pathlib.Path) -> None:
    """Deletes a step; killed half-way it leaves no step with files missing."""
    temporary = path.with_name(f".{path.name}.old.tmp")
    os.rename(path, temporary)
    shutil.rmtree(temporary)


def _quarantine(path: pathlib.Path) -> pathlib.Path:
    target, count = path.with_name(f"{path.name}.bad"), 1
    while target.exists():
        target, count = path.with_name(f"{path.name}.bad{count + 1}"), count + 1
    try:
        os.rename(path, target)
    except OSError as error:
        raise CheckpointError(f"cannot rename the damaged checkpoint {path}: {_reason(error)}") from error
    return target


def _reason(error: Exception) -> str:
    """One line. Tensorstore words a full disk at length, with its whole specification behind it."""
    if "No space left" in str(error) or "Disk quota" in str(error):
        return "the disk is full"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"[:200]
