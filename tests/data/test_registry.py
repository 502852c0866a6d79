"""load(): folders, names, and data sets from a user's own code."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest

from assay import data, spec


def mine(size: int = 30) -> data.Source:
    """A user's data set."""

    def read(name: str, data_dir: pathlib.Path) -> data.Dataset:
        x = np.arange(2 * size, dtype=np.float32).reshape(size, 2)
        split = data.Split(x, np.arange(size, dtype=np.int32) % 2)
        return data.complete(name, data.Parts(split, None, None, 2, f"made for this test in {data_dir.name}"))

    return read


def wrong() -> data.Source:
    return lambda name, data_dir: "no data set"


def test_a_users_own_data_set_by_import_path(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "users_data", sys.modules[__name__])
    loaded = data.load("users_data:mine(size=40)", tmp_path)
    assert loaded.name == "users_data:mine(size=40)"
    assert [len(split.y) for split in (loaded.train, loaded.validation, loaded.test)] == [29, 3, 8]
    with pytest.raises(data.DataError, match="must give an assay.data.Dataset, not .*str"):
        data.load("users_data:wrong", tmp_path)


def test_names_have_one_spelling():
    def text(name: str) -> str:
        return str(spec.canonical(data.DATASETS, name, "dataset"))

    assert text("spiral( n=100, noise=0.10 )") == "spiral(n=100,noise=0.1)"
    assert text("emnist(config='letters')") == "emnist(config='letters')"
    assert text("kmnist(config='')") == "kmnist"


def test_data_folder_from_the_environment(monkeypatch):
    monkeypatch.delenv("ASSAY_DATA_DIR", raising=False)
    monkeypatch.delenv("TFDS_DATA_DIR", raising=False)
    assert data.default_data_dir() == pathlib.Path.home() / ".cache" / "assay"
    monkeypatch.setenv("TFDS_DATA_DIR", "/a")
    assert data.default_data_dir() == pathlib.Path("/a")
    monkeypatch.setenv("ASSAY_DATA_DIR", "~/b")
    assert data.default_data_dir() == pathlib.Path.home() / "b"


def test_importing_brings_no_heavy_package():
    heavy = "{'tensorflow', 'tensorflow_datasets', 'sklearn', 'PIL', 'requests'}"
    code = f"import sys, assay.data; sys.exit(' '.join({heavy} & set(sys.modules)) or 0)"
    command = [sys.executable, "-c", f"import sys; sys.path[:] = {sys.path!r}; {code}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
