"""What a study found, for people: one HTML file, one picture, and text tables for the terminal."""

from pathlib import Path

from assay.report.html import write
from assay.report.ledger_page import ledger_page
from assay.report.ledger_text import ledger_row, ledger_table
from assay.report.store import ReportError
from assay.report.tables import arm_table, further_table, tuning_table, verdict_table

__all__ = [
    "ReportError",
    "arm_table",
    "further_table",
    "ledger_page",
    "ledger_row",
    "ledger_table",
    "picture",
    "tuning_table",
    "verdict_table",
    "write",
]


def picture(study_dir: Path) -> Path:
    """Draws `<study_dir>/picture.svg`, the study's one figure for a README; see `figures.picture`."""
    from assay.report import figures  # matplotlib: only where something is drawn

    return figures.picture(study_dir)
