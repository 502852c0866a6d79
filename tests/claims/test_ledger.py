"""The ledger's file, what it takes, and the one word that a row's evidence comes to."""

import json

import pytest

from assay.claims import ledger
from assay.claims.exact import Figure, settle
from assay.claims.ledger import Evidence, Row, Settled
from assay.spec import SpecError

HEAD = "id,group,statement,source,cited,erratum,tier,tested,settled_by,also\n"


def row(id="C1", settled_by=(), also=()):
    return Row(id, "Initialisation", "It holds.", "S1", "", "", "T1", "a contrast", tuple(settled_by), tuple(also))


def verdict_of(*words):
    return Settled(row(), tuple(Evidence("x:y", word) for word in words)).verdict


@pytest.mark.parametrize(
    "words, verdict",
    [
        ([], "open"),
        (["confirmed", "confirmed"], "confirmed"),
        (["confirmed", "equivalent"], "confirmed"),
        (["equivalent"], "equivalent"),
        (["confirmed", "inconclusive"], "inconclusive"),
        (["confirmed", "inconclusive", "refuted"], "refuted"),
        (["refuted", "not run"], "not run"),
    ],
)
def test_a_row_is_as_good_as_its_worst_part(words, verdict):
    assert verdict_of(*words) == verdict


def test_rows_are_read_in_order_of_their_groups(tmp_path):
    file = tmp_path / "claims.csv"
    lines = ["B10,b,ten,S1,,,T1,x,,", "B2,b,two,S1,,,T1,x,exact,", 'A1,a,"one, two",S1,,,T0,x,exact study:claim-id,study:more']
    file.write_text(HEAD + "\n".join(lines) + "\n")
    rows = ledger.read(file)
    assert [each.id for each in rows] == ["B2", "B10", "A1"]
    assert [each.settled_by for each in rows] == [("exact",), (), ("exact", "study:claim-id")]
    assert rows[2].also == ("study:more",)
    assert rows[2].experiments == ("study",) and rows[2].statement == "one, two"
    assert [each.id for each in ledger.chosen(rows, "A, B2")] == ["B2", "A1"]
    assert ledger.chosen(rows, "all") == list(rows)
    with pytest.raises(SpecError, match="B22.*did you mean B2"):
        ledger.chosen(rows, "B22")
    with pytest.raises(SpecError, match="name groups or rows"):
        ledger.chosen(rows, " ")


@pytest.mark.parametrize(
    "text, message",
    [
        ("id,claim\n", "the columns must be id,group"),
        (HEAD + "B2,b,two,S1,,,T1,x,,\nB2,b,two,S1,,,T1,x,,\n", "occurs once, not 'B2'"),
        (HEAD + "2B,b,two,S1,,,T1,x,,\n", "not '2B'"),
        (HEAD + "B2,b,,S1,,,T1,x,,\n", "B2 has no statement"),
        (HEAD + "B2,b,two,S1,,,T1,x,study,\n", "not 'study'"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path, text, message):
    file = tmp_path / "claims.csv"
    file.write_text(text)
    with pytest.raises(SpecError, match=message) as raised:
        ledger.read(file)
    assert "\n" not in str(raised.value)


def store(folder, word, **study):
    folder.mkdir(parents=True)
    found = [{"claim": "one", "verdict": word, "reason": "because", "n": 5}]
    (folder / "verdicts.json").write_text(json.dumps(found))
    (folder / "study.json").write_text(json.dumps(study))


def test_evidence_is_of_the_first_folder_that_has_it(tmp_path):
    own, published, absent = tmp_path / "runs", tmp_path / "docs", tmp_path / "nowhere"
    store(own / "first", "confirmed", date="2026-11-21", seconds=12.5)
    store(published / "first", "refuted")
    store(published / "second", "refuted")
    store(own / "second", None)  # its arms are not in that run, so it says nothing
    outcome = settle([Figure("weights", 3, 4)])
    record = ledger.exact_record(outcome, "2026-11-20", 0.1234567, {"jax": "1"})
    (published / ledger.EXACT_FILE).write_text(json.dumps({"C1": record}))

    rows = [row("C1", ["exact", "first:one"], ["second:one"]), row("C2", ["second:one"]), row("C3", ["first:two"]), row("C4", ["exact"])]
    found = ledger.settled(rows, (absent, own, published))
    assert [each.verdict for each in found] == ["refuted", "refuted", "not run", "not run"]
    exact, statistical = found[0].evidence
    assert (exact.verdict, exact.reason, exact.seconds) == ("refuted", "weights: 4, not 3", 0.123)
    assert (statistical.verdict, statistical.seconds) == ("confirmed", 12.5)
    assert [each.by for each in found[0].further] == ["second:one"]
    assert found[0].date == "2026-11-21"
    assert found[1].evidence[0].folder == published / "second"


def test_a_damaged_file_is_one_line(tmp_path):
    store(tmp_path / "first", "confirmed")
    (tmp_path / "first" / "verdicts.json").write_text("[{")
    with pytest.raises(SpecError, match="verdicts.json is damaged"):
        ledger.settled([row("C1", ["first:one"])], (tmp_path,))
