"""launch.sh in a copy of the checkout whose path has a space, with a project that needs no network."""

import concurrent.futures
import json
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

REPOSITORY = pathlib.Path(__file__).parents[1]
SYSTEM = "/usr/bin:/bin"
REAL = os.path.realpath(sys.executable)

# Builds the copy's package by hand, so that pip has nothing to fetch.
BACKEND = """
import pathlib, zipfile

def build_editable(folder, config_settings=None, metadata_directory=None):
    if pathlib.Path("refuse").exists():
        raise RuntimeError("refused")
    name = "assay-0.1.0-py3-none-any.whl"
    about = "Metadata-Version: 2.1\\nName: assay\\nVersion: 0.1.0\\nProvides-Extra: test\\nProvides-Extra: ray\\n"
    wheel = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    with zipfile.ZipFile(pathlib.Path(folder, name), "w") as archive:
        archive.writestr("assay.pth", str(pathlib.Path("lib").absolute()))
        for file, text in {"METADATA": about, "WHEEL": wheel, "RECORD": ""}.items():
            archive.writestr(f"assay-0.1.0.dist-info/{file}", text)
    return name
"""
ECHO = '''"""Does it echo?"""
import json, pathlib, sys
import assay
print(json.dumps([sys.argv[1:], str(pathlib.Path(assay.__file__).parents[2]), sys.version_info[:2], sys.prefix]))
sys.exit(7 if "--fail" in sys.argv else 0)
'''


@pytest.fixture
def checkout(tmp_path):
    folder = tmp_path / "a check out"
    (folder / "lib" / "assay").mkdir(parents=True)
    (folder / "experiments").mkdir()
    shutil.copy(REPOSITORY / "launch.sh", folder)
    shutil.copy(REPOSITORY / "lib" / "assay" / "catalog.py", folder / "lib" / "assay")
    (folder / "lib" / "assay" / "__init__.py").touch()
    for path in (REPOSITORY / "experiments").glob("*.py"):
        shutil.copy(path, folder / "experiments")
    (folder / "experiments" / "echo.py").write_text(ECHO)
    (folder / "backend.py").write_text(BACKEND)
    (folder / "constraints.txt").touch()
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
        '[project]\nname = "assay"\nversion = "0.1.0"\n'
    )
    return folder


def launch(checkout: pathlib.Path, *arguments: str, cwd: str | pathlib.Path = "/", **environment: str):
    """Runs launch.sh from another folder; PYTHON is this interpreter unless it is said otherwise."""
    environment = {
        "PATH": SYSTEM,
        "HOME": str(checkout.parent),
        "PIP_NO_INDEX": "1",
        "PYTHON": REAL,
    } | environment
    command = ["bash", str(checkout / "launch.sh"), *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)


