"""The ledger for the terminal: a table of all rows, and one row with everything that is known of it."""

from collections import Counter
from collections.abc import Sequence

from assay.claims.exact import written
from assay.claims.ledger import EXACT, Evidence, Settled, WORDS
from assay.report import quantities
from assay.report.tables import signs, WIDTH, wrap


def ledger_table(found: Sequence[Settled], unicode: bool | None = None) -> str:
    """A row's id, verdict, date and source beside its statement, and below it each effect with its interval.

    Args:
      unicode: whether signs beyond ASCII may be used; None asks standard output's encoding.
    """
    lines = [
        f"{'id':<4} {'verdict':<12} {'date':<10} {'source':<11} claim, and the effect with its interval",
        "-" * WIDTH,
    ]
    group = ""
    for each in found:
        row = each.row
        if row.group != group:
            group = row.group
            lines += ["" for _ in lines[2:3]] + [f"{row.id[0]}  {group}"]
        head = f"{row.id:<4} {each.verdict:<12} {each.date:<10} {row.source:<11} "
        first, *more = wrap(row.statement, WIDTH - len(head))
        lines += [head + first, *(" " * len(head) + line for line in more)]
        lines += [" " * len(head) + line for part in each.evidence for line in wrap(effect_of(part), WIDTH - len(head))]
    return signs("\n".join([*lines, "", tally(found)]), unicode)


def tally(found: Sequence[Settled]) -> str:
    """How many claims there are, and how many of each verdict: `180 claims: 60 confirmed, ..., 100 open.`"""
    words = Counter(each.verdict for each in found)
    return f"{len(found)} claims: {', '.join(f'{words[word]} {word}' for word in WORDS if words[word])}."


def ledger_row(each: Settled, unicode: bool | None = None) -> str:
    """One row: the claim, its source, what was tested and how, every figure, and the commands."""
    row = each.row
    facts = {
        "claim": row.statement,
        "source": row.source,
        "cited": row.cited,
        "erratum": row.erratum,
        "tested": f"{row.tested} ({row.tier})",
        "verdict": each.verdict,
    }
    lines = [f"{row.id}  {row.group}", "-" * WIDTH]
    lines += [line for name, text in facts.items() if text for line in _indented(f"{name:<8} ", text)]
    for part in each.evidence:
        lines += ["", *_part(part, row.id)]
    for part in each.further:
        lines += ["", "Also, without deciding:", *_part(part, row.id)]
    if not each.evidence:
        lines += ["", "No experiment settles this claim yet."]
    return signs("\n".join(lines), unicode)


def _part(part: Evidence, id: str) -> list[str]:
    where = f", run on {part.date}" if part.date else ""
    lines = [f"{part.by}: {part.verdict}{where}"]
    if part.by == EXACT:
        lines += [line for figure in part.details.get("figures", ()) for line in _indented("  ", _figure(figure))]
        command = f"./launch.sh claims --run={id}"
    else:
        record = part.details
        texts = [record.get("statement"), record.get("reason"), _cited(record), effect_of(part)]
        lines += [line for text in texts if text for line in _indented("  ", text)]
        command = record.get("command") or f"./launch.sh {part.by.split(':')[0]}"
    return [*lines, f"  $ {command}"]


def _figure(figure: dict) -> str:
    if figure["holds"] is None:
        return f"{figure['what']}: not known, {figure['missing']}"
    said = f"{figure['what']}: {written(figure['obtained'])}"
    if figure["cited"] is not None:
        said += f"; cited {written(figure['cited'])}{'' if figure['holds'] else ' - WRONG'}"
    if figure["mistake"]:
        said += f" ({figure['mistake']})"
    return said


def _cited(record) -> str:
    return ". ".join(str(record[name]) for name in ("source", "cited") if record.get(name))


def effect_of(part: Evidence) -> str:
    """The effect on its metric with its interval, or how many figures hold."""
    if part.by != EXACT:
        name = quantities.name(str(part.details.get("metric", "")))
        return f"{name}: {quantities.effect(part.details)}, n = {part.details['n']}" if part.details else part.by
    figures = [figure for figure in part.details.get("figures", ()) if figure["cited"] is not None]
    if any(figure["holds"] is None for figure in figures):
        return "not known here"
    return f"{sum(figure['holds'] for figure in figures)} of {len(figures)} figures hold" if figures else ""


def _indented(head: str, text: object) -> list[str]:
    first, *more = wrap(text, WIDTH - len(head)) or [""]
    return [head + first, *(" " * len(head) + line for line in more)]
