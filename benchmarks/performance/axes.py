"""Axes that both the figures of growth and of packs have."""

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator


def logarithmic(axes: Axes) -> None:
    """Both axes logarithmic, with plain numbers: 0.1, 10, 1,000."""
    axes.set(xscale="log", yscale="log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
    axes.yaxis.set_minor_locator(LogLocator(subs=()))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
