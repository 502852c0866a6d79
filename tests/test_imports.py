"""The direction of imports, what nobody may import, and that a mistyped flag is answered without JAX."""

import ast
import json
import pathlib
import subprocess
import sys

import pytest

REPOSITORY = pathlib.Path(__file__).parents[1]
LIB = REPOSITORY / "lib"
EXPERIMENTS = sorted(path.stem for path in (REPOSITORY / "experiments").glob("[!_]*.py"))

# Left to right: a part may import those left of its place.
ORDER = (
    ("spec", "config", "catalog", "exit_codes", "metrics"),
    ("ops", "activations", "initializers"),
    ("models", "data"),
    ("theory",),
    ("tasks",),
    ("train",),
    ("sweep",),
    ("stats", "claims"),
    ("report",),
    ("experiment",),
    ("cli",),
)
PLACE = {part: place for place, parts in enumerate(ORDER) for part in parts}
# And these of its own place.
NEIGHBOURS = {("config", "spec"), ("claims", "stats")}
HEAVY = (
    "jax",
    "flax",
    "optax",
    "orbax",
    "tensorflow_datasets",
    "matplotlib",
    "pyarrow",
    "sklearn",
    "scipy.stats",
)


def _imports(path: pathlib.Path) -> set[str]:
    """Every module a file imports, wherever in the file, by its full name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _parts(path: pathlib.Path) -> set[str]:
    return {name.split(".")[1] for name in _imports(path) if name.startswith("assay.")}


SOURCES = sorted((LIB / "assay").rglob("*.py"))


def _part(path: pathlib.Path) -> str:
    return path.relative_to(LIB / "assay").parts[0].removesuffix(".py")


def test_every_part_has_a_place():
    assert {_part(path) for path in SOURCES} - {"__init__"} == set(PLACE)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(LIB)))
def test_imports_point_left(path):
    part = _part(path)
    for other in _parts(path) - {part}:
        allowed = PLACE[other] < PLACE.get(part, 0) or (part, other) in NEIGHBOURS
        assert allowed, f"{part} must not import {other}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(LIB)))
def test_nothing_imports_tensorflow_or_what_uses_assay(path):
    roots = {name.split(".")[0] for name in _imports(path)}
    assert not roots & {"tensorflow", "torch", "experiments", "benchmarks", "tests", "lib"}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiments_state_and_do_not_compute(name):
    imports = _imports(REPOSITORY / "experiments" / f"{name}.py")
    assert {".".join(full.split(".")[:2]) for full in imports if full.startswith("assay")} <= {
        "assay.cli", "assay.claims", "assay.config", "assay.sweep"
    }  # fmt: skip
    assert all(full == "dataclasses" or full.startswith(("assay.", "experiments.")) for full in imports)


def _loaded_by(code: str) -> list[str]:
    code = f"import sys, json; {code}; print(json.dumps(list(sys.modules)), file=sys.stderr)"
    environment = {"PYTHONPATH": f"{LIB}:{REPOSITORY}"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stderr.splitlines()[-1]))
    return [name for name in HEAVY if name in loaded]


@pytest.mark.parametrize(
    "code",
    [
        "import assay.spec, assay.config, assay.catalog",
        "import assay.cli",
        "import assay.sweep.study",
        "; ".join(f"import experiments.{name}" for name in EXPERIMENTS),
        "import experiments.init_activation as e; from assay import cli; "
        "assert cli.run('e', e.__doc__, e.STUDY, e.CLAIMS, (), ['--help']) == 0; "
        "assert cli.run('e', e.__doc__, e.STUDY, e.CLAIMS, (), ['--actvation=relu']) == 2; "
        "assert cli.run('e', e.__doc__, e.STUDY, e.CLAIMS, (), ['--lr=fast']) == 2",
    ],
    ids=["spec", "cli", "study", "experiments", "wrong flags"],
)
def test_loads_nothing_heavy(code):
    assert _loaded_by(code) == []


def test_the_check_would_notice():
    assert "jax" in _loaded_by("import assay.activations")
