"""Provenance: what is compared is found, and what a folder is not it does not claim to be."""

import importlib.metadata
import json
import pathlib
import platform
import shutil
import subprocess

import jax
import pytest

from assay.sweep import provenance as module
from assay.sweep.provenance import checkout, code_sha256, differences, provenance


def test_says_what_this_process_computes_with():
    found = provenance()
    assert found["python"] == platform.python_version()
    for name in ("jax", "jaxlib", "flax", "optax", "numpy"):
        assert found[name] == importlib.metadata.version(name)
    assert found["assay_code"] == code_sha256(pathlib.Path(module.__file__).parents[1])
    assert (found["device"] == "cpu") == (jax.default_backend() == "cpu" and jax.device_count() == 1)
    assert found["cores"] >= 1 and platform.system() in found["platform"]
    assert json.loads(json.dumps(found)) == found
    assert provenance() is found


def test_differences_are_said_in_plain_words():
    now = dict(provenance())
    assert differences(now, dict(now)) == []
    assert differences(now | {"jax": "0.10.2"}, now | {"jax": "0.12.0"}) == ["jax 0.10.2 -> 0.12.0"]
    assert differences(now | {"assay_code": "0" * 64}, now) == ["assay code changed"]
    assert differences(now | {"device": "H100"}, now | {"device": "cpu"}) == ["device H100 -> cpu"]
    # A commit that leaves the code as it is changes no number, and neither do more cores.
    assert differences(now | {"commit": "a", "dirty": True, "cores": 2}, now | {"cores": 64}) == []
    assert len(differences({}, now)) == len(module.COMPARED) + 1


def test_code_hash_sees_content_and_names_of_what_trains(tmp_path):
    (tmp_path / "ops").mkdir()
    (tmp_path / "report").mkdir()
    (tmp_path / "ops" / "conv.py").write_text("a = 1\n")
    (tmp_path / "ops" / "pool.py").write_text("")
    first = code_sha256(tmp_path)
    (tmp_path / "report" / "html.py").write_text("b = 1\n")
    (tmp_path / "notes.txt").write_text("text\n")
    assert code_sha256(tmp_path) == first
    (tmp_path / "ops" / "conv.py").write_text("a = 2\n")
    second = code_sha256(tmp_path)
    (tmp_path / "ops" / "conv.py").rename(tmp_path / "ops" / "norm.py")
    third = code_sha256(tmp_path)
    (tmp_path / "ops" / "norm.py").write_text("")
    (tmp_path / "ops" / "pool.py").write_text("a = 2\n")
    assert len({first, second, third, code_sha256(tmp_path)}) == 4


def test_what_is_left_out_of_the_code_hash_exists():
    package = pathlib.Path(module.__file__).parents[1]
    assert all((package / name).exists() for name in module.NOT_TRAINING)


def test_checkout_is_that_of_the_code_and_of_nobody_else(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("git is not installed")

    def git(*arguments):
        identity = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        command = ["git", "-C", str(tmp_path), *identity, *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    package, other = tmp_path / "lib", tmp_path / "site-packages"
    package.mkdir()
    other.mkdir()
    (package / "a.py").write_text("a = 1\n")
    (other / "b.py").write_text("b = 1\n")
    git("init", "--quiet")
    assert checkout(package) == (None, None)
    git("add", "lib")
    git("commit", "--quiet", "-m", "first")
    commit = git("rev-parse", "HEAD")
    assert checkout(package) == (commit, False)
    assert checkout(other) == (None, None)  # installed inside a checkout that does not track it
    (package / "a.py").write_text("a = 2\n")
    assert checkout(package) == (commit, True)


def test_without_git_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert checkout(pathlib.Path(module.__file__).parents[1]) == (None, None)
