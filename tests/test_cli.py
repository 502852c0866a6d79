"""The command line: wrong input is one line and exit code 2; a small study runs through to its report."""

import contextlib
import dataclasses
import io
import itertools
import json
import os
import pathlib
import shutil
import subprocess
import sys
import textwrap
from typing import NamedTuple

import jax
import numpy as np
from pyarrow import parquet
import pytest

from assay import cli
from assay import config as configs
from assay.claims import Claim
from assay.config import Config
from assay.sweep import engines, provenance
from assay.sweep.study import Study

REPOSITORY = pathlib.Path(__file__).parents[1]
ABOUT = "Which one?\n\n    ./launch.sh tiny\n\nCost: seconds."

# Learning rates are data of one program, so three arms compile once.
STUDY = Study(
    base=Config(dataset="digits", model="mlp(depth=1,width=8)", epochs=1, evals=2, batch_size=32),
    axes={"lr": (0.5, 0.49, 1e-6)},
    seeds=3,
    smoke={"epochs": 0.5},
)
CLAIMS = (
    Claim(id="clear", statement="It learns.", better={"lr": 0.5}, worse={"lr": 1e-6}, smallest=0.05),
    Claim(id="close", statement="0.5 beats 0.49.", better={"lr": 0.5}, worse={"lr": 0.49}, smallest=0.0001),
)


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(scope="module", autouse=True)
def compilation_cache(tmp_path_factory):
    """The persistent cache that a run switches on, in a temporary folder; and off again."""
    from jax.experimental.compilation_cache import compilation_cache as cache

    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: getattr(jax.config, name) for name in names}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
        yield
    for name, value in before.items():
        jax.config.update(name, value)
    cache.reset_cache()


def run(*argv: str, study: Study = STUDY, claims=CLAIMS) -> Ran:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.run("tiny", ABOUT, study, claims, (), list(argv))
    return Ran(code, out.getvalue(), err.getvalue())


def refused(*argv: str, study: Study = STUDY) -> str:
    """The one line that a wrong input is answered with."""
    ran = run(*argv, study=study)
    assert (ran.code, ran.out) == (2, ""), ran
    assert ran.err.startswith("tiny: ") and ran.err.endswith("\n") and ran.err.count("\n") == 1
    assert "Traceback" not in ran.err
    return ran.err.removeprefix("tiny: ").rstrip("\n")


# Wrong input.


