"""Verdicts as cards: a badge, the statement, the evidence, and the interval drawn against what would matter."""

from collections.abc import Mapping, Sequence
from html import escape
import math
from typing import Any

from assay.report import quantities

_SIGNS = {"confirmed": "✓", "refuted": "✗", "equivalent": "=", "inconclusive": "?"}


def cards(verdicts: Sequence[Mapping[str, Any]] | None) -> str:
    """The verdicts in the order of the claims, after one line that counts them."""
    if verdicts is None:
        return '<p class="tally">No verdicts yet: the study has not been judged.</p>'
    if not verdicts:
        return '<p class="tally">This study makes no claims; its numbers follow.</p>'
    words = [str(verdict.get("verdict")) for verdict in verdicts]
    known = [word for word in _SIGNS if word in words]
    known += sorted(set(words) - set(known))
    tally = ", ".join(f"{words.count(word)} {escape(word)}" for word in known)
    noun = "claim" if len(words) == 1 else "claims"
    return f'<p class="tally">{len(words)} {noun}: {tally}.</p>' + "".join(map(_card, verdicts))


def _card(verdict: Mapping[str, Any]) -> str:
    word, metric = str(verdict.get("verdict")), str(verdict.get("metric") or "effect")
    found = quantities.effect(metric, verdict.get("effect"), verdict.get("interval"))
    facts = {
        f"Effect on {quantities.name(metric)}" if verdict.get("metric") else "Effect": minus(found),
        "Smallest of interest": minus(quantities.difference(metric, verdict.get("smallest"), signed=False)),
        "n": "" if verdict.get("n") is None else str(verdict["n"]),
        "p": f"{verdict['p']:.2g}" if quantities.finite(verdict.get("p")) else "",
        "Arms": " against ".join(_arm(arm) for arm in verdict.get("arms") or []),
        "Source": "" if verdict.get("source") is None else str(verdict["source"]),
        "Cited": "" if verdict.get("cited") is None else str(verdict["cited"]),
        "Claim": str(verdict.get("claim") or ""),
    }
    listed = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts.items() if v)
    kind = word if word in _SIGNS else "other"
    sign = f'<span aria-hidden="true">{_SIGNS[word]}</span> ' if word in _SIGNS else ""
    return (
        f'<article class="verdict"><div><span class="badge {kind}">{sign}{escape(word)}</span>'
        f"<h3>{escape(str(verdict.get('statement') or ''))}</h3>"
        f"<p>{escape(minus(str(verdict.get('reason') or '')))}</p></div>"
        f"<div>{interval_plot(verdict)}<dl>{listed}</dl></div></article>"
    )


def _arm(arm: Any) -> str:
    return ", ".join(map(str, arm.values())) if isinstance(arm, Mapping) else str(arm)


def minus(text: str) -> str:
    """Hyphens before digits as true minus signs."""
    return "".join(
        "−" if char == "-" and text[i + 1 : i + 2].isdigit() and not text[i - 1 : i].isalnum() else char
        for i, char in enumerate(text)
    )


def interval_plot(verdict: Mapping[str, Any]) -> str:
    """The effect and its interval on a line, over the band in which a difference would not matter.

    Drawn by hand and not by matplotlib: six shapes, and a study may have a hundred of them. Ends that run out
    of the picture end in arrow heads. Empty where there is no effect to draw.
    """
    effect, bounds = verdict.get("effect"), verdict.get("interval") or (None, None)
    if not quantities.finite(effect):
        return ""
    low, high = (math.nan if bound is None else float(bound) for bound in bounds)
    smallest = verdict.get("smallest")
    band = abs(smallest) if quantities.finite(smallest) else 0.0
    metric = str(verdict.get("metric") or "effect")
    # The band and the estimate always show; a wide interval may leave the picture, at four times their reach.
    core = max(abs(effect), 1.6 * band) or 1.0
    ends = [abs(bound) for bound in (low, high) if math.isfinite(bound)]
    reach = 1.15 * max(core, min(4 * core, max(ends, default=core)))

    def x(value: float) -> float:
        return round(160 + 152 * max(-1.0, min(1.0, value / reach)), 1)

    shapes = []
    if band:
        label = minus(quantities.difference(metric, band, signed=False))
        shapes.append(f'<rect x="{x(-band)}" y="8" width="{x(band) - x(-band):.1f}" height="28" fill="var(--band)"/>')
        shapes.append(f'<text x="{x(0)}" y="50" text-anchor="middle">±{escape(label)}</text>')
    shapes.append('<path d="M160 8V36" stroke="var(--muted)" stroke-dasharray="2 2"/>')
    shapes.append('<path d="M8 36H312" stroke="var(--rule)"/>')
    if not math.isnan(low + high) or math.isinf(low) or math.isinf(high):
        shapes.append(f'<path d="M{x(low)} 22H{x(high)}" stroke="var(--ink)" stroke-width="2.5"/>')
        for bound, side in ((low, -1), (high, 1)):
            cut, at = abs(bound) > reach, x(bound)
            mark = f"M{at - 6 * side} 17L{at} 22L{at - 6 * side} 27" if cut else f"M{at} 17V27"
            shapes.append(f'<path d="{mark}" fill="none" stroke="var(--ink)" stroke-width="2"/>')
    shapes.append(f'<circle cx="{x(effect)}" cy="22" r="5" fill="var(--ink)"/>')
    spoken = escape(minus(f"Effect {quantities.effect(metric, effect, verdict.get('interval'))}"))
    style = 'style="max-width:340px" font-size="12" fill="var(--muted)"'
    return f'<svg viewBox="0 0 320 54" role="img" aria-label="{spoken}" {style}>{"".join(shapes)}</svg>'
