"""The README's examples run as they are printed."""

import os
import pathlib
import re
import shlex
import subprocess
import sys

import pytest

from assay.report.publish import index, studies

ROOT = pathlib.Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
FILES = dict(re.findall(r"```python\n# (\S+)\n(.*?)```", README, re.DOTALL))
EXAMPLES = re.findall(r"```python\n# (\S+)\n.*?```\n```\n(\./launch\.sh .*?)\n```", README, re.DOTALL)


def run(arguments, folder):
    path = os.pathsep.join([str(folder), str(folder / "experiments"), str(ROOT / "lib"), str(ROOT)])
    environment = os.environ | {"PYTHONPATH": path}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )


def test_every_example_is_found():
    assert [name for name, _ in EXAMPLES] == list(FILES)
    assert len(FILES) == 4


@pytest.mark.parametrize(("name", "command"), EXAMPLES)
def test_an_example_runs(name, command, tmp_path):
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text(FILES[name])
    if name == "make_data.py":
        assert run([name], tmp_path).returncode == 0
    experiment, *flags = shlex.split(command)[1:]
    module = f"experiments.{experiment}" if (ROOT / "experiments" / f"{experiment}.py").exists() else experiment
    smoke = [] if "--until_decided" in flags else ["--smoke"]
    bound = [] if smoke else ["--max_seeds=12"]
    found = run(["-m", module, *flags, *smoke, *bound, f"--runs={tmp_path / 'runs'}"], tmp_path)
    assert found.returncode == 0, found.stderr
    folder = f"{experiment}-smoke" if smoke else experiment
    assert f"Report: {tmp_path / 'runs' / folder / 'report.html'}" in found.stdout


def test_the_verdicts_shown_are_the_stored_ones():
    (block,) = re.findall(r"```\n(verdict .*?)```", README, re.DOTALL)
    assert block in (ROOT / "docs" / "results" / "init_activation" / "README.md").read_text()
    assert index(ROOT / "docs" / "results") in (ROOT / "docs" / "results" / "README.md").read_text()


def test_every_stored_study_is_listed_and_every_link_leads_somewhere():
    results = ROOT / "docs" / "results"
    listed = (results / "README.md").read_text()
    assert studies(results) in listed and index(results) in listed
    for page, folder in ((README, ROOT), (listed, results)):
        links = re.findall(r"\]\(([^)]+)\)", page)
        assert links and all((folder / link).exists() for link in links)
    stored = {f"{path.parent.name}/README.md" for path in results.glob("*/study.json")}
    assert stored and stored <= set(re.findall(r"\]\(([^)]+)\)", listed))