def interpreter(folder: pathlib.Path, name: str, body: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",), ("help",)])
def test_lists_experiments(checkout, arguments):
    done = launch(checkout, *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    for path in (REPOSITORY / "experiments").glob("[!_]*.py"):
        assert f"\n{path.stem}\n" in done.stdout
    assert not (checkout / ".venv").exists()


def test_this_checkout_lists_its_own():
    done = subprocess.run([REPOSITORY / "launch.sh"], cwd="/", capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "\ninit_activation\n" in done.stdout


@pytest.mark.parametrize(
    "name, hint",
    [
        ("init_activations", "; did you mean 'init_activation'?"),
        ("tset", "; did you mean 'test'?"),
        ("../experiments/echo", None),
        ("../x", ""),
        ("/etc/passwd", ""),
        ("__init__", ""),
        ("echo.py", "; did you mean 'echo'?"),
        ("two words", None),
        ("$(touch made)", None),
        ("*", ""),
        ("-c", ""),
        ("", ""),
    ],
)
def test_unknown_experiment(checkout, name, hint):
    done = launch(checkout, name, "--seeds=3")
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"launch.sh: unknown experiment {name!r}{'' if hint is None else hint}")
    assert done.stderr.count("\n") == 1
    assert not (checkout / ".venv").exists() and not (checkout / "made").exists()


def test_path_components_do_not_reach_another_module(checkout):
    (checkout / "other.py").write_text("print('ran')")
    (checkout / "experiments" / "sub").mkdir()
    (checkout / "experiments" / "sub" / "inner.py").write_text("print('ran')")
    for name in ("../other", "sub/inner", "sub.inner"):
        done = launch(checkout, name)
        assert done.returncode == 2 and "ran" not in done.stdout


@pytest.mark.parametrize("arguments", [(), ("echo",), ("nowhere",), ("test",)])
@pytest.mark.parametrize("python", ["/nonexistent", "/etc/passwd", "/bin/false", "no such python"])
def test_python_that_does_not_run(checkout, arguments, python):
    done = launch(checkout, *arguments, PYTHON=python)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"launch.sh: PYTHON={python} is no Python 3.11 to 3.13 that runs and has venv\n"


def test_a_shim_that_does_not_run_is_skipped(checkout):
    tools, log = checkout.parent / "tools", checkout.parent / "log"
    interpreter(tools, "python3.13", "exit 127")
    interpreter(tools, "python3.12", f"echo used >> '{log}'; exec '{REAL}' \"$@\"")
    done = launch(checkout, PYTHON="", PATH=f"{tools}:{SYSTEM}")
    assert (done.returncode, done.stderr) == (0, "")
    assert "\necho\n" in done.stdout
    assert log.read_text().count("used") == 2  # once to see whether it runs


def test_an_interpreter_of_pyenv_is_found(checkout):
    tools, log = checkout.parent / "tools", checkout.parent / "log"
    for version in ("3.13", "3.12", "3.11"):
        interpreter(tools, f"python{version}", "exit 127")
    versions = checkout.parent / "py env" / "versions" / "3.12.9" / "bin"
    versions.mkdir(parents=True)
    interpreter(versions, "python", f"echo used >> '{log}'; exec '{REAL}' \"$@\"")
    done = launch(checkout, PYTHON="", PATH=f"{tools}:{SYSTEM}", PYENV_ROOT=str(checkout.parent / "py env"))
    assert (done.returncode, done.stderr) == (0, "")
    assert log.read_text().count("used") == 2


@pytest.mark.parametrize("arguments", [(), ("echo",), ("nowhere",), ("test",)])
def test_no_interpreter(checkout, arguments):
    tools = checkout.parent / "tools"
    for version in ("3.13", "3.12", "3.11"):
        interpreter(tools, f"python{version}", "exit 127")
    done = launch(checkout, *arguments, PYTHON="", PATH=f"{tools}:{SYSTEM}")
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        done.stderr.startswith("launch.sh: found no Python 3.11, 3.12 or 3.13")
        and done.stderr.count("\n") == 1
    )


@pytest.mark.parametrize("accelerator", ["foo", "cuda tpu", "CUDA"])
@pytest.mark.parametrize("name", ["echo", "test"])
def test_unknown_accelerator(checkout, accelerator, name):
    done = launch(checkout, name, ACCELERATOR=accelerator)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"launch.sh: ACCELERATOR must be cuda or tpu, not '{accelerator}'\n"
    assert not (checkout / ".venv").exists()


def test_installs_once_and_hands_arguments_on(checkout):
    arguments = [
        "--activation=tanh,elu(alpha=0.5)",
        "--model=npz(path='a b.npz')",
        "",
        "*",
        "$HOME",
        "--fail",
    ]
    (checkout / "refuse").touch()
    failed = launch(checkout, "echo")
    assert failed.returncode == 2 and failed.stdout == ""
    assert failed.stderr.endswith(
        "launch.sh: the installation failed (see above); the next start tries again\n"
    )
    (checkout / "refuse").unlink()

    # Two at the same time, as jobs of a cluster are: one sets up, the other waits.
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        both = [pool.submit(launch, checkout, "echo", *arguments) for _ in range(2)]
    waited, first = sorted((one.result() for one in both), key=lambda done: len(done.stderr))
    assert (waited.returncode, waited.stderr, waited.stdout) == (7, "", first.stdout)
    assert first.returncode == 7, first.stderr
    assert first.stderr.startswith("launch.sh: Python 3.") and f" at {REAL}; setting up .venv" in first.stderr
    got, root, version, prefix = json.loads(first.stdout)
    assert got == arguments
    assert root == str(checkout)
    assert tuple(version) == sys.version_info[:2]
    assert prefix == str(checkout / ".venv")

    second = launch(checkout, "echo", PYTHON="", PATH=SYSTEM)
    assert (second.returncode, second.stderr) == (0, "")
    assert json.loads(second.stdout)[1:] == [root, version, prefix]

    (checkout / "constraints.txt").write_text("nothing==1\n")
    third = launch(checkout, "echo", "--engine=ray(cpus=2)")
    assert "ray" in (checkout / ".venv" / "assay-installed").read_text().splitlines()
    assert (third.returncode, third.stderr) == (0, "launch.sh: updating .venv\n")

    # Copied, it must run its own code and not that of where it was copied from.
    copy = checkout.parent / "copy"
    shutil.copytree(checkout, copy, symlinks=True)
    fourth = launch(copy, "echo")
    assert (fourth.returncode, fourth.stderr) == (0, "launch.sh: updating .venv\n")
    assert json.loads(fourth.stdout)[1] == str(copy)
