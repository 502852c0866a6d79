"""Drawing with matplotlib's objects alone, into SVG that is small, reproducible and themed by the page."""

from collections.abc import Iterator
import contextlib
from html import escape
import io
import re
import textwrap

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
import matplotlib.style

from assay.report.style import LIGHT

INK, MUTED, RULE, BAND, PAPER = (LIGHT[name] for name in ("ink", "muted", "rule", "band", "paper"))
# Told apart three ways: colour, dashes, marker.
_DASHES = ("-", (0, (5, 2)), (0, (1.5, 1.5)), (0, (6, 2, 1.5, 2)), (0, (9, 2)), (0, (3, 1)))
SERIES = [
    {"color": LIGHT[f"s{i}"], "linestyle": dashes, "marker": marker}
    for i, (dashes, marker) in enumerate(zip(_DASHES, "os^DvP"), start=1)
]
_VARIABLES = {value: f"var(--{name})" for name, value in LIGHT.items()}
_STYLE = {
    "svg.fonttype": "none",
    "font.family": ["DejaVu Sans"],  # wider than any system font that replaces it, so measured room suffices
    "font.size": 9.5,
    "text.parse_math": False,  # a dollar sign in a Spec is a dollar sign
    "axes.titlesize": "medium",
    "axes.labelsize": "medium",
    "xtick.labelsize": "medium",
    "ytick.labelsize": "medium",
    "text.color": INK,
    "axes.labelcolor": MUTED,
    "axes.titlecolor": MUTED,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "axes.unicode_minus": True,
    "path.simplify": True,
    "figure.facecolor": PAPER,
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
}


@contextlib.contextmanager
def style(**changes: object) -> Iterator[None]:
    """The report's look, whatever the user's matplotlibrc says; restored afterwards."""
    with matplotlib.style.context(["default", _STYLE | changes]):
        yield


def figure(width: float, height: float) -> tuple[Figure, Axes]:
    """A figure of width x height CSS pixels with one axes that leaves its labels the room they need."""
    drawn = Figure(figsize=(width / 72, height / 72), dpi=72, layout="constrained")
    drawn.get_layout_engine().set(w_pad=2 / 72, h_pad=2 / 72)
    return drawn, drawn.subplots()


def panel(width: float, height: float, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """A small multiple: `rows` axes below one another at fixed places: panels align and draw fast."""
    drawn = Figure(figsize=(width / 72, height / 72), dpi=72)
    left, right, top, bottom, gap = 42, 7, 18 if rows > 1 else 8, 34 if rows > 1 else 20, 26
    each = (height - top - bottom - (rows - 1) * gap) / rows
    places = [height - top - (i + 1) * each - i * gap for i in range(rows)]
    wide, high = (width - left - right) / width, each / height
    return drawn, [drawn.add_axes((left / width, place / height, wide, high)) for place in places]


def inline(drawn: Figure, name: str, spoken: str, natural: bool = False) -> str:
    """SVG to stand inside the page: coloured by the page's variables, without document parts.

    Args:
      name: unique on the page; the ids of clip paths and markers are derived from it.
      spoken: what a screen reader says of it.
      natural: never drawn narrower than designed (its box scrolls instead).
    """
    text = save(drawn, name)
    width = round(drawn.get_figwidth() * 72)
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>", "", text, flags=re.S)
    used = set(re.findall(r"#([\w-]+)[\")]", text))
    text = re.sub(r' id="([^"]+)"', lambda found: found.group() if found.group(1) in used else "", text)
    text = re.sub(r'\b(?:style|d|x|y|transform|width|height)="[^"]*"', _shorter, text)
    text = re.sub(r"\s*\n\s*", " ", text).replace("> <", "><").replace("xlink:href", "href")
    view = re.search(r'viewBox="[^"]+"', text).group()
    room = f"min-width:{width}px;" if natural else ""
    look = f"{room}max-width:{round(width * 1.35)}px"
    head = f'<svg {view} role="img" aria-label="{escape(spoken)}" style="{look}">'
    return head + text[text.index(">") + 1 :].strip().replace("<defs/>", "").replace("<g></g>", "")


def _shorter(attribute: re.Match[str]) -> str:
    """One attribute with the page's variables for colours, the page's font, and hundredths of a pixel."""
    text = re.sub(r"(\d\.\d{2})\d+", r"\1", attribute.group())
    text = re.sub(r"stroke-linejoin: round; ?|stroke-linecap: butt; ?", "", text)
    for value, variable in _VARIABLES.items():
        text = text.replace(value, variable)
    return text.replace("'DejaVu Sans'", "system-ui,sans-serif").replace("; ", ";").replace(": ", ":")


def save(drawn: Figure, name: str) -> str:
    """The figure as an SVG document: no date, no version, ids derived from `name` alone."""
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.hashsalt": name}):
        drawn.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    # matplotlib counts in points of 1/72 inch; figures here are designed in pixels.
    return re.sub(r'(width|height)="([\d.]+)pt"', r'\1="\2px"', buffer.getvalue(), count=2)


def swatch(name: str, index: int) -> str:
    """A legend's sample of series `index`: its line and marker, as SVG."""
    look = SERIES[index]
    drawn = Figure(figsize=(34 / 72, 14 / 72), dpi=72)
    axes = drawn.add_axes((0, 0, 1, 1))
    axes.axis("off")
    axes.plot([0.02, 0.5, 0.98], [0.5, 0.5, 0.5], linewidth=1.8, markersize=5, markevery=[1], **look)
    axes.set(xlim=(0, 1), ylim=(0, 1))
    return inline(drawn, name, "").replace('role="img" aria-label=""', 'aria-hidden="true"')


def label(value: object, width: int) -> str:
    """A label in lines of at most `width` characters, broken after underscores, commas and brackets."""
    pieces = [
        piece for part in re.split(r"(?<=[_,(])", str(value)) for piece in textwrap.wrap(part, width) or [""]
    ]
    lines = [""]
    for piece in pieces:
        if lines[-1] and len(lines[-1] + piece) > width:
            lines.append("")
        lines[-1] += piece
    return cut("\n".join(lines), 4 * width)


def cut(text: str, length: int) -> str:
    """The text, or what fits of it before an ellipsis."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


def em(width: float | None) -> float:
    """Size of the letters of a figure that wide, in pixels."""
    return 13 if width and width >= 800 else 9.5
