"""The project's own ledger: no row lost, every item there, and the command that shows and runs it."""

from collections import Counter
import importlib
import json
import pathlib
import re

import pytest

from assay.claims import ledger
from experiments.exact import ROWS as EXACT
from experiments.ledger import __main__ as command

REPOSITORY = pathlib.Path(__file__).parents[1]
LEDGER = ledger.read(command.CLAIMS)
NAMES = sorted(path.stem for path in (REPOSITORY / "experiments").glob("[!_]*.py"))


def claims_of(experiment):
    return {claim.id for claim in importlib.import_module(f"experiments.{experiment}").CLAIMS}


def test_no_row_is_lost():
    assert Counter(row.id[0] for row in LEDGER) == dict(A=29, B=31, C=20, D=31, G=31, R=23, U=15)
    for letter, rows in Counter(row.id[0] for row in LEDGER).items():
        assert {row.id for row in LEDGER if row.id[0] == letter} == {f"{letter}{i}" for i in range(1, rows + 1)}


def test_what_settles_a_row_exists():
    for row in LEDGER:
        for by in (*row.settled_by, *row.also):
            experiment, _, claim = by.partition(":")
            assert row.id in EXACT if by == ledger.EXACT else claim in claims_of(experiment), (row.id, by)


def test_every_exact_claim_is_in_the_ledger():
    assert {row.id for row in LEDGER if ledger.EXACT in row.settled_by} == set(EXACT)


@pytest.mark.parametrize("experiment", NAMES)
def test_every_claim_of_an_experiment_is_in_the_ledger(experiment):
    known = {by for row in LEDGER for by in (*row.settled_by, *row.also)}
    assert {f"{experiment}:{claim}" for claim in claims_of(experiment)} <= known


def test_errata_are_refuted_by_their_exact_figures():
    found = json.loads((REPOSITORY / "docs" / "results" / ledger.EXACT_FILE).read_text())
    for row in LEDGER:
        if row.erratum and row.settled_by == (ledger.EXACT,):
            assert found[row.id]["verdict"] == "refuted" and "mistake" in json.dumps(found[row.id]), row.id


def run(capsys, *argv):
    code = command.main(argv)
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_whole_ledger_is_shown_with_a_count(capsys, tmp_path):
    code, out, _ = run(capsys, f"--runs={tmp_path}")
    assert code == 0 and re.search(r"^180 claims: \d+ confirmed, ", out, re.M)
    assert all(re.search(rf"^{row.id} ", out, re.M) for row in LEDGER)
    assert max(map(len, out.splitlines())) <= 100


def test_exact_rows_run_are_stored_and_shown(capsys, tmp_path):
    code, out, _ = run(capsys, "--run=A1,A2", f"--runs={tmp_path}")
    assert code == 0 and "2 claims: 1 confirmed, 1 refuted." in out and "2 verdicts as published" in out
    assert set(json.loads((tmp_path / ledger.EXACT_FILE).read_text())) == {"A1", "A2"}
    code, out, _ = run(capsys, "--show=A1", f"--runs={tmp_path}")
    assert code == 0 and "79,510" in out and "WRONG" in out and "biases" in out


def test_a_planted_wrong_claim_is_refuted(capsys, tmp_path, monkeypatch):
    from assay.claims.exact import Figure

    monkeypatch.setitem(EXACT, "A2", lambda: [Figure("weights of the first layer", 78_401, 784 * 100)])
    code, out, _ = run(capsys, "--run=A2", f"--runs={tmp_path}")
    assert code == 0 and "1 claims: 1 refuted." in out and "A2 refuted, published confirmed" in out


def test_a_group_can_be_left_to_what_is_short(capsys, tmp_path):
    code, out, err = run(capsys, "--run=A1,D1", "--minutes=0", f"--runs={tmp_path}")
    assert code == 0 and "left out, longer or never timed: A1, D1" in err


@pytest.mark.parametrize(
    "argv, message",
    [
        (["--run=A99"], "no row or group 'A99'; did you mean A9"),
        (["--runs=/dev/null"], "/dev/null is not a folder"),
        (["--shaw=A1"], "unknown flag 'shaw'.*show"),
        (["A1"], "cannot use the argument 'A1'"),
        (["--seeds=3"], "--seeds needs --run"),
        (["--run=A", "--minutes=soon"], "minutes"),
    ],
)
def test_wrong_input_is_one_line(capsys, argv, message):
    code, out, err = run(capsys, *argv)
    assert code == 2 and not out and re.fullmatch(rf"claims: .*{message}.*\n", err)


def test_damaged_results_are_one_line_and_stay_as_they_are(capsys, tmp_path):
    (tmp_path / ledger.EXACT_FILE).write_text("{")
    code, out, err = run(capsys, "--run=A2", f"--runs={tmp_path}")
    assert code == 2 and re.fullmatch(r"claims: .*exact.json is damaged; .*\n", err)
    assert (tmp_path / ledger.EXACT_FILE).read_text() == "{"