@pytest.mark.parametrize(
    "argv, line",
    [
        (
            ["--actvation=relu"],
            "unknown flag 'actvation'; did you mean 'activation'? (known: activation, augment,",
        ),
        (["--seed=3"], "unknown flag 'seed'; did you mean 'seeds'?"),
        (["-x"], "unknown flag 'x'"),
        (["relu"], "cannot use the argument 'relu'; flags are written --name=value"),
        (["--data_dir=\udcff"], "an argument is not UTF-8 text"),
        (["--seeds=2", "relu"], "cannot use the argument 'relu'"),
        (["--", "--seeds=2"], "cannot use the argument '--seeds=2'"),
        (["--activation"], "Missing value for flag --activation"),
        (
            ["--activation=relu", "--activation=tanh"],
            "--activation is given more than once; several values are",
        ),
        (["--activation="], "empty item in ''"),
        (["--activation=tanh,"], "empty item in 'tanh,'"),
        (["--activation=tanh,tanh()"], "two values of an axis mean the same: --activation holds tanh twice"),
        (["--activation=tahn"], "unknown activation 'tahn'; did you mean 'tanh'?"),
        (["--activation=elu(alpha='x')"], "activation elu: argument alpha must be of type float, not 'x'"),
        (["--activation=elu(aplha=1)"], "activation elu: unknown argument 'aplha'; did you mean 'alpha'?"),
        (["--activation=nowhere_at_all:f"], "activation nowhere_at_all:f: cannot import 'nowhere_at_all'"),
        (["--activation=default"], "unknown activation 'default'"),
        (["--init=normal"], "init normal: argument std is missing; write normal(std=...)"),
        (
            ["--init=normal(std=-1)"],
            "init normal(std=-1.0): std",
        ),
        (
            ["--norm=group_norm(groups=3)"],
            "model mlp(depth=1,width=8) cannot be trained on digits: group_norm: ",
        ),
        (["--model=resnet(depth=7)"], "model resnet(depth=7): depth must be 6n+2"),
        (
            ["--model=lenet", "--dataset=xor(n=64)"],
            "model lenet cannot be trained on xor(n=64): takes images",
        ),
        (["--dataset=mnits"], "unknown dataset 'mnits'; did you mean 'mnist'?"),
        (["--dataset=npz"], "dataset npz: argument path is missing; write npz(path=...)"),
        (["--dataset=npz(path='/no/such.npz')"], "there is no file /no/such.npz"),
        (
            ["--augment=crop", "--dataset=xor(n=64)"],
            "model mlp(depth=1,width=8) cannot be trained on xor(n=64): ",
        ),
        (["--lr=fast"], "--lr takes values like 0.1, not 'fast'"),
        (["--lr=0"], "lr must be above 0 and finite, not 0.0"),
        (["--lr=1e999"], "lr must be above 0 and finite, not inf"),
        (["--lr=1e300"], "lr must be at most 3.4e+38, not 1e+300"),
        (["--lr=0.1,1e-1"], "two values of an axis mean the same: --lr holds 0.1 twice"),
        (["--batch_size=0"], "batch_size must be at least 1 and finite, not 0"),
        (["--batch_size=100000"], "batch_size 100000 is larger than the training split of digits"),
        (["--epochs=-1"], "epochs must be above 0 and finite, not -1.0"),
        (["--probe=x"], "--probe takes values like (0,100,-1), not 'x'"),
        (["--probe=-2"], "probe must hold steps from 0 on, and -1 for the last, not (-2,)"),
        (["--dtype=float64"], "dtype must be one of float32, bfloat16, not 'float64'"),
        (["--schedule=step(at=0.5)"], "schedule step: argument at must be of type tuple, not 0.5"),
        (["--optimizer=momentum(beta=2)"], "optimizer momentum(beta=2.0): beta must be in [0, 1), not 2.0"),
        (["--seeds=0"], "flag --seeds=0: 0 is not"),
        (["--seeds=-3"], "flag --seeds=-3: -3 is not"),
        (["--seeds=ten"], "flag --seeds=ten: "),
        (["--seeds=1000000000"], "flag --seeds=1000000000: "),
        (["--first_seed=-1"], "flag --first_seed=-1: "),
        (["--first_seed=2147483647"], "seed must be at most 2147483647, not 2147483648"),
        (["--max_seeds=1"], "flag --max_seeds=1: "),
        (["--until_decided", "--max_seeds=3", "--seeds=5"], "--max_seeds=3 is below the study's 5 seeds"),
        (["--engine=processes(workers=0)"], "engine processes(workers=0): workers must be at least 1, not 0"),
        (["--engine=proceses"], "unknown engine 'proceses'; did you mean 'processes'?"),
        (["--engine=processes(worker=2)"], "engine processes: unknown argument 'worker'; did you mean 'workers'?"),
        (["--part=x"], "--part takes a number from 0 and how many there are, as in 0/16, not 'x'"),
        (["--part=-1/16"], "--part takes a number from 0 and how many there are, as in 0/16, not '-1/16'"),
        (["--part=16/16"], "--part=16/16: parts are counted from 0; of N the last is (N-1)/N"),
        (["--part=0/0"], "--part=0/0: parts are counted from 0; of N the last is (N-1)/N"),
        (["--part=0/2", "--until_decided"], "--part cannot tell whether a claim is decided; "),
        (["--pack=vmpa"], "--pack must be auto, loop, map, vmap, shard or data, not 'vmpa'"),
        (["--rerun=everything"], "flag --rerun=everything: "),
        (["--checkpoint_seconds=-1"], "--checkpoint_seconds must be at least 0, not -1"),
        (["--checkpoint_seconds=nan"], "--checkpoint_seconds must be at least 0, not nan"),
        (["--part=٠/٢"], "--part takes a number from 0"),
        (["--flagfile=/no/such"], ""),
        (["--runs="], "--runs needs a folder"),
        (["--runs=/dev/null"], "--runs=/dev/null: /dev/null is not a folder"),
        (["--runs=/dev/null/below"], "--runs=/dev/null/below: /dev/null is not a folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_wrong_input_is_one_line(argv, line, tmp_path):
    runs = [] if any(text.startswith("--runs") for text in argv) else [f"--runs={tmp_path / 'runs'}"]
    assert refused(*runs, *argv).startswith(line)
    assert not list(tmp_path.rglob("config.json"))


def test_a_folder_without_permission_is_refused(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    if os.access(closed, os.W_OK):
        pytest.skip("this user may write everywhere")
    assert refused(f"--runs={closed / 'runs'}").startswith(f"--runs={closed / 'runs'}: no permission")


def test_data_that_is_no_archive_is_one_line(tmp_path):
    (tmp_path / "own.npz").write_bytes(b"not an archive")
    line = refused(f"--dataset=npz(path='{tmp_path / 'own.npz'}')", f"--runs={tmp_path / 'runs'}")
    assert line.startswith(f"{tmp_path / 'own.npz'} is not an intact .npz file")


def test_wrong_input_as_a_program(tmp_path):
    environment = os.environ | {"PYTHONPATH": f"{REPOSITORY / 'lib'}{os.pathsep}{REPOSITORY}"}
    command = [sys.executable, "-m", "experiments.init_activation", "--activation=tahn", f"--runs={tmp_path}"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("init_activation: unknown activation 'tahn'; did you mean 'tanh'?")
    assert done.stderr.count("\n") == 1


def test_ctrl_c_before_training_is_resumable(module, tmp_path):
    name = module("raise KeyboardInterrupt")
    ran = run(f"--activation={name}:f", f"--runs={tmp_path}")
    assert ran == (75, "", "tiny: stopped; the same command goes on where this one was\n")


# Help.


@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_help_shows_every_flag_with_its_default(flag):
    ran = run(flag, "--seeds=5")
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.startswith(ABOUT)
    lines = {line.split()[0]: line for line in ran.out.splitlines() if line.startswith("  --")}
    for name, field in configs.fields().items():
        if name != "seed":
            default = STUDY.axes.get(name, (getattr(STUDY.base, name),))
            shown = ",".join(
                str(value).replace(" ", "") if name == "probe" else str(value) for value in default
            )
            assert lines.pop(f"--{name}").endswith(f"{field.metadata['help']} (default: {shown})")
    assert lines.pop("--seeds").endswith("(default: 3)")
    assert set(lines) == {
        "--first_seed", "--until_decided", "--max_seeds", "--smoke", "--pack", "--engine", "--part", "--checkpoint_seconds",
        "--rerun", "--runs", "--data_dir", "--help", "--tune",
    }  # fmt: skip
    assert all("(default: " in line for name, line in lines.items() if name != "--help")


def test_the_defaults_that_help_shows_are_the_study():
    ran = run("--help")
    lines = [line for line in ran.out.splitlines() if "(default: " in line]
    shown = {line.split()[0][2:]: line.rsplit("(default: ", 1)[1][:-1] for line in lines}
    given = {name: text for name, text in shown.items() if name in configs.fields()}
    assert [c.trial_id() for c in STUDY.with_flags(given).configs()] == [
        c.trial_id() for c in STUDY.configs()
    ]


# A study, run once; every test works on a copy of its results.


@pytest.fixture(scope="module")
def first(tmp_path_factory) -> tuple[pathlib.Path, Ran]:
    runs = tmp_path_factory.mktemp("first")
    return runs, run(f"--runs={runs}")


@pytest.fixture
def runs(first, tmp_path) -> pathlib.Path:
    shutil.copytree(first[0], tmp_path / "runs")
    return tmp_path / "runs"


def stamps(runs: pathlib.Path) -> dict[str, int]:
    """When each trial was finished."""
    return {path.parent.name: path.stat().st_mtime_ns for path in (runs / "tiny").glob("*/done.json")}


def rows(runs: pathlib.Path, study: str = "tiny") -> list[dict]:
    return parquet.read_table(runs / study / "results.parquet").to_pylist()


def verdicts(runs: pathlib.Path) -> dict[str, dict]:
    return {
        verdict["claim"]: verdict for verdict in json.loads((runs / "tiny" / "verdicts.json").read_text())
    }


def outcomes(runs: pathlib.Path) -> dict[str, dict]:
    """What training gave, by trial: all but the time it took."""
    return {
        row["id"]: {name: value for name, value in row.items() if name != "seconds"} for row in rows(runs)
    }


def test_a_study_leaves_files_that_agree(first):
    folder, ran = first
    assert ran.code == 0, ran.err
    grid = {c.trial_id(): c for c in STUDY.configs()}
    study = json.loads((folder / "tiny" / "study.json").read_text())
    assert (study["name"], study["question"], study["cost"]) == ("tiny", "Which one?", "seconds.")
    assert study["axes"] == {"lr": [0.5, 0.49, 1e-6]} and study["seeds"] == [0, 1, 2]
    assert study["command"] == f"./launch.sh tiny --runs={folder}"
    assert study["dataset"]["name"] == "digits"

    found = rows(folder)
    assert {row["id"] for row in found} == set(grid) == set(stamps(folder))
    for row in found:
        done = json.loads((folder / "tiny" / row["id"] / "done.json").read_text())
        config = json.loads((folder / "tiny" / row["id"] / "config.json").read_text())["config"]
        assert configs.from_json(config) == grid[row["id"]]
        assert {name: row[name] for name in done["final"]} == done["final"]
        assert {name: row[name] for name in config} == config
        assert 0 <= row["test_error"] <= 1 and row["status"] == "done"
        records = map(json.loads, (folder / "tiny" / row["id"] / "metrics.jsonl").read_text().splitlines())
        first, last = (record["probe"] for record in records if "probe" in record)
        assert row["start_saturated"] == pytest.approx(np.mean(first["saturated"]))
        assert row["end_dead"] == pytest.approx(np.mean(last["dead"]))

    error = {(row["lr"], row["seed"]): row["test_error"] for row in found}
    for claim in CLAIMS:
        verdict = verdicts(folder)[claim.id]
        lower, higher = claim.better["lr"], claim.worse["lr"]
        effect = np.mean([error[higher, seed] - error[lower, seed] for seed in range(3)])
        assert verdict["effect"] == pytest.approx(effect, abs=1e-9)
        assert verdict["arms"] == [dict(claim.better), dict(claim.worse)]
        assert verdict["n"] == 3 and verdict["metric"] == "test_error"
        assert verdict["command"] == study["command"]
        assert verdict["verdict"] in ran.out
    assert error[0.5, 0] < 0.5 < error[1e-6, 0]

    page = (folder / "tiny" / "report.html").read_text()
    assert str(folder / "tiny" / "report.html") in ran.out
    for text in ("Which one?", *(claim.statement for claim in CLAIMS), study["command"]):
        assert text in page


def test_a_second_run_trains_nothing(runs):
    before, outcome = stamps(runs), outcomes(runs)
    ran = run(f"--runs={runs}")
    assert ran.code == 0
    assert ran.err == f"9 of 9 trials are in {runs / 'tiny'} already; 0 to train\n"
    assert stamps(runs) == before and outcomes(runs) == outcome


def test_a_new_value_and_more_seeds_train_what_is_missing(runs):
    before = stamps(runs)
    ran = run(f"--runs={runs}", "--lr=0.5,0.49,1e-6,0.3", "--seeds=4")
    assert ran.code == 0 and "9 of 16 trials are in" in ran.err and "7 to train" in ran.err
    after = stamps(runs)
    assert len(after) == 16 and {name: after[name] for name in before} == before
    found = {(row["lr"], row["seed"]) for row in rows(runs)}
    assert found == set(itertools.product((0.5, 0.49, 1e-6, 0.3), range(4)))


def test_fewer_arms_report_those_alone_and_keep_the_rest(runs):
    before = stamps(runs)
    ran = run(f"--runs={runs}", "--lr=0.5", "--seeds=2", "--first_seed=1")
    assert ran.code == 0 and stamps(runs) == before
    assert {(row["lr"], row["seed"]) for row in rows(runs)} == {(0.5, 1), (0.5, 2)}
    assert verdicts(runs)["clear"]["n"] == 0


def test_rerun_all_gives_the_same_results_again(runs):
    before, outcome = stamps(runs), outcomes(runs)
    ran = run(f"--runs={runs}", "--rerun=all")
    assert ran.code == 0
    after = stamps(runs)
    assert set(after) == set(before) and all(after[name] > before[name] for name in before)
    assert outcomes(runs) == outcome


def test_rerun_all_goes_on_where_it_was_stopped(runs, monkeypatch):
    before, whole = stamps(runs), engines.run

    def stopped_after_one(configs, store, options):
        whole(configs[:1], store, options)
        return engines.Outcome(stopped=True)

    with monkeypatch.context() as patch:
        patch.setattr(engines, "run", stopped_after_one)
        assert run(f"--runs={runs}", "--rerun=all").code == 75
    (first,) = stamps(runs).items()
    assert run(f"--runs={runs}", "--rerun=all").code == 0
    second = stamps(runs)
    assert first in second.items() and set(second) == set(before)
    assert run(f"--runs={runs}", "--rerun=all").code == 0
    assert all(at > second[name] for name, at in stamps(runs).items())


def test_trials_of_other_devices_are_renewed_where_the_engine_trains_on_these(tmp_path, monkeypatch):
    here, flags = dict(provenance.provenance()), (f"--runs={tmp_path}", "--lr=0.5", "--seeds=1", "--rerun=changed")
    changes = []
    # Made by a job of two processes, by a GPU, by this CPU.
    for device, engine in (("2 x cpu", "local"), ("cpu", "local"), ("H100", "local"), ("cpu", "far"), ("cpu", "local")):
        monkeypatch.setattr(provenance, "provenance", lambda device=device: here | {"device": device})
        monkeypatch.setitem(engines.ENGINES, "far", lambda: engines.local()._replace(elsewhere=True))
        before = stamps(tmp_path)
        assert run(*flags, f"--engine={engine}").code == 0
        changes.append(stamps(tmp_path) != before)
    assert changes == [True, False, True, False, True]


def test_until_decided_adds_seeds_where_a_claim_is_open(runs):
    ran = run(f"--runs={runs}", "--until_decided", "--max_seeds=8")
    assert ran.code == 0 and "2 of 2 claims are open: 9 more trials" in ran.err
    seeds = {lr: sorted(row["seed"] for row in rows(runs) if row["lr"] == lr) for lr in STUDY.axes["lr"]}
    # The clear claim is settled by six seeds; its second arm then gets no more.
    assert seeds == {0.5: list(range(8)), 0.49: list(range(8)), 1e-6: list(range(6))}
    found = {name: (verdict["verdict"], verdict["n"]) for name, verdict in verdicts(runs).items()}
    assert found == {"clear": ("confirmed", 6), "close": ("inconclusive", 8)}


def test_tuned_arms_are_compared_at_their_values_and_open_claims_get_seeds_at_every_value(tmp_path):
    study = dataclasses.replace(STUDY, axes={"init": ("glorot_uniform", "zeros")}, tune={"lr": (0.3, 1e-6)})
    arms = {"better": {"init": "glorot_uniform"}, "worse": {"init": "zeros"}}
    claim = Claim(id="open", statement="Init matters by 60 points.", smallest=0.6, **arms)
    ran = run(f"--runs={tmp_path}", "--until_decided", "--max_seeds=4", study=study, claims=[claim])
    assert ran.code == 0, ran.err
    found = rows(tmp_path)
    assert {row["lr"] for row in found} == {0.1, 0.3, 1e-6}  # the base's own too
    seeds = {len({row["seed"] for row in found if (row["init"], row["lr"]) == arm}) for arm in itertools.product(
        ("glorot_uniform", "zeros"), (0.1, 0.3, 1e-6)
    )}  # fmt: skip
    (verdict,) = verdicts(tmp_path).values()
    assert seeds == {verdict["n"]}

    def mean(init, lr, metric):
        return np.mean([row[metric] for row in found if (row["init"], row["lr"]) == (init, lr)])

    def chosen(init):
        return min((0.1, 0.3, 1e-6), key=lambda lr: mean(init, lr, "validation_error"))

    best = {init: chosen(init) for init in study.axes["init"]}
    assert best["glorot_uniform"] != 1e-6
    effect = mean("zeros", best["zeros"], "test_error") - mean("glorot_uniform", best["glorot_uniform"], "test_error")
    assert verdict["effect"] == pytest.approx(effect, abs=1e-9)
    about = json.loads((tmp_path / "tiny" / "study.json").read_text())
    assert about["tried"] == {"lr": [0.1, 0.3, 1e-6]} and about["base"]["lr"] == 0.1
    assert "untuned test" in ran.out
    claim = Claim(id="lr", statement="s", better={"lr": 0.3}, worse={"lr": 0.1}, smallest=0.0)
    ran = run(f"--runs={tmp_path}", study=study, claims=[claim])
    assert ran == (2, "", "tiny: claim 'lr': lr is tuned, so no arm is told apart by it; leave it out\n")


def test_smoke_yields_to_flags(tmp_path):
    study = dataclasses.replace(STUDY, axes={})
    ran = run("--smoke", "--seeds=1", f"--runs={tmp_path}", study=study, claims=())
    assert ran.code == 0
    assert [(row["epochs"], row["seed"]) for row in rows(tmp_path, "tiny-smoke")] == [(0.5, 0)]
    ran = run("--smoke", "--seeds=1", "--epochs=0.25", f"--runs={tmp_path}", study=study, claims=())
    assert [(row["epochs"], row["seed"]) for row in rows(tmp_path, "tiny-smoke")] == [(0.25, 0)]


def test_a_smoke_run_leaves_the_study_as_it_was(runs):
    def contents():
        return {path: path.read_bytes() for path in (runs / "tiny").rglob("*") if path.is_file()}

    before = contents()
    ran = run("--smoke", "--lr=0.5", "--seeds=1", f"--runs={runs}", claims=())
    assert ran.code == 0 and f"Report: {runs / 'tiny-smoke' / 'report.html'}" in ran.out
    assert contents() == before


# The user's own parts.

OWN = """
    import jax
    from flax import linen as nn

    def swishy(beta: float = 1.0):
        return lambda x: x * jax.nn.sigmoid(beta * x)

    class Plain(nn.Module):
        outputs: int
        @nn.compact
        def __call__(self, x):
            x = nn.relu(nn.Dense(4)(x.reshape(x.shape[0], -1)))
            return nn.Dense(self.outputs)(x)

    class Made(nn.Module):
        kit: object
        outputs: int
        width: int = 4
        @nn.compact
        def __call__(self, x, train):
            x = self.kit.act(self.kit.dense(self.width)(x.reshape(x.shape[0], -1)))
            return self.kit.readout(self.outputs)(x)

    class Wrong(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(3)(x.reshape(x.shape[0], -1))

    def number():
        return 3

    def fails():
        raise RuntimeError("first\\nsecond")
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """module(source) -> name of a module of that source on sys.path."""
    monkeypatch.syspath_prepend(tmp_path)

    def make(source: str = OWN) -> str:
        name = f"own_{tmp_path.name.replace('-', '_')}"
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(source))
        return name

    return make


SHORT = dataclasses.replace(STUDY, axes={}, seeds=1, base=dataclasses.replace(STUDY.base, epochs=0.2))


def test_own_activation(module, tmp_path):
    own = module()
    ran = run(f"--activation={own}:swishy(beta=1),silu", f"--runs={tmp_path}", study=SHORT, claims=())
    assert ran.code == 0, ran.err
    loss = {row["activation"]: row["train_loss"] for row in rows(tmp_path)}
    assert loss == {f"{own}:swishy": pytest.approx(loss["silu"], rel=1e-5), "silu": loss["silu"]}


def test_own_model_with_kit(module, tmp_path):
    own = module()
    ran = run(
        f"--model={own}:Made(width=8),mlp(depth=1,width=8)", f"--runs={tmp_path}", study=SHORT, claims=()
    )
    assert ran.code == 0, ran.err
    made, mlp = sorted(rows(tmp_path), key=lambda row: row["model"] != f"{own}:Made(width=8)")
    assert made["parameters"] == mlp["parameters"] == 64 * 8 + 8 + 8 * 10 + 10
    assert made["test_error"] == mlp["test_error"]  # the same network, drawn by the same Kit


def test_own_model_without_kit(module, tmp_path):
    own = module()
    ran = run(f"--model={own}:Plain", f"--runs={tmp_path}", study=SHORT, claims=())
    assert ran.code == 0, ran.err
    assert [row["parameters"] for row in rows(tmp_path)] == [64 * 4 + 4 + 4 * 10 + 10]
    line = refused(f"--model={own}:Plain", "--activation=relu", f"--runs={tmp_path}", study=SHORT)
    assert line.startswith(f"model {own}:Plain has no field `kit`, so --activation=relu would change nothing")


def test_own_data(tmp_path):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(96, 3)).astype(np.float32), np.arange(96) % 2
    x[:, 0] += 4 * y
    np.savez(tmp_path / "it's own.npz", x_train=x[:64], y_train=y[:64], x_test=x[64:], y_test=y[64:])
    dataset = f'npz(path="{tmp_path / "it"}\'s own.npz")'
    study = dataclasses.replace(SHORT, base=dataclasses.replace(SHORT.base, epochs=20, batch_size=8))
    ran = run(f"--dataset={dataset}", f"--runs={tmp_path}", study=study, claims=())
    assert ran.code == 0, ran.err
    (row,) = rows(tmp_path)
    assert row["test_error"] < 0.2 and row["dataset"] == dataset
    assert json.loads((tmp_path / "tiny" / "study.json").read_text())["dataset"]["num_classes"] == 2


def test_changed_data_is_never_taken_for_the_old(tmp_path):
    random = np.random.default_rng(0)
    x, y = random.normal(size=(96, 3)).astype(np.float32), np.arange(96) % 2
    file, flags = tmp_path / "own.npz", [f"--dataset=npz(path='{tmp_path / 'own.npz'}')", f"--runs={tmp_path}"]
    study = dataclasses.replace(SHORT, base=dataclasses.replace(SHORT.base, batch_size=8))
    for shift in (0, 4):
        np.savez(file, x_train=x[:64] + shift * y[:64, None], y_train=y[:64], x_test=x[64:], y_test=y[64:])
        ran = run(*flags, study=study, claims=())
        assert ran.code == 0, ran.err
    assert "1 stored trials were made on other data than is there now and are run again" in ran.err
    assert "are kept" not in run(*flags, study=study, claims=()).err


def test_a_changed_module_of_the_user_is_said(module, tmp_path):
    own = module()
    flags = [f"--activation={own}:swishy", f"--runs={tmp_path}"]
    assert run(*flags, study=SHORT, claims=()).code == 0
    source = pathlib.Path(sys.modules[own].__file__)
    source.write_text(source.read_text() + "\n# another word\n")
    assert "a module named by import path changed" in run(*flags, study=SHORT, claims=()).err


def test_a_claim_that_cannot_be_judged_is_refused_before_training(tmp_path):
    claim = dataclasses.replace(CLAIMS[0], metric="test_eror")
    ran = run(f"--runs={tmp_path}", study=SHORT, claims=(claim,))
    assert ran.code == 2 and "did you mean 'test_error'?" in ran.err
    ran = run(f"--runs={tmp_path}", study=SHORT, claims=(CLAIMS[0], CLAIMS[0]))
    assert ran.code == 2 and "is used twice" in ran.err
    assert not list(tmp_path.glob("tiny/*/done.json"))


@pytest.mark.parametrize(
    "flag, line",
    [
        ("--activation={own}:swishi", "module {own}: unknown activation 'swishi'; did you mean 'swishy'?"),
        ("--model={own}:number", "model {own}:number must be a flax.linen module, not int"),
        (
            "--model={own}:Wrong",
            "model {own}:Wrong cannot be trained on digits: Wrong must return logits of",
        ),
        (
            "--init={own}:number",
            "init {own}:number: an initializer is",
        ),
        ("--activation={own}:number", "activation {own}:number: an activation is"),
        ("--activation={own}:fails", "activation {own}:fails: "),
        ("--activation=os:getcwd", "activation os:getcwd: an activation is"),
        ("--dataset={own}:number", "dataset {own}:number: a source is"),
        ("--dataset={own}:swishy", "dataset {own}:swishy: "),
    ],
)
def test_own_parts_that_are_wrong_are_one_line(module, tmp_path, flag, line):
    own = module()
    answer = refused(flag.format(own=own), f"--runs={tmp_path / 'runs'}", study=SHORT)
    assert answer.startswith(line.format(own=own))
