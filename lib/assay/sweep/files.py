"""Files that are written whole or not at all, and JSON that every reader accepts."""

from collections.abc import Iterator, Mapping
import contextlib
import errno
import io
import json
import math
import os
import pathlib
from typing import Any


class StoreError(RuntimeError):
    """Results that cannot be written or read; one line. What was finished before is as it was."""


def strict_json(content: Any, indent: int | None = None) -> str:
    """JSON text; NumPy values become numbers and lists, numbers that are not finite null.

    Raises:
      TypeError: something that JSON has no form for.
    """
    try:
        return json.dumps(content, allow_nan=False, indent=indent, default=_plain)
    except ValueError:
        return json.dumps(_finite(content), allow_nan=False, indent=indent)


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} cannot be stored as JSON: {value!r}")


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (str, int)) else _finite(_plain(value))


def read(path: pathlib.Path) -> bytes:
    """The bytes of a file; none where there is no file."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.readall()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror}") from error


def write(path: pathlib.Path, content: str | bytes) -> None:
    """Writes a file whole or not at all; an earlier version of it stays until then."""
    temporary = path.with_name(f".{path.name}.tmp")
    with writing(path):
        try:
            with open(temporary, "wb", buffering=0) as file:
                _write_all(file, content.encode() if isinstance(content, str) else content)
            os.replace(temporary, path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise


def append(path: pathlib.Path, content: bytes) -> None:
    """Adds bytes to a file, which is made if there is none; if not all of them fit, it stays as it was."""
    with writing(path), open(path, "ab", buffering=0) as file:
        size = file.tell()
        try:
            _write_all(file, content)
        except OSError:
            file.truncate(size)
            raise


@contextlib.contextmanager
def writing(path: pathlib.Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = "; free some space and run the same command again: what is finished is kept"
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise StoreError(f"cannot write {path}: {error.strerror}{hint if full else ''}") from error


def _write_all(file: io.RawIOBase, content: bytes) -> None:
    written = 0
    while written < len(content):  # a disk that is nearly full takes a part first
        written += file.write(content[written:])
