"""Data in the real formats: CIFAR archives as TFDS's builders read them, and real MNIST and Fashion-MNIST."""

import io
import pathlib
import shutil
import subprocess
import sys
import tarfile

import numpy as np
import pytest


def _cifar_batch(random: np.random.RandomState, name: str, count: int) -> bytes:
    """Records of CIFAR's binary format: [coarse label,] label, 1,024 red bytes, green, blue."""
    classes = 10 if name == "cifar10" else 100
    columns = [np.arange(count)[:, None] % classes, random.randint(0, 256, (count, 3072))]
    if name == "cifar100":
        columns.insert(0, columns[0] // 5)
    return np.concatenate(columns, axis=1).astype(np.uint8).tobytes()


def write_cifar(path: pathlib.Path, name: str) -> None:
    """A CIFAR archive with the original's files, names and record format, and 1,000 + 200 random images."""
    random = np.random.RandomState(0)
    if name == "cifar10":
        folder = "cifar-10-batches-bin"
        files = {f"data_batch_{i}.bin": _cifar_batch(random, name, 200) for i in range(1, 6)}
        files |= {"test_batch.bin": _cifar_batch(random, name, 200)}
        files |= {"batches.meta.txt": "".join(f"name{i}\n" for i in range(10)).encode()}
    else:
        folder = "cifar-100-binary"
        files = {"train.bin": _cifar_batch(random, name, 1000), "test.bin": _cifar_batch(random, name, 200)}
        files |= {"coarse_label_names.txt": "".join(f"coarse{i}\n" for i in range(20)).encode()}
        files |= {"fine_label_names.txt": "".join(f"fine{i}\n" for i in range(100)).encode()}
    path.parent.mkdir(parents=True)
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        for file, content in files.items():
            member = tarfile.TarInfo(f"{folder}/{file}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.fixture
def cifar(tmp_path, monkeypatch):
    """cifar(name): a data folder with the raw archive; the checksum that TFDS knows is made to match."""

    def make(name: str = "cifar10") -> pathlib.Path:
        import tensorflow_datasets as tfds
        from tensorflow_datasets.core.download import checksums

        archive = tmp_path / "data" / "manual" / name / f"{name[:5]}-{name[5:]}-binary.tar.gz"
        write_cifar(archive, name)
        recorded = tfds.builder_cls(name).url_infos
        (url,) = recorded
        monkeypatch.setitem(recorded, url, checksums.compute_url_info(archive))
        return tmp_path / "data"

    return make


# What a second process needs to see the same recorded checksum as the fixture above, and to load.
LOAD_CIFAR = """
import pathlib, sys
import tensorflow_datasets as tfds
from tensorflow_datasets.core.download import checksums
from assay import data
folder = pathlib.Path(sys.argv[1])
recorded = tfds.builder_cls("cifar10").url_infos
(url,) = recorded
recorded[url] = checksums.compute_url_info(folder / "manual" / "cifar10" / "cifar-10-binary.tar.gz")
print(data.load("cifar10", folder).fingerprint)
"""


@pytest.fixture
def start_loading():
    """start_loading(folder): a real second process that loads CIFAR-10 from `folder`."""
    started = []

    def start(folder: pathlib.Path) -> subprocess.Popen:
        command = [sys.executable, "-W", "error", "-c", LOAD_CIFAR, str(folder)]
        paths = {"PYTHONPATH": ":".join(path for path in sys.path if path), "PATH": "/usr/bin:/bin"}
        pipe = subprocess.PIPE
        started.append(subprocess.Popen(command, env=paths, stdout=pipe, stderr=pipe, text=True))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


@pytest.fixture(scope="session")
def real_data(shared_data, tmp_path_factory) -> pathlib.Path:
    """A data folder where MNIST and Fashion-MNIST were prepared at one time; only their caches are left."""
    from assay import data

    folder = tmp_path_factory.mktemp("real")
    for name in ("mnist", "fashion_mnist"):
        shutil.copytree(shared_data / name, folder / "manual" / name, copy_function=shutil.copyfile)
    code = f"from assay import data; data.load('fashion_mnist', {str(folder)!r})"
    code = f"import sys; sys.path[:] = {sys.path!r}; {code}"
    other = subprocess.Popen([sys.executable, "-W", "error", "-c", code])
    data.load("mnist", folder)
    assert other.wait() == 0
    shutil.rmtree(folder / "manual")
    shutil.rmtree(folder / "mnist")
    shutil.rmtree(folder / "fashion_mnist")
    return folder
