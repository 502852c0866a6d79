"""A data set's arrays in one file that is verified at every start: 60,000 MNIST images in about 0.1 s.

The file is an uncompressed .npz (x_train, y_train, ..., and a JSON `manifest`) beside its sha256 in the
format of `sha256sum --check`. Both are written aside and renamed, so each is whole or absent. A lock file
lets one process prepare a data set while others wait for it.
"""

from collections.abc import Callable, Iterator
import contextlib
import errno
import fcntl
import hashlib
import io
import json
import os
import pathlib
import sys

import numpy as np

from assay.data.dataset import DataError, Dataset, Split, SPLITS

_FORMAT = 1  # changes whenever the same source would give other arrays, for instance other splits


class _Unusable(Exception):
    """Why a cache file cannot be used."""


def say(line: str) -> None:
    """Tells the user what takes time, or what was repaired, on standard error."""
    print(f"assay: {line}", file=sys.stderr, flush=True)


def cached(path: pathlib.Path, make: Callable[[], Dataset]) -> Dataset:
    """The data set in the cache file `path`; if that is absent or damaged, `make` makes it and it is written.

    Raises:
      DataError: what `make` raises, or the cache cannot be read or written (full disk, no permission).
    """
    try:
        with contextlib.suppress(FileNotFoundError, _Unusable):
            return _read(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.with_suffix(".lock")):
            try:
                return _read(path)  # another process may have prepared it while this one waited
            except FileNotFoundError:
                pass
            except _Unusable as error:
                say(f"the cache {path} {error}; preparing it again")
            dataset = make()
            _write(path, dataset)
            return dataset
    except OSError as error:
        raise os_error(error, path.parent) from error


def os_error(error: OSError, folder: pathlib.Path) -> DataError:
    """What the operating system refused, as one line with what can be done about it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DataError(f"disk full while writing into {folder}; free some space or choose ASSAY_DATA_DIR")
    where, what = error.filename or folder, error.strerror or error
    return DataError(f"cannot use {where}: {what}; choose another folder with ASSAY_DATA_DIR")


def _read(path: pathlib.Path) -> Dataset:
    recorded, content = _sidecar(path).read_bytes()[:64], path.read_bytes()
    if (found := hashlib.sha256(content).hexdigest().encode()) != recorded:
        raise _Unusable(f"is damaged (sha256 {found[:12].decode()}..., recorded {recorded[:12]!r}...)")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        manifest = json.loads(str(arrays["manifest"]))
        if manifest["format"] != _FORMAT:
            raise _Unusable(f"has format {manifest['format']}, and {_FORMAT} is needed")
        splits = [Split(arrays[f"x_{role}"], arrays[f"y_{role}"]) for role in SPLITS]
    return Dataset(
        manifest["name"],
        *splits,
        num_classes=manifest["num_classes"],
        mean=np.array(manifest["mean"], np.float32),
        std=np.array(manifest["std"], np.float32),
        note=manifest["note"],
        fingerprint=manifest["fingerprint"],
        symbols=manifest.get("symbols", ""),  # absent from the files of sets that have none
    )


def _sidecar(path: pathlib.Path) -> pathlib.Path:
    return path.with_suffix(".npz.sha256")


def _write(path: pathlib.Path, dataset: Dataset) -> None:
    manifest = {
        "format": _FORMAT,
        "name": dataset.name,
        "num_classes": dataset.num_classes,
        "mean": dataset.mean.tolist(),
        "std": dataset.std.tolist(),
        "note": dataset.note,
        "fingerprint": dataset.fingerprint,
    }
    if dataset.symbols:
        manifest["symbols"] = dataset.symbols
    arrays = {"manifest": np.array(json.dumps(manifest))}
    for role in SPLITS:
        arrays[f"x_{role}"], arrays[f"y_{role}"] = getattr(dataset, role)
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    content = buffer.getbuffer()
    _replace(path, content)
    _replace(_sidecar(path), f"{hashlib.sha256(content).hexdigest()}  {path.name}\n".encode())


def _replace(path: pathlib.Path, content: bytes | memoryview) -> None:
    aside = path.with_suffix(".tmp")  # one name is enough: the lock is held
    try:
        with aside.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)


@contextlib.contextmanager
def _locked(path: pathlib.Path) -> Iterator[None]:
    """Holds an exclusive lock that the system releases should this process die."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another process that prepares {path.stem}")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
