"""The page of measurements says what the stored measurements say."""

import pytest

from benchmarks.performance import __main__ as performance, growth


def test_the_page_is_what_its_program_writes():
    assert (performance.DOCS / "performance.md").read_text() == performance.text()


def test_every_figure_it_shows_is_stored():
    shown = [part.split(")")[0] for part in performance.text().split("](figures/")[1:]]
    assert shown
    assert all((performance.DOCS / "figures" / name).is_file() for name in shown)


def test_slopes_are_powers_of_what_grows():
    sizes = [10, 100, 1_000, 10_000]
    assert growth.slope(sizes, [3 * size**1.5 for size in sizes]) == pytest.approx(1.5)
    # A fixed cost at the low end has no say: only the last points count.
    assert growth.slope([1, *sizes], [7.0, *(size**2 for size in sizes)]) == pytest.approx(2)


def test_no_figure_shows_a_formula_that_nothing_sets():
    figures = list((performance.DOCS / "figures").glob("*.svg"))
    assert figures and not [path.name for path in figures if "mathdefault" in path.read_text()]
