"""The heat map: the mean over the test split of every combination of two fields."""

from collections.abc import Sequence
import math

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
import numpy as np

from assay.report import drawing, quantities, store
from assay.report.arms import Arm

_SCALE = LinearSegmentedColormap.from_list("error", ["#eef4fa", "#9cc3e0", "#3c7fb1", "#0b3a63"])
_DARK_TEXT, _LIGHT_TEXT = "#0b0d0f", "#fefefe"  # on cells, whose colours do not follow the page's theme


def is_grid(study: store.Study) -> bool:
    """Whether two fields vary and most of their combinations are arms."""
    if len(study.fields) != 2 or len(study.arms) < 4:
        return False
    sizes = [len({arm.fields[field] for arm in study.arms}) for field in study.fields]
    return len(study.arms) > 0.5 * sizes[0] * sizes[1] and min(sizes) <= 16


def draw(study: store.Study, width: float | None = None) -> Figure:
    """The study's metric for every combination of two fields; mean, interval and divergences in the cells.

    Args:
      width: in pixels; None gives each column just the room it needs.
    """
    values = [list(dict.fromkeys(arm.fields[field] for arm in study.arms)) for field in study.fields]
    across = int(len(values[1]) < len(values[0]))
    down = 1 - across
    cells = {(arm.fields[study.fields[down]], arm.fields[study.fields[across]]): arm for arm in study.arms}
    means = np.array(
        [
            [cells[r, c].estimate(study.test).mean if (r, c) in cells else math.nan for c in values[across]]
            for r in values[down]
        ]
    )
    em = drawing.em(width)
    width = width or 12 * em + 9.5 * em * len(values[across])
    room = int((width - 12 * em) / len(values[across]) / em / 0.65)  # characters above a column
    drawn, axes = drawing.figure(width, 4.8 * em * len(values[down]) + 5 * em)
    for i, row in enumerate(values[down]):
        for j, column in enumerate(values[across]):
            _cell(axes, j, i, study.test, cells.get((row, column)), _norm(means))
    axes.grid(False)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelcolor=drawing.INK)
    axes.xaxis.tick_top()
    axes.set_xticks(range(len(values[across])), [drawing.label(value, room) for value in values[across]])
    axes.set_yticks(range(len(values[down])), [drawing.label(value, 16) for value in values[down]])
    axes.set(xlim=(-0.5, len(values[across]) - 0.5), ylim=(len(values[down]) - 0.5, -0.5))
    return drawn


def _cell(axes: Axes, x: int, y: int, metric: str, arm: Arm | None, norm: Normalize) -> None:
    if arm is None or not len(arm.values(metric)):
        what = "no arm" if arm is None else "no value" if arm.rows else "not yet run"
        axes.text(x, y, what, ha="center", va="center", color=drawing.MUTED, fontsize="small")
        return
    found = arm.estimate(metric)
    fill = _SCALE(norm(found.mean))
    axes.add_patch(Rectangle((x - 0.49, y - 0.48), 0.98, 0.96, facecolor=fill, linewidth=0))
    color = _DARK_TEXT if _luminance(fill) > 0.18 else _LIGHT_TEXT  # whichever contrasts more
    below = [quantities.interval(metric, found.low, found.high) or "one run"]
    below += [f"{len(arm.diverged)} diverged"] if arm.diverged else []
    axes.annotate(
        quantities.bare(metric, found.mean),
        (x, y),
        (0, 1),
        textcoords="offset points",
        ha="center",
        va="bottom",
        color=color,
        fontweight="bold",
        fontsize="large",
    )
    axes.annotate(
        "\n".join(below),
        (x, y),
        (0, -2),
        textcoords="offset points",
        ha="center",
        va="top",
        color=color,
        fontsize="small",
    )


def _luminance(color: Sequence[float]) -> float:
    """Relative luminance of an sRGB colour, 0..1 (WCAG 2.2)."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color[:3]]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _norm(means: np.ndarray) -> Normalize:
    seen = means[np.isfinite(means)]
    if not len(seen):
        return Normalize(0, 1)
    low, high = float(seen.min()), float(seen.max())
    return (
        LogNorm(low, high)
        if low > 0 and high > 4 * low
        else Normalize(low, high if high > low else low + 1e-9)
    )
