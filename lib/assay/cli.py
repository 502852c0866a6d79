"""The command line of an experiment: flags to a Study, trials, verdicts, report, exit code (assay.exit_codes)."""

from collections.abc import Sequence
import dataclasses
import inspect
import os
import pathlib
import shlex
import sys
from typing import Any

from absl import flags

from assay import config as configs
from assay.claims import Claim, Published
from assay.exit_codes import FAILED, OK, STOPPED, WRONG_INPUT
from assay.spec import build, nearest, SpecError


def main(study: Any, claims: Sequence[Claim] = (), published: Sequence[Published] = ()) -> None:
    """Runs an experiment module as a program and exits.

    Args:
      study: its Study.
      claims: statements over the study's arms.
      published: figures to stand beside ours.
    """
    module = sys.modules["__main__"]
    name = pathlib.Path(module.__file__).stem
    sys.exit(run(name, inspect.getdoc(module) or "", study, claims, published, sys.argv[1:]))


def run(
    name: str,
    about: str,
    study: Any,
    claims: Sequence[Claim],
    published: Sequence[Published],
    argv: list[str],
) -> int:
    """Runs an experiment with the given arguments; returns the exit code."""
    try:
        values = _parse(name, argv)
        if values.help:
            print(_help(about, study, values))
            return OK
        return _conduct(name, about, _varied(study, values), claims, published, values, argv)
    except SpecError as error:
        print(f"{name}: {error}", file=sys.stderr)
        return WRONG_INPUT
    except KeyboardInterrupt:  # before or after training, which ends in its own way
        print(f"{name}: stopped; the same command goes on where this one was", file=sys.stderr)
        return STOPPED


def _varied(study: Any, values: flags.FlagValues) -> Any:
    """The study as the flags have it; --smoke is what they vary then."""
    study = (study.with_smoke() if values.smoke else study).with_flags(_given(values))
    study = study if values.tune is None else study.with_tuning(values.tune)
    study = dataclasses.replace(study, seeds=values.seeds or study.seeds, first_seed=values.first_seed)
    if values.until_decided and values.max_seeds < study.seeds:
        raise SpecError(f"--max_seeds={values.max_seeds} is below the study's {study.seeds} seeds")
    if values.until_decided and values.part is not None:
        raise SpecError("--part cannot tell whether a claim is decided; give --until_decided to the command without it")
    return study


