"""The ledger as text and as a page: rows, counts, errata, effects, escapes, and links that lead somewhere."""

import json
import pathlib
import re

from assay.claims import ledger
from assay.claims.exact import Figure, settle
from assay.claims.ledger import Row
from assay.report import ledger_page, ledger_row, ledger_table

ROWS = [
    Row("A1", "Counts", "79,400 <weights>", "S2", "79,400", "biases left out", "T0", "a count", ("exact",)),
    Row("C2", "Networks", "It matters. " * 20, "S1 S3", "", "", "T1", "a contrast", ("one:first",), ("one:second",)),
    Row("C3", "Networks", "Not yet.", "S1", "", "", "T2", "", ()),
]
VERDICT = {
    "claim": "first", "statement": "A is better.", "metric": "test_error", "scale": "difference", "smallest": 0.01,
    "expects": "difference", "source": "He et al. 2015", "cited": "better", "verdict": "confirmed", "reason": "A errs less",
    "effect": 0.05, "interval": [0.03, 0.07], "level": 0.05, "n": 6, "p": 0.01, "command": "./launch.sh one --seeds=6",
}  # fmt: skip


def found(tmp_path):
    (tmp_path / "results" / "one").mkdir(parents=True)
    second = VERDICT | {"claim": "second", "verdict": "inconclusive", "statement": "B too."}
    (tmp_path / "results" / "one" / "verdicts.json").write_text(json.dumps([VERDICT, second]))
    (tmp_path / "results" / "one" / "study.json").write_text(json.dumps({"date": "2026-11-20", "seconds": 3.5}))
    (tmp_path / "results" / "one" / "README.md").write_text("# One")
    (tmp_path / "results" / "one" / "picture.svg").write_text("<svg/>")
    outcome = settle([Figure("weights & biases", 79_400, 79_510, mistake="the biases are left out"), Figure("more", None, [1, None])])
    record = ledger.exact_record(outcome, "2026-11-21", 1.0, {})
    (tmp_path / "results" / ledger.EXACT_FILE).write_text(json.dumps({"A1": record}))
    return ledger.settled(ROWS, [tmp_path / "results"])


def test_the_table_has_every_row_within_its_width(tmp_path):
    text = ledger_table(found(tmp_path), unicode=False)
    assert max(map(len, text.splitlines())) <= 100 and text.isascii()
    assert re.search(r"^A1 +refuted +2026-11-21 S2 +79,400 <weights>\n +0 of 1 figures hold$", text, re.M)
    assert re.search(r"^C2 +confirmed +2026-11-20 S1 S3 +It matters", text, re.M)
    assert "test error: +5.00 points [+3.00, +7.00], n = 6" in text
    assert text.endswith("3 claims: 1 confirmed, 1 refuted, 1 open.")


def test_a_row_tells_all(tmp_path):
    exact, statistical, unsettled = (ledger_row(each, unicode=False) for each in found(tmp_path))
    assert "erratum" in exact and "79,510; cited 79,400 - WRONG (the biases are left out)" in exact
    assert "more: [1, none]" in exact and "$ ./launch.sh claims --run=A1" in exact
    assert "A errs less" in statistical and "$ ./launch.sh one --seeds=6" in statistical
    assert statistical.index("one:first: confirmed") < statistical.index("Also, without deciding:") < statistical.index("B too.")
    assert "No experiment settles this claim yet." in unsettled


def test_the_page_escapes_and_its_links_lead_somewhere(tmp_path):
    page = tmp_path / "docs" / "ledger.html"
    page.parent.mkdir()
    drawing = tmp_path / "docs" / "a_figure.svg"
    drawing.write_text("<svg/>")
    ledger_page(found(tmp_path), page, [drawing])
    html = page.read_text()
    assert "79,400 &lt;weights&gt;" in html and "<weights>" not in html and "weights &amp; biases" in html
    links = re.findall(r'(?:href|src)="([^"]+)"', html)
    assert len(links) >= 3 and all((page.parent / link).resolve().exists() for link in map(pathlib.Path, links))
    assert html.count('class="row"') == 3 and "3 claims: 1 confirmed, 1 refuted, 1 open." in html


def test_what_a_machine_lacks_is_said(tmp_path):
    row = Row("B9", "Devices", "It is faster.", "S1", "", "", "T1", "a measurement", ("exact",))
    outcome = settle([Figure("ten times faster", True, None, missing="no accelerator")])
    (tmp_path / ledger.EXACT_FILE).write_text(json.dumps({"B9": ledger.exact_record(outcome, "2026-11-21", 1.0, {})}))
    there = ledger.settled([row], [tmp_path])
    assert re.search(r"^B9 +inconclusive .*\n +not known here$", ledger_table(there, unicode=False), re.M)
    assert "ten times faster: not known, no accelerator" in ledger_row(there[0], unicode=False)
    page = tmp_path / "docs" / "ledger.html"
    page.parent.mkdir()
    ledger_page(there, page, [])
    assert "not known: no accelerator" in page.read_text()
