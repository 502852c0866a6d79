"""The page of measurements says what the stored measurements say."""

from benchmarks.performance import __main__ as performance


def test_the_page_is_what_its_program_writes():
    assert (performance.DOCS / "performance.md").read_text() == performance.text()


def test_every_figure_it_shows_is_stored():
    shown = [part.split(")")[0] for part in performance.text().split("](figures/")[1:]]
    assert shown
    assert all((performance.DOCS / "figures" / name).is_file() for name in shown)
