"""Verdicts as cards: a badge, the statement, the evidence, and the interval against what would matter."""

from collections.abc import Mapping, Sequence
from html import escape
import math
from typing import Any

from assay.report import quantities

_SIGNS = {"confirmed": "✓", "refuted": "✗", "equivalent": "=", "inconclusive": "?", "not tested": "–"}
_MIDDLE, _REACH = 160, 150  # of the interval plot, in its units: 320 wide


def word(verdict: Mapping[str, Any]) -> str:
    """The verdict's word; a claim whose arms are not in the run was not tested."""
    return str(verdict.get("verdict") or "not tested")


def cards(verdicts: Sequence[Mapping[str, Any]] | None) -> str:
    """The verdicts in the order of the claims, after one line that counts them."""
    if verdicts is None:
        return '<p class="tally">No verdicts yet: the study has not been judged.</p>'
    if not verdicts:
        return '<p class="tally">This study makes no claims; its numbers follow.</p>'
    words = [word(verdict) for verdict in verdicts]
    known = [name for name in _SIGNS if name in words]
    tally = ", ".join(
        f"{words.count(name)} {escape(name)}" for name in [*known, *sorted(set(words) - set(known))]
    )
    noun = "claim" if len(words) == 1 else "claims"
    return (
        f'<p class="tally">{len(words)} {noun}: {tally}.</p>'
        + "".join(map(card, verdicts))
        + _reading(verdicts)
    )


def _reading(verdicts: Sequence[Mapping[str, Any]]) -> str:
    if not any(interval_plot(verdict) for verdict in verdicts):
        return ""
    said = (
        "Dot and bar: the effect, positive as claimed, and its anytime-valid interval, which decides "
        "however often one has looked. Grey band: differences too small to be of interest. A bar that ends "
        "in an arrow head runs on."
    )
    return f'<p class="quiet">{said}</p>'


def card(verdict: Mapping[str, Any]) -> str:
    """One verdict: badge, statement, reason and source beside its interval and numbers."""
    name, metric = word(verdict), str(verdict.get("metric") or "effect")
    scale = str(verdict.get("scale") or "difference")
    kind = name if name in _SIGNS and name != "not tested" else "other"
    sign = f'<span aria-hidden="true">{_SIGNS[name]}</span> ' if name in _SIGNS else ""
    cited = ". ".join(str(verdict[key]) for key in ("source", "cited") if verdict.get(key))
    level = verdict.get("level")
    share = f" ({100 * (1 - level):.4g} %)" if quantities.finite(level) else ""
    numbers = {
        f"Effect on {quantities.name(metric)}": quantities.amount(
            metric, scale, verdict.get("effect"), signed=True
        ),
        f"Interval{share}": quantities.bounds(metric, scale, verdict.get("interval")),
        "Smallest of interest": quantities.amount(metric, scale, verdict.get("smallest")),
        "Seeds": str(verdict.get("n") or ""),
        "p": f"{verdict['p']:.2g}" if quantities.finite(verdict.get("p")) else "",
    }
    shown = ((key, text) for key, text in numbers.items() if text not in ("", quantities.MISSING))
    listed = "".join(f"<dt>{escape(key)}</dt><dd>{escape(minus(text))}</dd>" for key, text in shown)
    return (
        f'<article class="verdict"><div><span class="badge {kind}">{sign}{escape(name)}</span>'
        f' <code class="quiet">{escape(str(verdict.get("claim")))}</code>'
        f"<h3>{escape(str(verdict.get('statement') or verdict.get('claim')))}</h3>"
        f"<p>{escape(minus(_sentence(verdict.get('reason'))))}</p>"
        + (f'<p class="quiet">Source: {escape(cited)}</p>' if cited else "")
        + f"</div><div>{interval_plot(verdict)}<dl>{listed}</dl></div></article>"
    )


def _sentence(reason: Any) -> str:
    text = str(reason or "").strip()
    return text if not text or text.endswith(".") else f"{text}."


def minus(text: str) -> str:
    """Hyphens before digits as true minus signs."""
    return "".join(
        "−"
        if char == "-" and text[i + 1 : i + 2].isdigit() and not text[max(i - 1, 0) : i].isalnum()
        else char
        for i, char in enumerate(text)
    )


