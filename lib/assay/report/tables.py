"""Plain text tables for the terminal: at most 100 columns, and ASCII where the terminal has nothing more."""

from collections.abc import Mapping, Sequence
import sys
import textwrap
from typing import Any

from assay.claims.tuning import Choice
from assay.report import arms, quantities, rankings

WIDTH = 100
_GAP = "  "
_ASCII = str.maketrans(
    {"–": "-", "—": "-", "−": "-", "±": "+-", "×": "x", "’": "'", "“": '"', "”": '"', "≤": "<=", "≥": ">="}
)


def verdict_table(verdicts: Sequence[Mapping[str, Any]], unicode: bool | None = None) -> str:
    """Verdicts as text: a row of numbers a claim, its statement and the sentence of evidence below it.

    Args:
      verdicts: the objects of verdicts.json.
      unicode: whether signs beyond ASCII may be used; None asks standard output's encoding.

    Returns:
      Lines of at most 100 characters, without a final newline.
    """
    if not verdicts:
        return "no verdicts yet"
    rows = [("verdict", "effect [interval]", "smallest", "seeds", "claim"), *map(_numbers, verdicts)]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    room = max(12, WIDTH - sum(widths) - 4 * len(_GAP))
    lines = []
    for row, verdict in zip(rows, [None, *verdicts]):
        first, *more = wrap(row[4], room) or [""]
        cells = [f"{row[0]:<{widths[0]}}", *(f"{cell:>{width}}" for cell, width in zip(row[1:4], widths[1:]))]
        lines += [_GAP.join([*cells, first]).rstrip(), *(" " * (WIDTH - room) + line for line in more)]
        for text in (verdict.get("statement"), verdict.get("reason")) if verdict else ():
            lines += [f"    {line}" for line in wrap(text or "", WIDTH - 4)]
        lines.append("" if verdict else "-" * WIDTH)
    return signs("\n".join(lines[:-1]), unicode)


def _numbers(verdict: Mapping[str, Any]) -> tuple[str, ...]:
    metric, scale = str(verdict.get("metric")), str(verdict.get("scale") or "difference")
    smallest = quantities.amount(metric, scale, verdict.get("smallest"))
    word = verdict.get("verdict") or "not tested"
    return (
        str(word),
        quantities.effect(verdict),
        smallest,
        str(verdict.get("n", "")),
        str(verdict.get("claim", "")),
    )


def arm_table(
    rows: Sequence[arms.Row],
    varying_fields: Sequence[str],
    metric: str = "error",
    unicode: bool | None = None,
) -> str:
    """Arms as text: what varies, runs, test metric with its 95 % t interval, train metric, diverged runs.

    Args:
      rows: rows of results.parquet, one per finished trial.
      varying_fields: the Config fields that tell the arms apart, in the order of the columns.
      metric: the study's, without its split.

    Returns:
      An aligned table of at most 100 columns; a row whose arm does not fit is continued below itself.
    """
    if not rows:
        return "no finished trials yet"
    on_test, on_train = f"test_{metric}", f"train_{metric}"
    names = [quantities.name(on_test), "95 % t interval", quantities.name(on_train)]
    body = []
    for arm in arms.group(rows, varying_fields):
        train = quantities.value(on_train, arm.estimate(on_train).mean)
        body.append([arm.label, *_estimate(on_test, arm), train, str(len(arm.diverged)), target(arm)])
    return signs(_aligned(["arm", "n", *names, "diverged", "steps to target"], body), unicode)


def further_table(
    rows: Sequence[arms.Row], varying_fields: Sequence[str], metric: str, unicode: bool | None = None
) -> str:
    """What else was measured on the test split or found out by the task, the loss aside; "" for nothing.

    Args, Returns: as of `arm_table`; a row for every further metric and arm.
    """
    gathered = arms.group(rows, varying_fields)
    names = [name for name in arms.further(rows, metric) if name != "test_loss"]
    body = [[arm.label, quantities.name(name), *_estimate(name, arm)] for name in names for arm in gathered]
    head = ["arm", "measured", "n", "mean", "95 % t interval"]
    return signs(_aligned(head, body), unicode) if names else ""


def tuning_table(
    choices: Sequence[Choice],
    varying_fields: Sequence[str],
    metric: str,
    base: Mapping[str, Any],
    unicode: bool | None = None,
) -> str:
    """Arms untuned and tuned as text: value chosen, both test metrics with their ranks, and where the order flips.

    Args:
      varying_fields, metric: as of `arm_table`.
      base: the tuned fields at the base's own value.
    """
    found = rankings.standings(choices, varying_fields, metric)
    head, rows = tuning_cells(found, list(base), metric)
    said = [line for text in rankings.said(found, base, metric) for line in wrap(text, WIDTH)]
    return signs("\n".join([_aligned(head, rows), "", *said]), unicode)


def tuning_cells(
    found: Sequence[rankings.Standing], fields: Sequence[str], metric: str
) -> tuple[list[str], list[list[str]]]:
    """Head and rows of the table of both rankings."""
    name, on_test = quantities.name(metric), f"test_{metric}"
    head = ["arm", ", ".join(fields), f"validation {name}", "diverged", "untuned test", "rank", "tuned test", "rank"]
    rows = []
    for each in found:
        untuned, tuned = (quantities.value(on_test, a.estimate(on_test).mean) for a in (each.untuned, each.arm))
        before, after = (str(place or "-") for place in each.places)
        validation = quantities.value(on_test, each.validation)
        rows.append([each.arm.label, each.value, validation, str(each.diverged), untuned, before, tuned, after])
    return head, rows


def _estimate(metric: str, arm: arms.Arm) -> list[str]:
    """Runs, mean and interval."""
    found = arm.estimate(metric)
    interval = quantities.interval(metric, found.low, found.high) or quantities.MISSING
    return [str(found.n), quantities.value(metric, found.mean), interval]


def _aligned(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Columns under their heads; the first takes the room the others leave, and is continued below itself."""
    widths = [max(len(row[i]) for row in [head, *body]) for i in range(len(head))]
    widths[0] = max(12, min(widths[0], WIDTH - sum(widths[1:]) - len(_GAP) * (len(head) - 1)))
    lines = []
    for row in [head, *body]:
        label, *more = wrap(row[0], widths[0])
        cells = [f"{label:<{widths[0]}}", *(f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:]))]
        lines += [_GAP.join(cells).rstrip(), *(f"  {line}" for line in more)]
        if row is head:
            lines.append("-" * (sum(widths) + len(_GAP) * (len(head) - 1)))
    return "\n".join(lines)


def target(arm: arms.Arm) -> str:
    """Median steps to the target and how many runs got there: `1,250 (5/5)`, or `not reached (2/5)`."""
    median, reached, n = arms.steps_to_target(arm)
    if not n:
        return quantities.MISSING
    return f"{quantities.value('steps', median) if median == median else 'not reached'} ({reached}/{n})"


def wrap(text: Any, width: int) -> list[str]:
    """Lines of at most `width`; line breaks and control characters in the text become blanks."""
    clean = "".join(char if char.isprintable() else " " for char in str(text))
    return textwrap.wrap(clean, width, subsequent_indent="", break_long_words=True) if clean.strip() else []


def signs(text: str, unicode: bool | None) -> str:
    """The text with its signs beyond ASCII, or with others in their place; None asks standard output's encoding."""
    if unicode is None:
        unicode = "utf" in (getattr(sys.stdout, "encoding", None) or "").lower()
    return text if unicode else text.translate(_ASCII).encode("ascii", "replace").decode("ascii")
