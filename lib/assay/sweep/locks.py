"""Locks: who may write to a study, between processes and machines that share its folder.

    runs/<study>/lock            one process runs the study as a whole, or several train parts of it
    runs/<study>/locks/<trial>   one process writes a trial; gone when nobody does

The system lifts a lock when its process ends, however it ends. On a network file system flock must work across machines
(NFS: Linux does so unless it is mounted with local_lock; Lustre: mount option flock).
"""

from collections.abc import Iterator, Sequence
import contextlib
import fcntl
import logging
import os
import pathlib
import socket
from typing import Any, IO

from assay.sweep.files import StoreError, writing

POLL_SECONDS = 0.5


@contextlib.contextmanager
def study_lock(folder: pathlib.Path, shared: bool) -> Iterator[None]:
    """Keeps other processes from running the study in this folder; `shared`: lets others in that say so too.

    Raises:
      StoreError: others are there.
    """
    path = folder / "lock"
    with writing(path):
        folder.mkdir(parents=True, exist_ok=True)
        file = open(path, "a+", encoding="ascii")
    with file:
        with writing(path):
            if not _locked(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX):
                owner = path.read_text(encoding="ascii") or "processes that train parts of it"
                raise StoreError(f"{folder} is run by {owner}; wait for it or stop it")
            file.truncate(0)
            if not shared:
                file.write(f"process {os.getpid()} on {socket.gethostname()}")
                file.flush()
        yield


@contextlib.contextmanager
def trial_locks(folder: pathlib.Path, trial_ids: Sequence[str], stop: Any) -> Iterator[bool]:
    """Waits until no other process writes to these trials, and keeps others away until the end of the block.

    Two may want one trial: a restarted run while jobs of the one before are still at it, a worker that was given up
    as lost, parts of studies that overlap.

    Yields:
      True; or False if `stop` was set while another process had one of them.
    """
    with contextlib.ExitStack() as held:
        yield all(_waited_for(folder / "locks" / i, stop, held) for i in sorted(trial_ids))  # in one order: no deadlock


def _waited_for(path: pathlib.Path, stop: Any, held: contextlib.ExitStack) -> bool:
    said = False
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        while (file := _owned(path)) is None:
            if stop.wait(POLL_SECONDS):
                return False
            if not said:
                logging.getLogger(__name__).warning("trial %s is being trained by another process; waiting", path.name)
            said = True
    held.callback(_released, path, file)
    return True


def _locked(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owned(path: pathlib.Path) -> IO[str] | None:
    """The file, locked; None if another process has it, or had it and took it away just now."""
    file = open(path, "a", encoding="ascii")
    if _locked(file, fcntl.LOCK_EX):
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
    file.close()
    return None


def _released(path: pathlib.Path, file: IO[str]) -> None:
    path.unlink(missing_ok=True)
    file.close()