def evidence(verdicts: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[str]]]:
    """Head and rows (HTML cells) of the table of all that was computed for the claims that were tested."""
    head = [
        "claim",
        "seeds",
        "mean, better arm",
        "mean, other arm",
        "effect",
        "interval",
        "p",
        "BCa 95&nbsp;%",
        "permutation p",
        "TOST p",
        "P(better)",
        "d",
    ]
    rows = []
    for verdict in verdicts:
        metric, scale = str(verdict.get("metric")), str(verdict.get("scale") or "difference")
        numbers = [
            f"{verdict[key]:.2g}" if quantities.finite(verdict.get(key)) else "–"
            for key in ("p", "permutation_p_holm", "tost_p", "improvement", "d")
        ]
        cells = [
            str(verdict.get("claim")),
            str(verdict.get("n", "–")),
            *(quantities.value(metric, verdict.get(side)) for side in ("better_mean", "worse_mean")),
            quantities.amount(metric, scale, verdict.get("effect"), signed=True),
            quantities.bounds(metric, scale, verdict.get("interval")),
            numbers[0],
            quantities.bounds(metric, scale, verdict.get("bca")),
            *numbers[1:],
        ]
        if quantities.finite(verdict.get("effect")):
            rows.append([escape(minus(cell)) or "–" for cell in cells])
    return head, rows


def interval_plot(verdict: Mapping[str, Any]) -> str:
    """The effect and its interval on a line, over the band in which a difference would not matter.

    Drawn by hand and not by matplotlib: eight shapes, and a study may have a hundred of them. Ratios are
    drawn by their logarithm. Empty where there is no effect to draw.
    """
    metric, scale = str(verdict.get("metric") or "effect"), str(verdict.get("scale") or "difference")
    low, high = ((*(verdict.get("interval") or ()), None, None))[:2]
    effect, low, high, band = (
        _on_line(scale, value) for value in (verdict.get("effect"), low, high, verdict.get("smallest"))
    )
    if math.isnan(effect):
        return ""
    low, high, band = -math.inf if math.isnan(low) else low, math.inf if math.isnan(high) else high, abs(band)
    # The band and the estimate always show; a wide interval may leave the picture, at four times their reach.
    core = max(abs(effect), 0.0 if math.isnan(band) else 1.6 * band) or 1.0
    reach = 1.15 * max(core, *(min(4 * core, abs(end)) for end in (low, high) if math.isfinite(end)), core)

    def x(value: float) -> float:
        return round(_MIDDLE + _REACH * max(-1.0, min(1.0, value / reach)), 1)

    shapes = ['<path d="M8 38H312" stroke="var(--muted)"/>']
    if band > 0:
        shapes.append(
            f'<rect x="{x(-band)}" y="6" width="{x(band) - x(-band):.1f}" height="32" fill="var(--band)"/>'
        )
        label = quantities.amount(metric, scale, verdict["smallest"])
        shapes.append(_text(_MIDDLE, "middle", f"within {label}" if scale == "ratio" else f"±{label}"))
    if verdict.get("expects") != "equivalence":
        shapes += [_text(8, "start", "reverse"), _text(312, "end", "as claimed")]
    shapes.append(f'<path d="M{_MIDDLE} 6V38" stroke="var(--muted)" stroke-dasharray="2 2"/>')
    if math.isfinite(low) or math.isfinite(high):
        shapes.append(f'<path d="M{x(low)} 22H{x(high)}" stroke="var(--ink)" stroke-width="2.5"/>')
        for end, side in ((low, -1), (high, 1)):
            at = x(end)
            mark = f"M{at - 6 * side} 17L{at} 22L{at - 6 * side} 27" if abs(end) > reach else f"M{at} 17V27"
            shapes.append(f'<path d="{mark}" fill="none" stroke="var(--ink)" stroke-width="2"/>')
    shapes.append(f'<circle cx="{x(effect)}" cy="22" r="5.5" fill="var(--ink)"/>')
    spoken = escape(minus(f"Effect {quantities.effect(verdict)}"))
    return f'<svg class="line" viewBox="0 0 320 56" role="img" aria-label="{spoken}">{"".join(shapes)}</svg>'


def _on_line(scale: str, value: Any) -> float:
    if not quantities.finite(value) or (scale == "ratio" and value <= 0):
        return math.nan
    return math.log(value) if scale == "ratio" else float(value)


def _text(x: float, anchor: str, text: str) -> str:
    return f'<text x="{x}" y="52" text-anchor="{anchor}">{escape(text)}</text>'
