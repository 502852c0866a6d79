"""Every experiment: a question, a cost, a command; claims about arms it has; and a run that ends in verdicts."""

import contextlib
import html
import importlib
import io
import json
import pathlib

import jax
import pytest

from assay import cli
from assay.catalog import question_and_cost
from assay.ops.compiler import compiler_options
from assay.sweep import programs
from assay.train.canonical import canonical_value

REPOSITORY = pathlib.Path(__file__).parents[1]
NAMES = sorted(path.stem for path in (REPOSITORY / "experiments").glob("[!_]*.py"))


@pytest.fixture(params=NAMES)
def experiment(request):
    return importlib.import_module(f"experiments.{request.param}")


def test_docstring(experiment):
    name = experiment.__name__.split(".")[-1]
    question, cost = question_and_cost(experiment.__doc__)
    assert question.endswith("?") and len(question) < 110
    assert "on two CPU cores" in cost
    assert f"\n    ./launch.sh {name}\n" in experiment.__doc__
    assert "\nExpected: " in experiment.__doc__


def test_commands_in_the_docstring_are_understood(experiment):
    name = experiment.__name__.split(".")[-1]
    commands = [
        line.split()[2:] for line in experiment.__doc__.splitlines() if line.startswith("    ./launch.sh")
    ]
    for arguments in commands:
        flags = [text.replace("'", "") for text in arguments]
        given = dict(text.removeprefix("--").split("=", 1) for text in flags)
        given.pop("seeds", None)
        assert experiment.STUDY.with_flags(given).configs(), name


def test_the_grid_is_valid(experiment):
    grid = experiment.STUDY.configs()
    assert len({config.trial_id() for config in grid}) == len(grid) >= 2 * experiment.STUDY.seeds
    smoke = experiment.STUDY.with_smoke().configs()
    assert {config.seed for config in smoke} == {0, 1}
    longest = max(config.epochs for config in smoke)
    assert longest <= 2 and longest < min(config.epochs for config in grid)


def test_claims_are_about_arms_of_the_grid(experiment):
    grid = experiment.STUDY.configs()
    claims = [claim.spelt(canonical_value) for claim in experiment.CLAIMS]
    assert len({claim.id for claim in claims}) == len(claims) > 0
    for claim in claims:
        assert claim.statement.endswith(".") and claim.source and claim.cited
        for arm in (claim.better, claim.worse):
            assert any(all(getattr(c, name) == value for name, value in arm.items()) for c in grid), (
                claim.id,
                arm,
            )


def test_published_figures_are_about_arms_that_exist(experiment):
    grid = experiment.STUDY.configs()
    for figure in getattr(experiment, "PUBLISHED", ()):
        # A figure may be for the full data set where the study's default is a small one.
        arm = {name: canonical_value(name, value) for name, value in figure.arm.items() if name != "dataset"}
        assert any(all(getattr(c, name) == value for name, value in arm.items()) for c in grid), figure
        assert canonical_value("dataset", figure.arm["dataset"]) == figure.arm["dataset"]


@pytest.fixture
def compilation_cache(tmp_path, monkeypatch):
    """The persistent cache that a run switches on, in a temporary folder; and off again."""
    from jax.experimental.compilation_cache import compilation_cache as cache

    names = ("jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs")
    before = {name: getattr(jax.config, name) for name in names}
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    yield
    for name, value in before.items():
        jax.config.update(name, value)
    cache.reset_cache()


@pytest.fixture
def standard_promotion():
    """optax's Adam raises a float32 to an int32 power; the engine's threads see global settings alone."""
    jax.config.update("jax_numpy_dtype_promotion", "standard")
    yield
    jax.config.update("jax_numpy_dtype_promotion", "strict")


@pytest.fixture
def quick_compiling(monkeypatch):
    """What runs for moments is compiled without optimisation; a fifth of the time is saved."""
    quick = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
    monkeypatch.setattr(programs, "compiler_options", lambda: compiler_options() | quick)


def test_a_short_run_ends_in_a_report(experiment, tmp_path, compilation_cache, standard_promotion, quick_compiling):
    name = experiment.__name__.split(".")[-1]
    # The first value of every axis, on data that is always there: what is dear here is compiling.
    first = {axis: values[0] for axis, values in experiment.STUDY.with_smoke().axes.items()}
    flags = {"epochs": 0.1, "dataset": experiment.STUDY.smoke.get("dataset", "digits")} | first
    argv = ["--smoke", *(f"--{name}={value}" for name, value in flags.items()), f"--runs={tmp_path}"]
    published = getattr(experiment, "PUBLISHED", ())
    err = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(err):
        code = cli.run(name, experiment.__doc__, experiment.STUDY, experiment.CLAIMS, published, argv)
    assert code == 0, err.getvalue()
    verdicts = json.loads((tmp_path / f"{name}-smoke" / "verdicts.json").read_text())
    assert [verdict["claim"] for verdict in verdicts] == [claim.id for claim in experiment.CLAIMS]
    # Two seeds are below what any verdict needs; None is for arms that were left out.
    assert {verdict["verdict"] for verdict in verdicts} <= {"inconclusive", None}
    page = (tmp_path / f"{name}-smoke" / "report.html").read_text()
    assert html.escape(question_and_cost(experiment.__doc__)[0]) in page
