"""docs/cluster: files that parse, and whose commands are ones that launch.sh and the command line know."""

import pathlib
import re
import shlex
import subprocess

import pytest
import yaml

from assay import cli
from assay.spec import build
from assay.sweep import plan
from assay.sweep.engines import ENGINES

REPOSITORY = pathlib.Path(__file__).parents[1]
DOC = REPOSITORY / "docs" / "cluster.md"
FILES = sorted((REPOSITORY / "docs" / "cluster").glob("*"))


def commands(text: str) -> list[list[str]]:
    """Name and flags of every ./launch.sh in a text, with its variables as 0."""
    lines = re.sub(r"\\\n\s*", "", text).splitlines()
    found = [re.search(r"\./launch\.sh ([a-z_]+ --[^|`]*)", line) for line in lines]
    return [_split(re.sub(r"\$\w+", "0", match[1])) for match in found if match]


def _split(command: str) -> list[str]:
    command = re.split(r" {2,}#| \|\||;| >", command)[0]
    return shlex.split(command.removesuffix('"') if command.count('"') % 2 else command)


def test_the_table_names_every_file():
    names = set(re.findall(r"\(cluster/([\w.-]+)\)", DOC.read_text()))
    assert names == {path.name for path in FILES} - {"Dockerfile.dockerignore"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_files_parse(path):
    if path.suffix == ".yaml":
        assert isinstance(yaml.safe_load(path.read_text()), dict)
    elif path.suffix in (".sh", ".sbatch"):
        subprocess.run(["bash", "-n", path], check=True)


def test_commands_are_known():
    found = [command for path in (*FILES, DOC) for command in commands(path.read_text())]
    assert len(found) >= 10
    for name, *flags in found:
        assert (REPOSITORY / "experiments" / f"{name}.py").exists(), name
        if "..." not in flags:
            values = cli._parse(name, flags)
            build(ENGINES, values.engine, "engine")
            assert values.part is None or plan.part(values.part).count == 16


def test_engines_of_the_doc_are_known():
    named = re.findall(r"--engine=(['\"])(.+?)\1`", DOC.read_text())
    assert len(named) >= 3
    for _, text in named:
        build(ENGINES, text, "engine")


def test_arrays_are_as_long_as_their_parts():
    texts = {path.name: path.read_text() for path in FILES}
    assert "#SBATCH --array=0-15\n" in texts["slurm-array.sbatch"]
    job = yaml.safe_load(texts["kubernetes-job.yaml"])["spec"]
    assert job["completions"] == 16 and job["completionMode"] == "Indexed"
    assert job["template"]["spec"]["restartPolicy"] == "Never"  # or podFailurePolicy is refused
    for name in ("jobset-gpu.yaml", "jobset-tpu.yaml"):
        spec = yaml.safe_load(texts[name])["spec"]["replicatedJobs"][0]["template"]["spec"]
        assert spec["parallelism"] == spec["completions"]
