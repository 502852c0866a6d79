"""A data set's arrays in one file that is verified at every start: 60,000 MNIST images in about 60 ms.

The file is an uncompressed .npz (x_train, y_train, ..., and a JSON `manifest`), written aside and renamed, so it
is whole or absent. A lock file lets one process prepare a data set while others wait for it.
"""

from collections.abc import Callable, Iterator
import contextlib
import errno
import fcntl
import json
import os
import pathlib
import struct
import sys
import zipfile
import zlib

import numpy as np

from assay.data.dataset import DataError, Dataset, fingerprint, Split, SPLITS

_FORMAT = 1  # changes whenever the same source would give other arrays, for instance other splits
# All that zipfile and NumPy raise on damaged bytes; the rest of the damage is found by the fingerprint.
_DAMAGE = (ValueError, KeyError, EOFError, RuntimeError, MemoryError, zipfile.BadZipFile, zlib.error, struct.error)


def say(line: str) -> None:
    """Tells the user what takes time, or what was repaired, on standard error."""
    print(f"assay: {line}", file=sys.stderr, flush=True)


def cached(path: pathlib.Path, make: Callable[[], Dataset]) -> Dataset:
    """The data set in the cache file `path`; if it is absent or damaged, `make` prepares it and it is written.

    Raises:
      DataError: what `make` raises, or the cache cannot be read or written (full disk, no permission).
    """
    try:
        with contextlib.suppress(FileNotFoundError, *_DAMAGE):
            return _read(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _locked(path.with_suffix(".lock")):
            try:
                return _read(path)  # another process may have prepared it while this one waited
            except FileNotFoundError:
                pass
            except _DAMAGE as error:
                say(f"the cache {path} is damaged ({_first_line(error)}); preparing it again")
            dataset = make()
            _write(path, dataset)
            return dataset
    except OSError as error:
        raise os_error(error, path.parent) from error


def os_error(error: OSError, folder: pathlib.Path) -> DataError:
    """What the operating system refused, as one line with what can be done about it."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DataError(f"disk full while writing data into {folder}; free some space, or set ASSAY_DATA_DIR elsewhere")
    return DataError(f"cannot use {error.filename or folder}: {error.strerror or error}; ASSAY_DATA_DIR sets another folder")


def _read(path: pathlib.Path) -> Dataset:
    with np.load(path, allow_pickle=False) as arrays:
        manifest = json.loads(str(arrays["manifest"]))
        if manifest["format"] != _FORMAT:
            raise ValueError(f"format {manifest['format']}, not {_FORMAT}")
        splits = [Split(arrays[f"x_{role}"], arrays[f"y_{role}"]) for role in SPLITS]
    if fingerprint(*splits) != manifest["fingerprint"]:
        raise ValueError("the arrays do not have the recorded sha256")
    return Dataset(
        manifest["name"],
        *splits,
        num_classes=manifest["num_classes"],
        mean=np.array(manifest["mean"], np.float32),
        std=np.array(manifest["std"], np.float32),
        note=manifest["note"],
        fingerprint=manifest["fingerprint"],
    )


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
    arrays = {"manifest": np.array(json.dumps(manifest))}
    for role in SPLITS:
        arrays[f"x_{role}"], arrays[f"y_{role}"] = getattr(dataset, role)
    aside = path.with_suffix(".tmp")  # one name is enough under the lock, and a killed writer's rest is overwritten
    try:
        with aside.open("wb") as file:
            np.savez(file, **arrays)
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


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
