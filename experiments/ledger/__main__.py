"""Shows the ledger of claims, and runs what settles them.

    ./launch.sh claims                          every claim with its verdict; how many are open
    ./launch.sh claims --run=A                  runs a group, or rows as in B3,C14, or all
    ./launch.sh claims --run=all --minutes=5    all that took at most so many minutes each when last run
    ./launch.sh claims --run=C14 --first_seed=100 --runs=other    on other seeds, in a folder of their own
    ./launch.sh claims --show=C14               the claim, its source, every figure, and the command
    ./launch.sh claims --publish                writes docs/ledger.html, and exact outcomes to docs/results

Verdicts come from stored runs: those in the folder of --runs, and where that has none the published ones in
docs/results. Exit codes: 0 all done, 1 a run failed, 2 wrong input, 75 stopped and resumable.
"""

from collections.abc import Sequence
import datetime
import pathlib
import subprocess
import sys
import time

from absl import flags

from assay import cli
from assay.claims import ledger
from assay.exit_codes import FAILED, OK, STOPPED, WRONG_INPUT
from assay.spec import SpecError

CLAIMS = pathlib.Path(__file__).with_name("claims.csv")
REPOSITORY = pathlib.Path(__file__).parents[2]
DOCS = REPOSITORY / "docs"
PASSED_ON = ("first_seed", "seeds", "max_seeds")


def main(argv: Sequence[str]) -> int:
    """Runs the command with the given arguments; returns the exit code."""
    try:
        values = _parse(argv)
        if values.help:
            print(__doc__)
            return OK
        rows = ledger.read(CLAIMS)
        return _conduct(rows, values)
    except SpecError as error:
        print(f"claims: {error}", file=sys.stderr)
        return WRONG_INPUT
    except KeyboardInterrupt:
        print("claims: stopped; the same command goes on where this one was", file=sys.stderr)
        return STOPPED


def _conduct(rows: Sequence[ledger.Row], values: flags.FlagValues) -> int:
    from assay.report import ledger_row, ledger_table
    from assay.sweep.files import StoreError

    runs, published = cli.folder("runs", values.runs), DOCS / "results"
    picked, code = list(rows), OK
    if values.run is not None:
        picked = ledger.chosen(rows, values.run)
        if values.minutes is not None:
            picked = _short(ledger.settled(picked, (runs, published)), values.minutes)
        try:
            code = _run(picked, runs, _flags(values))
        except StoreError as error:
            _say(f"claims: {error}")
            return FAILED
    found = ledger.settled(picked, (runs, published))
    if values.show is not None:
        shown = ledger.settled(ledger.chosen(rows, values.show), (runs, published))
        print("\n\n".join(map(ledger_row, shown)))
    else:
        print(ledger_table(found))
    if values.run is not None:
        _compare(found, ledger.settled(picked, (published,)))
    if values.publish:
        _publish(rows, runs, published)
    return code


def _run(rows: Sequence[ledger.Row], runs: pathlib.Path, passed_on: Sequence[str]) -> int:
    """Settles the rows: exact ones here, each experiment once in a process of its own."""
    exact = [row for row in rows if ledger.EXACT in row.settled_by]
    names = list(dict.fromkeys(name for row in rows for name in row.experiments))
    for row in rows:
        if not row.settled_by:
            _say(f"{row.id} is open: nothing settles it yet")
    if exact:
        _settle(exact, runs)
    codes = [OK]
    for i, name in enumerate(names):
        _say(f"{name} ({i + 1} of {len(names)})")
        command = [sys.executable, "-m", f"experiments.{name}", f"--runs={runs}", *passed_on]
        codes.append(subprocess.run(command).returncode)
        if codes[-1] == STOPPED:
            return STOPPED
        if codes[-1] != OK:
            _say(f"{name} ended with exit code {codes[-1]}")
    return FAILED if any(codes) else OK


