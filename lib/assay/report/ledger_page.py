"""The ledger as one page: every claim with its verdict, its evidence and the picture of the study behind it."""

from collections.abc import Sequence
from html import escape
import os
import pathlib

from assay.claims.exact import written
from assay.claims.ledger import EXACT, Evidence, Settled
from assay.report import markup, verdicts
from assay.report.ledger_text import effect_of, tally
from assay.report.style import PAGE, STYLE

TITLE = "What holds of what is taught about deep networks"
SOURCES = {
    "S0": "Elements of AI, chapter 5 III",
    "S1": "Farkaš, lecture 9 (2021)",
    "S2": "Chapman, CS 530 (2021)",
    "S3": "Hämäläinen, part 1 (2018)",
    "S4": "Ehinger (2021)",
}
_ERRATUM = " <small>(with an erratum)</small>"
_OWN = """
.row{border-top:1px solid var(--rule);padding:14px 0}
.row summary{display:grid;grid-template-columns:52px 118px minmax(0,1fr);gap:4px 12px;cursor:pointer;list-style:none}
.row summary::-webkit-details-marker{display:none}
.row .verdict{padding:14px 0 14px 64px}.row .inner{padding-left:64px}.row img{max-width:100%;background:#fff}
.id{font-variant-numeric:tabular-nums;font-weight:650}
@media (max-width:760px){.row summary{grid-template-columns:44px minmax(0,1fr)}
.row summary span:last-child{grid-column:1/-1}.row .verdict,.row .inner{padding-left:0}}
"""


def ledger_page(found: Sequence[Settled], target: pathlib.Path, figures: Sequence[pathlib.Path] = ()) -> None:
    """Writes the page; it links to the stored studies and shows their pictures by paths relative to itself.

    Args:
      figures: pictures at its head.
    """
    body = [f"<h1>{TITLE}</h1>", f'<p class="facts">{escape(tally(found))}</p>', _reading()]
    shown = "".join(
        f'<figure><img src="{_link(path, target)}" alt="{escape(_spoken(path))}"></figure>' for path in figures
    )
    body += [f'<div class="made">{shown}</div>'] if shown else []
    for group in dict.fromkeys(each.row.group for each in found):
        mine = [each for each in found if each.row.group == group]
        title = f"{mine[0].row.id[0]} · {group}"
        body.append(
            markup.section(
                title, f'<p class="quiet">{escape(tally(mine))}</p>' + "".join(_row(each, target) for each in mine)
            )
        )
    page = PAGE.substitute(title=TITLE, style=STYLE + _OWN, body="\n".join(body))
    target.write_text(page, encoding="utf-8")


def _reading() -> str:
    decks = "; ".join(f"{name} {deck}" for name, deck in SOURCES.items())
    return (
        '<p class="quiet">Each row is a claim of a lecture deck. Exact claims are computed by the library’s own code; the '
        "others are contrasts of trained networks, judged by anytime-valid intervals against a smallest effect of interest that "
        f"was fixed before. A row is refuted if one of its parts is. Sources: {escape(decks)}.</p>"
    )


def _row(each: Settled, target: pathlib.Path) -> str:
    row = each.row
    kind = each.verdict if each.verdict in ("confirmed", "refuted", "equivalent", "inconclusive") else "other"
    facts = {
        "Source": row.source,
        "Cited": row.cited,
        "Erratum": row.erratum,
        "Tested": row.tested,
        "Last run": each.date,
    }
    inner = f'<div class="inner">{markup.facts(facts)}</div>' + "".join(
        _evidence(part, target) for part in each.evidence
    )
    if each.further:
        inner += '<p class="inner quiet">Also, without deciding:</p>' + "".join(
            _evidence(part, target) for part in each.further
        )
    for folder in dict.fromkeys(part.folder for part in each.evidence if part.by != EXACT and part.folder):
        inner += _study(folder, target)
    return (
        f'<details class="row" id="{row.id}"><summary><span class="id">{row.id}</span>'
        f'<span><span class="badge {kind}">{escape(each.verdict)}</span></span>'
        f"<span>{escape(row.statement)}{_ERRATUM * bool(row.erratum)}{_headline(each)}</span></summary>{inner}</details>"
    )


def _headline(each: Settled) -> str:
    """The effects in small print below the statement."""
    said = (effect_of(part) for part in each.evidence if part.details)
    return "".join(f'<br><small class="quiet">{escape(verdicts.minus(text))}</small>' for text in said)


def _evidence(part: Evidence, target: pathlib.Path) -> str:
    if not part.details:
        return f'<p class="inner quiet">{escape(part.by)}: {escape(part.verdict)}</p>'
    if part.by != EXACT:
        return verdicts.card(part.details)
    cells = [
        [
            escape(each)
            for each in (figure["what"], _value(figure["cited"]), _value(figure["obtained"]), _judged(figure))
        ]
        for figure in part.details["figures"]
    ]
    return f'<div class="inner">{markup.table(["figure", "cited", "obtained", ""], cells, (1, 2))}</div>'


def _study(folder: pathlib.Path, target: pathlib.Path) -> str:
    page = "README.md" if (folder / "README.md").is_file() else "report.html"
    picture = f'<img src="{_link(folder / "picture.svg", target)}" alt="Arms of {folder.name}" loading="lazy">'
    shown = picture if (folder / "picture.svg").is_file() else ""
    return f'<div class="inner">{shown}<p class="quiet"><a href="{_link(folder / page, target)}">{folder.name}</a></p></div>'


def _value(value: object) -> str:
    return "–" if value is None else written(value)


def _judged(figure: dict) -> str:
    if figure["holds"] is None:
        return f"not known: {figure['missing']}"
    if figure["cited"] is None:
        return ""
    return "holds" if figure["holds"] else f"does not hold: {figure['mistake']}".rstrip(": ")


def _link(path: pathlib.Path, target: pathlib.Path) -> str:
    return escape(pathlib.PurePath(os.path.relpath(path, target.parent)).as_posix())


def _spoken(path: pathlib.Path) -> str:
    return path.stem.replace("_", " ")
