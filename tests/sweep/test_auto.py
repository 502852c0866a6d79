"""The fastest mapping is measured where that pays, said, remembered, and taken; on a CPU it stays loop."""

import dataclasses
import json
import subprocess
import sys

import jax
import pytest

from assay.config import Config
from assay.data import batches, load
from assay.ops.compiler import cache_folder
from assay.sweep import auto
from assay.sweep.pack import PackedProgram
from assay.sweep.programs import Programs
from assay.sweep.plan import Pack
from assay.train.canonical import canonical
from assay.train.loop import Program, program_key

SHORT = canonical(Config(model="mlp(depth=1,width=8)", epochs=0.2, evals=1, batch_size=100))
LONG = dataclasses.replace(SHORT, epochs=1e6)
QUICK = {"xla_backend_optimization_level": 0}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert tmp_path in cache_folder().parents


def trials(config):
    return [dataclasses.replace(config, seed=seed) for seed in range(3)]


class Maker:
    """A program in every mapping that is asked for."""

    def __init__(self, config):
        self.made = {}
        self._program = Program(program_key(config), load(config.dataset))

    def __call__(self, mapping):
        if mapping not in self.made:
            data = batches.on_host(self._program.dataset)
            self.made[mapping] = PackedProgram(self._program, mapping, data, QUICK)
        return self.made[mapping]


def test_what_was_measured_is_said_and_remembered(capsys):
    make = Maker(LONG)
    chosen = auto.choose(make, trials(LONG)).mapping
    assert list(make.made) == ["vmap", "map"]
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "a step of 3 trials takes vmap " in said and f"--pack={chosen} from now on" in said
    path = cache_folder() / "mappings.json"
    [(name, kept)] = json.loads(path.read_text()).items()
    assert name.startswith(f"1 x {jax.devices()[0].device_kind}: ")
    assert kept["mapping"] == chosen == min(kept["seconds_per_step"], key=kept["seconds_per_step"].get)

    # Whatever is remembered is taken, without measuring; for this size of pack and these devices.
    path.write_text(json.dumps({name: {"mapping": "map"}}))
    again = Maker(LONG)
    packed = auto.choose(again, trials(LONG))
    assert packed.mapping == "map" and not packed._warm and not capsys.readouterr().err

    # A damaged file is measured anew: the one mapping that memory has room for, here.
    path.write_text("{")
    advance = PackedProgram.advance

    def full(self, *arguments):
        if self.mapping == "vmap":
            raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 1 byte")
        return advance(self, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PackedProgram, "advance", full)
        assert auto.choose(make, trials(LONG)).mapping == "map"
    assert "vmap more memory than there is" in capsys.readouterr().err
    assert json.loads(path.read_text())[name]["seconds_per_step"]["vmap"] is None


def test_a_short_pack_is_not_worth_measuring(monkeypatch):
    programs = Programs("auto")
    programs.check(program_key(SHORT), trials(SHORT))
    monkeypatch.setattr("assay.sweep.programs.compiler_options", lambda: QUICK)
    pack = Pack(program_key(SHORT), tuple(trials(SHORT)))
    assert programs.steps(pack) == 2 * 3
    packed = programs.get(pack)
    assert packed.mapping == "vmap" and packed._warm and programs.get(pack) is packed
    assert not (cache_folder() / "mappings.json").exists()


def test_what_cannot_be_kept_is_measured_again(tmp_path, monkeypatch, caplog):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    auto._remember(cache_folder() / "mappings.json", "a", {"mapping": "map"})
    assert "--pack=auto does not remember: " in caplog.text
    assert auto._read(cache_folder() / "mappings.json") == {}


def test_many_processes_remember_together(tmp_path):
    path = tmp_path / "compiled" / "mappings.json"
    code = "import sys; from assay.sweep import auto; import pathlib\n"
    code += "for i in range(20): auto._remember(pathlib.Path(sys.argv[1]), f'{sys.argv[2]} {i}', {'mapping': 'map'})"
    each = [subprocess.Popen([sys.executable, "-c", code, str(path), name], stderr=subprocess.PIPE) for name in "ab"]
    assert [(process.communicate()[1], process.returncode) for process in each] == [(b"", 0)] * 2
    assert len(json.loads(path.read_text())) == 40