def _settle(rows: Sequence[ledger.Row], runs: pathlib.Path) -> None:
    """Computes exact claims and stores their outcomes beside those that are there."""
    from assay.claims.exact import settle
    from assay.sweep.files import strict_json, write
    from assay.sweep.provenance import provenance
    from experiments.exact import ROWS

    file, where = runs / ledger.EXACT_FILE, provenance()
    runs.mkdir(parents=True, exist_ok=True)
    stored = ledger.stored(file) or {}
    for i, row in enumerate(rows):
        began = time.monotonic()
        if sys.stderr.isatty():
            print(f"\rexact claims: {row.id} ({i + 1} of {len(rows)})   ", end="", file=sys.stderr)
        outcome = settle(ROWS[row.id]())
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        stored[row.id] = ledger.exact_record(outcome, today, time.monotonic() - began, where)
        write(file, strict_json(stored, indent=1).encode())  # each at once: what is computed stays
    if sys.stderr.isatty():
        print(file=sys.stderr)


def _short(found: Sequence[ledger.Settled], minutes: float) -> list[ledger.Row]:
    """Those rows whose evidence took at most so many minutes; what is left out is said."""
    short, left_out = [], []
    for each in found:
        seconds = [part.seconds for part in each.evidence]
        known = bool(seconds) and None not in seconds
        (short if known and max(seconds) <= 60 * minutes else left_out).append(each.row)
    if left_out:
        _say(f"left out, longer or never timed: {', '.join(row.id for row in left_out)}")
    return short


def _compare(found: Sequence[ledger.Settled], published: Sequence[ledger.Settled]) -> None:
    """Says where the verdicts are not the published ones."""
    before = {each.row.id: each.verdict for each in published if each.verdict not in ("not run", ledger.OPEN)}
    differing = [each for each in found if before.get(each.row.id, each.verdict) != each.verdict]
    other = [f"{each.row.id} {each.verdict}, published {before[each.row.id]}" for each in differing]
    same = sum(each.row.id in before for each in found) - len(other)
    print(f"\n{same} verdicts as published" + (f"; others: {'; '.join(other)}" if other else ""))


def _publish(rows: Sequence[ledger.Row], runs: pathlib.Path, published: pathlib.Path) -> None:
    from assay.report import ledger_page

    from assay.sweep.files import strict_json, write

    files = (published / ledger.EXACT_FILE, runs / ledger.EXACT_FILE)
    stored = filter(None, map(ledger.stored, files))
    write(files[0], strict_json({id: record for each in stored for id, record in each.items()}, indent=1).encode())
    ledger_page(ledger.settled(rows, (published,)), DOCS / "ledger.html", sorted((DOCS / "figures").glob("*.svg")))
    _say(f"wrote {(DOCS / 'ledger.html').relative_to(REPOSITORY)}")


def _parse(argv: Sequence[str]) -> flags.FlagValues:
    values = flags.FlagValues()
    flags.DEFINE_string("run", None, "rows or groups to run, as in A,B3, or all", flag_values=values)
    flags.DEFINE_string("show", None, "rows or groups to show with everything known of them", flag_values=values)
    flags.DEFINE_float("minutes", None, "of --run, only what took at most so long", 0.0, flag_values=values)
    flags.DEFINE_string("runs", "runs", "folder of results", flag_values=values)
    flags.DEFINE_boolean("publish", False, "write docs/ledger.html from the published results", flag_values=values)
    flags.DEFINE_boolean("until_decided", False, "of --run: add seeds until every claim is settled", flag_values=values)
    flags.DEFINE_integer("first_seed", None, "of --run: first seed", 0, flag_values=values)
    flags.DEFINE_integer("seeds", None, "of --run: seeds of every arm", 1, flag_values=values)
    flags.DEFINE_integer("max_seeds", None, "of --run: most seeds of --until_decided", 3, flag_values=values)
    flags.DEFINE_boolean("help", False, "show this help", short_name="h", flag_values=values)
    cli.read_flags(values, "claims", argv)
    of_run = [name for name in ("minutes", "until_decided", *PASSED_ON) if values[name].present]
    if of_run and values.run is None:
        raise SpecError(f"--{of_run[0]} needs --run, with the rows or groups to run")
    return values


def _flags(values: flags.FlagValues) -> list[str]:
    given = [f"--{name}={values[name].value}" for name in PASSED_ON if values[name].present]
    return [*given, *(["--until_decided"] if values.until_decided else [])]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
