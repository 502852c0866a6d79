"""Writes docs/performance.md and its figures from the stored measurements, so that no measured number in it is typed by hand.

    PYTHONPATH=lib python -m benchmarks.performance

One module a section; each has `text(results) -> str` (Markdown) and `draw(results) -> {figure's name: Figure}`.
"""

import pathlib

from matplotlib.figure import Figure

from assay.report import drawing
from benchmarks.performance import growth, packing, shard, startup, step_time, study_throughput

RESULTS = pathlib.Path(__file__).parents[1] / "results"
DOCS = pathlib.Path(__file__).parents[2] / "docs"
SECTIONS = (step_time, study_throughput, startup, growth, packing, shard)
HEAD = """# How fast assay is

Every measured number on this page is read from what is stored in [benchmarks/results](../benchmarks/results), next to which
lie all single times, versions and commands; `python -m benchmarks.performance` writes the page. A time is always given
as a ratio to the alternative, measured in turns in the same run.
"""


def text(results: pathlib.Path = RESULTS) -> str:
    """The page."""
    return "\n".join([HEAD, *(section.text(results) for section in SECTIONS)])


def main() -> None:
    """Writes the page and its figures."""
    (DOCS / "performance.md").write_text(text(), encoding="utf-8")
    with drawing.style(**{"svg.fonttype": "path", "font.size": 13, "savefig.facecolor": drawing.PAPER}):
        for section in SECTIONS:
            for name, figure in section.draw(RESULTS).items():
                _write(figure, DOCS / "figures" / f"{name}.svg")


def _write(figure: Figure, path: pathlib.Path) -> None:
    path.write_text(drawing.save(figure, path.stem), encoding="utf-8")
    print(path)


if __name__ == "__main__":
    main()