def _conduct(name, about, study, claims, published, values, argv) -> int:
    set_up_jax()
    # Imported here, so that --help and a mistyped flag answer at once.
    from assay import experiment
    from assay.data import DataError
    from assay.sweep import job, plan
    from assay.sweep.engines import ENGINES, Options
    from assay.sweep.files import StoreError
    from assay.sweep.follow import follow
    from assay.train.checkpoint import CheckpointError

    if not values.checkpoint_seconds >= 0:  # also what is no number
        raise SpecError(f"--checkpoint_seconds must be at least 0, not {values.checkpoint_seconds}")
    engine = build(ENGINES, values.engine, "engine")
    subject = experiment.Experiment(
        name=f"{name}-smoke" if values.smoke else name,  # it must not take the place of the study's results
        about=about,
        study=study,
        claims=claims,
        published=published,
        command=" ".join(["./launch.sh", name, *map(shlex.quote, argv)]),
        options=Options(values.pack, engine, values.checkpoint_seconds, values.data_dir),
        runs=folder("runs", values.runs),
        rerun=values.rerun,
        part=plan.part(values.part) if values.part is not None else None,
        until_decided=values.until_decided,
        max_seeds=values.max_seeds,
    )

    def conduct() -> int:
        try:
            if job.leads() and values.engine != "local":
                raise SpecError(f"the processes of a job train together: --engine must be local, not {values.engine}")
            return experiment.exit_code(subject.conduct())
        except (SpecError, DataError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            return WRONG_INPUT
        except (StoreError, CheckpointError) as error:
            print(f"{name}: {error}", file=sys.stderr)
            return FAILED

    try:
        job.join(values.pack)
        return follow(values.data_dir) if job.follows() else job.lead(conduct)
    except job.JobLost as error:
        print(f"{name}: {error}; the same command goes on at the last checkpoint", file=sys.stderr)
        return STOPPED


def _define() -> flags.FlagValues:
    values = flags.FlagValues()
    for field in configs.fields().values():
        if field.name != "seed":
            text = f"{field.metadata['help']}; several values separated by commas make an axis"
            flags.DEFINE_string(field.name, None, text, flag_values=values)
    flags.DEFINE_integer("seeds", None, "seeds of every arm", 1, 10_000, flag_values=values)
    flags.DEFINE_integer("first_seed", 0, "first seed", lower_bound=0, flag_values=values)
    flags.DEFINE_boolean("until_decided", False, "add seeds until every claim is settled", flag_values=values)
    flags.DEFINE_integer("max_seeds", 50, "most seeds of --until_decided", 3, 10_000, flag_values=values)
    tune = "fields with values that every arm is tuned over on validation, as in lr=(0.01,0.1); or none"
    flags.DEFINE_string("tune", None, tune, flag_values=values)
    flags.DEFINE_boolean("smoke", False, "a run of seconds, in a folder of its own", flag_values=values)
    pack = "how trials are mapped to the devices: auto, loop, map, vmap, shard or data"
    flags.DEFINE_string("pack", "auto", pack, flag_values=values)
    engine = "what runs packs: local (this process), processes(workers=4), distributed, ray, slurm (docs/cluster.md)"
    flags.DEFINE_string("engine", "local", engine, flag_values=values)
    part = "K/N, K from 0: train the K-th of N shares and write no report; the command without it does that at the end"
    flags.DEFINE_string("part", None, part, flag_values=values)
    flags.DEFINE_float("checkpoint_seconds", 60.0, "time between checkpoints", flag_values=values)
    flags.DEFINE_enum(
        "rerun", "missing", ["missing", "changed", "all"],
        "which trials to train: those without result, also those made by other code or versions, or all",
        flag_values=values,
    )  # fmt: skip
    flags.DEFINE_string("runs", "runs", "folder of results", flag_values=values)
    flags.DEFINE_string("data_dir", None, "folder of downloaded data sets", flag_values=values)
    flags.DEFINE_boolean("help", False, "show this help", short_name="h", flag_values=values)
    return values


def _parse(name: str, argv: list[str]) -> flags.FlagValues:
    values = _define()
    read_flags(values, name, argv)
    return values


def read_flags(values: flags.FlagValues, name: str, argv: Sequence[str]) -> None:
    """Reads a command's arguments into its flags.

    Raises:
      SpecError: one line: an unknown flag, with the nearest right one; a wrong value; an argument that is no flag.
    """
    try:
        " ".join(argv).encode()  # the command is stored with the results
    except UnicodeEncodeError:
        raise SpecError("an argument is not UTF-8 text; rename the file or folder it names") from None
    try:
        rest = values([name, *argv])[1:]
    except flags.UnrecognizedFlagError as error:
        raise SpecError(nearest(error.flagname, [flag for flag in values if len(flag) > 1], "flag")) from None
    except flags.Error as error:
        raise SpecError(str(error).replace("\n", " ")) from None
    if rest:
        raise SpecError(f"cannot use the argument {rest[0]!r}; flags are written --name=value")


def _given(values: flags.FlagValues) -> dict[str, str]:
    given = [name for name in configs.fields() if name != "seed" and values[name].present]
    for name in given:
        if values[name].present > 1:
            raise SpecError(f"--{name} is given more than once; several values are separated by commas")
    return {name: values[name].value for name in given}


def folder(flag: str, text: str) -> pathlib.Path:
    """A folder that can be written to, or made.

    Raises:
      SpecError: none is named, it is no folder, or there is no permission.
    """
    path = pathlib.Path(text).expanduser()
    if not text:
        raise SpecError(f"--{flag} needs a folder")
    there = next(p for p in (path, *path.absolute().parents) if p.exists())
    if not there.is_dir():
        raise SpecError(f"--{flag}={text}: {there} is not a folder")
    if not os.access(there, os.R_OK | os.W_OK | os.X_OK):
        raise SpecError(f"--{flag}={text}: no permission to write to {there}")
    return path


def _help(about: str, study: Any, values: flags.FlagValues) -> str:
    lines = [about, "", "Flags of a training run (several values separated by commas make an axis):"]
    own = [n for n in configs.fields() if n != "seed"]
    for n in own:
        default = ",".join(_text(value) for value in study.axes.get(n, (getattr(study.base, n),)))
        lines.append(f"  --{n}  {configs.fields()[n].metadata['help']} (default: {default})")
    lines += ["", "Flags of the study:"]
    of_study = sorted(n for n in values if n not in (*own, "h", "help"))
    tune = ",".join(f"{n}=({','.join(map(_text, tried))})" for n, tried in study.tune.items()) or "none"
    defaults = {n: values[n].value for n in of_study} | {"seeds": study.seeds, "tune": tune}
    lines += [f"  --{n}  {values[n].help} (default: {default})" for n, default in defaults.items()]
    return "\n".join([*lines, "  --help  show this help"])


def _text(value: Any) -> str:
    """A value as a flag takes it, so that a default can be copied."""
    return str(value).replace(" ", "") if isinstance(value, tuple) else str(value)


def set_up_jax() -> None:
    """Settings that hold for every run: the persistent compilation cache, and no noise on the terminal."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from assay.ops.compiler import cache_compiled, cache_folder

    cache_compiled(str(cache_folder()))
