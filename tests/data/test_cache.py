"""The cache file: verified, rebuilt when damaged, atomic, shared by processes, honest about a full disk."""

import hashlib
import shutil
import time

import numpy as np
import pytest

from assay import data
from assay.data.cache import cached
from assay.data.dataset import complete, Parts, Split


def small() -> data.Dataset:
    random = np.random.RandomState(0)
    x, y = random.randint(0, 256, (60, 4, 4, 1)).astype(np.uint8), np.arange(60, dtype=np.int32) % 3
    return complete("small", Parts(Split(x, y), None, None, 3, "random"))


def refuse() -> data.Dataset:
    raise AssertionError("the cache should have been used")


@pytest.mark.parametrize("file", ["small.npz", "small.npz.sha256"])
def test_any_flipped_byte_is_noticed_and_the_set_prepared_again(tmp_path, capsys, file):
    path, whole = tmp_path / "small.npz", small()
    cached(path, small)
    intact = (tmp_path / file).read_bytes()
    assert cached(path, refuse).fingerprint == whole.fingerprint
    positions = np.random.RandomState(1).choice(min(len(intact), 64) if "sha" in file else len(intact), 30)
    for position in positions:
        damaged = bytearray(intact)
        damaged[position] ^= 1 << int(position) % 8
        (tmp_path / file).write_bytes(damaged)
        found = cached(path, small)
        assert found.fingerprint == whole.fingerprint and found.mean == whole.mean
        np.testing.assert_array_equal(found.train.x, whole.train.x)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == len(positions)
    assert all(str(path) in line and "is damaged" in line for line in lines)


@pytest.mark.parametrize("file", ["small.npz", "small.npz.sha256"])
@pytest.mark.parametrize("keep", [0, 1, 50])
def test_a_truncated_cache_is_noticed(tmp_path, capsys, file, keep):
    path = tmp_path / "small.npz"
    cached(path, small)
    intact = path.read_bytes()
    (tmp_path / file).write_bytes((tmp_path / file).read_bytes()[:keep])
    assert cached(path, small).fingerprint == small().fingerprint
    assert "is damaged" in capsys.readouterr().err
    assert path.read_bytes() == intact
    assert cached(path, refuse).fingerprint == small().fingerprint


def test_the_recorded_checksum_is_the_one_that_sha256sum_checks(tmp_path):
    cached(tmp_path / "small.npz", small)
    digest = hashlib.sha256((tmp_path / "small.npz").read_bytes()).hexdigest()
    assert (tmp_path / "small.npz.sha256").read_text() == f"{digest}  small.npz\n"


def test_a_cache_of_another_format_is_prepared_again(tmp_path, capsys, monkeypatch):
    path = tmp_path / "small.npz"
    with monkeypatch.context() as earlier:
        earlier.setattr("assay.data.cache._FORMAT", 0)
        cached(path, small)
    cached(path, small)
    assert "has format 0, and 1 is needed" in capsys.readouterr().err
    cached(path, refuse)


def test_a_damaged_cache_is_rebuilt_from_the_prepared_set_without_raw_files(cifar, capsys):
    folder = cifar()
    first = data.load("cifar10", folder)
    shutil.rmtree(folder / "manual")
    path = folder / "assay" / "cifar10.npz"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)
    assert data.load("cifar10", folder).fingerprint == first.fingerprint
    assert f"{path} is damaged" in capsys.readouterr().err


def test_a_damaged_prepared_set_is_refused_in_one_line(cifar):
    folder = cifar()
    data.load("cifar10", folder)
    (folder / "assay" / "cifar10.npz").unlink()
    (records,) = folder.glob("cifar10/*/cifar10-train.array_record*")
    content = bytearray(records.read_bytes())
    for i in range(len(content) // 2, len(content) // 2 + 50):
        content[i] ^= 255
    records.write_bytes(content)
    with pytest.raises(data.DataError, match="cifar10") as caught:
        data.load("cifar10", folder)
    assert "\n" not in str(caught.value)
    assert str(records.parent) in str(caught.value)


def test_two_processes_prepare_once_and_agree(cifar, start_loading):
    folder = cifar()
    processes = [start_loading(folder) for _ in range(2)]
    answers = [process.communicate(timeout=60) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], answers
    assert len({out for out, _ in answers}) == 1
    assert sum(err.count("preparing cifar10") for _, err in answers) == 1
    assert data.load("cifar10", folder).fingerprint == answers[0][0].strip()
    assert not list(folder.glob("assay/*.tmp"))


@pytest.mark.parametrize("delay", [0.0, 0.2])
def test_killed_while_preparing_the_next_start_succeeds(cifar, start_loading, delay):
    folder = cifar()
    process = start_loading(folder)
    assert "preparing cifar10" in process.stderr.readline()
    time.sleep(delay)
    process.kill()
    process.wait()
    assert len(data.load("cifar10", folder).test.y) == 200


@pytest.mark.parametrize("kib", [300, 5000])  # full while extracting; full while TFDS writes its records
def test_a_full_disk_is_one_line_and_space_cures_it(cifar, small_disk, kib):
    raw = cifar() / "manual"
    disk = small_disk(kib)
    (disk / "manual").symlink_to(raw)
    with pytest.raises(data.DataError, match="disk full") as caught:
        data.load("cifar10", disk)
    assert "\n" not in str(caught.value) and str(disk) in str(caught.value)
    small_disk(16 * 1024)
    assert len(data.load("cifar10", disk).test.y) == 200


def test_a_disk_full_while_the_cache_is_written_leaves_no_half_file(cifar, small_disk):
    raw = cifar() / "manual"
    disk = small_disk(16000)
    (disk / "manual").symlink_to(raw)
    first = data.load("cifar10", disk)
    (disk / "assay" / "cifar10.npz").unlink()
    filler = disk / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(disk).free - 1_000_000))
    with pytest.raises(data.DataError, match="disk full"):
        data.load("cifar10", disk)
    assert sorted(path.name for path in (disk / "assay").iterdir()) == ["cifar10.lock", "cifar10.npz.sha256"]
    filler.unlink()
    assert data.load("cifar10", disk).fingerprint == first.fingerprint


def test_a_data_folder_that_cannot_be_made_is_one_line(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(data.DataError, match="ASSAY_DATA_DIR") as caught:
        data.load("mnist", tmp_path / "file")
    assert "\n" not in str(caught.value)
