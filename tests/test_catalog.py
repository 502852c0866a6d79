"""The list of experiments, which has to work before anything is installed."""

import pathlib
import subprocess
import sys

import pytest

from assay import catalog

REPOSITORY = pathlib.Path(__file__).parents[1]


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "__init__.py").write_text('"""Not an experiment?"""\n')
    (tmp_path / "_shared.py").write_text('"""Not an experiment either?"""\n')
    (tmp_path / "depth.py").write_text(
        '"""How deep — and how wide?\n\nCost: a minute.\nExpected: 5 %.\n"""\n', "utf-8"
    )
    (tmp_path / "width.py").write_text('"""How wide?"""\nimport nowhere_at_all\n')
    return tmp_path


def test_experiments(folder):
    assert catalog.experiments(folder) == {
        "depth": ("How deep — and how wide?", "a minute."),
        "width": ("How wide?", ""),
    }


@pytest.mark.parametrize("source", [b"def f(:", b"\xff\xfe", b"x = '\0'", b""])
def test_an_experiment_under_way_does_not_hide_the_others(folder, source):
    (folder / "broken.py").write_bytes(source)
    found = catalog.experiments(folder)
    assert set(found) == {"broken", "depth", "width"}
    assert found["broken"][0] == "" if not source else found["broken"][0].startswith("(cannot be read: ")


def test_list(folder, capsys):
    assert catalog.main([str(folder)]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.endswith("test\n    The test suite.\n")
    assert "\ndepth\n    How deep — and how wide?\n    a minute.\n" in out


@pytest.mark.parametrize(
    "name, hint",
    [
        ("dpeth", "; did you mean 'depth'?"),
        ("tset", "; did you mean 'test'?"),
        ("../x", ""),
        ("", ""),
        ("a\nb", ""),
    ],
)
def test_unknown_name(folder, capsys, name, hint):
    assert catalog.main([str(folder), name]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == f"launch.sh: unknown experiment {name!r}{hint} (known: depth, width, claims, test)\n"


def test_question_and_cost():
    assert catalog.question_and_cost("") == ("", "")
    assert catalog.question_and_cost("Why?\n\n    ./launch.sh x\n\nCost:  one minute. \n") == (
        "Why?",
        "one minute.",
    )


def test_needs_the_standard_library_alone():
    script = REPOSITORY / "lib" / "assay" / "catalog.py"
    # -I -S: neither the environment's packages nor the working directory.
    command = [sys.executable, "-I", "-S", script, REPOSITORY / "experiments"]
    done = subprocess.run(command, capture_output=True, text=True, cwd="/")
    assert (done.returncode, done.stderr) == (0, "")
    for path in (REPOSITORY / "experiments").glob("[!_]*.py"):
        assert f"\n{path.stem}\n" in done.stdout
