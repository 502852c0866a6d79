"""Pieces of the page that every part of it is made of."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any


def section(title: str, content: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{content}</section>" if content else ""


def figure(title: str, drawn: str, caption: str, width: int = 0) -> str:
    """A figure beside the next one, if both have their `width` in pixels; in a box that scrolls by itself."""
    room = f' style="flex-basis:{width}px"' if width else ""
    box = f'<div class="scroll">{drawn}</div>'
    return f"<figure{room}><h3>{escape(title)}</h3>{box}<figcaption>{escape(caption)}</figcaption></figure>"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> str:
    """A table in a box that scrolls by itself; the cells are HTML."""

    def cells(tag: str, row: Sequence[str]) -> str:
        kinds = (' class="number"' if i in numbers else "" for i in range(len(row)))
        return "".join(f"<{tag}{kind}>{cell}</{tag}>" for kind, cell in zip(kinds, row))

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    top = f"<thead><tr>{cells('th', head)}</tr></thead>"
    return f'<div class="scroll"><table>{top}<tbody>{body}</tbody></table></div>'


def facts(facts: Mapping[str, Any]) -> str:
    shown = ((key, value) for key, value in facts.items() if value not in (None, ""))
    return (
        "<dl>"
        + "".join(f"<dt>{escape(key)}</dt><dd>{escape(str(value))}</dd>" for key, value in shown)
        + "</dl>"
    )
