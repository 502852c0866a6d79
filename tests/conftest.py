"""Strictness for every test: no silent dtype promotion, no silent broadcasting; the real data where it lies; full disks."""

from collections.abc import Callable, Iterator
import pathlib
import shutil
import subprocess

import jax
import pytest

from assay.ops.compiler import cache_compiled

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


@pytest.fixture(scope="session", autouse=True)
def compiled_once(tmp_path_factory, testrun_uid) -> None:
    """What one test has compiled, others need not, in whichever process: the cache that every command has."""
    shared = tmp_path_factory.getbasetemp().parent
    cache_compiled(str(shared / f"compiled-{testrun_uid}"))


@pytest.fixture(scope="session")
def shared_data() -> pathlib.Path:
    """Folder of real data files (MNIST and others) beside the checkout, if this machine has it."""
    folder = pathlib.Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real data files are not at {folder}")
    return folder


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Callable[[int], pathlib.Path]]:
    """small_disk(kib): the folder of a real file system of that size; called again, the same one in another size."""
    folder = tmp_path / "disk"

    def mount(kib: int) -> pathlib.Path:
        options = f"remount,size={kib}k" if folder.exists() else f"size={kib}k"
        folder.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
        if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
            pytest.skip("mounting a small tmpfs is not permitted here")
        return folder

    yield mount
    if folder.is_mount():
        subprocess.run(["umount", str(folder)], check=True)
