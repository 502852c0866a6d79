"""The page's section on what trained networks make: pictures and texts, side by side for the arms."""

import base64
from html import escape
import itertools

from assay.report import findings, markup, quantities, store

ROOM = 3_000_000  # bytes of PNG and text on a page; base64 makes it 4 MB
TEXT = 340  # least width of a text, in pixels


def section(study: store.Study) -> str:
    """The pictures and texts of findings.npz; empty without any. It adds at most 4/3 ROOM and its tags."""
    shown = findings.choose(study, ROOM)
    if not shown.of:
        return ""
    said = "Of every arm, the run with the lowest seed."
    if shown.arms < shown.of:
        said += f" Shown: {shown.arms} of {shown.of} arms, those with the lowest and the highest "
        said += f"{quantities.name(study.validation)}; {shown.of - shown.arms} are left out."
    if shown.left_out:
        said += f" {shown.left_out} more are too large for this page; they are in the trials’ findings.npz."
    body = ""
    for (of_text, title), group in itertools.groupby(shown.exhibits, lambda each: each.heading):
        exhibits = list(group)
        width = TEXT if of_text else max(map(_width, exhibits))
        columns = f"grid-template-columns:repeat(auto-fill,minmax(min(100%,{width}px),1fr))"
        figures = "".join(map(_text if of_text else _picture, exhibits))
        body += f'<h3>{escape(title)}</h3><div class="made" style="{columns}">{figures}</div>'
    return markup.section("Outputs of the trained networks", f'<p class="quiet">{escape(said)}</p>{body}')


def _width(exhibit: findings.Exhibit) -> int:
    """Of the column: half the page at most for what was enlarged, so that two fit side by side."""
    return max(220, min(exhibit.size[0], findings.HALF) if exhibit.scale > 1 else exhibit.size[0])


def _picture(exhibit: findings.Exhibit) -> str:
    width, height = exhibit.size
    data = base64.b64encode(exhibit.content).decode("ascii")
    size = f'width="{width}" height="{height}"'
    image = f'<img src="data:image/png;base64,{data}" alt="{escape(exhibit.spoken)}" {size}>'
    return f"<figure>{_caption(exhibit)}{image}</figure>"


def _text(exhibit: findings.Exhibit) -> str:
    return f'<figure>{_caption(exhibit)}<pre tabindex="0">{escape(exhibit.text)}</pre></figure>'


def _caption(exhibit: findings.Exhibit) -> str:
    return f"<figcaption>{escape(exhibit.arm.label)} <small>seed {exhibit.seed}</small></figcaption>"
