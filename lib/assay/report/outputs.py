"""The page's section on what trained networks make: pictures and texts, side by side for the arms."""

import base64
from html import escape
import itertools

from assay.report import findings, markup, store

ROOM = 3_000_000  # bytes of PNG and text on a page; base64 makes it 4 MB


def section(study: store.Study) -> str:
    """The pictures and texts of findings.npz; empty without any. It adds at most 4/3 ROOM and its tags."""
    shown = findings.choose(study, ROOM)
    if not shown.of:
        return ""
    said = "Of every arm, the run with the lowest seed."
    if shown.arms < shown.of:
        said += f" Shown: {shown.arms} of {shown.of} arms, those with the lowest and the highest "
        said += f"{study.validation.replace('_', ' ')}; {shown.of - shown.arms} are left out."
    if shown.left_out:
        said += f" {shown.left_out} more are too large for this page; they are in the trials’ findings.npz."
    body = ""
    for (title, of_text), group in itertools.groupby(shown.exhibits, lambda each: (each.title, each.grid is None)):
        figures = "".join(map(_text if of_text else _picture, group))
        body += f'<h3>{escape(title)}</h3><div class="made">{figures}</div>'
    return markup.section("Outputs of the trained networks", f'<p class="quiet">{escape(said)}</p>{body}')


def _picture(exhibit: findings.Exhibit) -> str:
    width, height = (exhibit.scale * pixels for pixels in exhibit.size)
    data = base64.b64encode(exhibit.content).decode("ascii")
    image = f'<img src="data:image/png;base64,{data}" alt="{escape(exhibit.spoken)}" width="{width}" height="{height}">'
    return f"<figure>{_caption(exhibit)}{image}</figure>"


def _text(exhibit: findings.Exhibit) -> str:
    return f'<figure class="text">{_caption(exhibit)}<pre>{escape(exhibit.text)}</pre></figure>'


def _caption(exhibit: findings.Exhibit) -> str:
    return f"<figcaption>{escape(exhibit.arm.label)} <small>seed {exhibit.seed}</small></figcaption>"
