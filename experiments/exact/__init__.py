"""Exact claims of the ledger: every function returns the figures of one row; ROWS has them by the row's id."""

from experiments.exact import convolutions, counts, filters, formulas, receptive_fields

ROWS = {**counts.ROWS, **convolutions.ROWS, **filters.ROWS, **receptive_fields.ROWS, **formulas.ROWS}
