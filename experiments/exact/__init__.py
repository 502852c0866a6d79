"""Exact claims of the ledger: every function returns the figures of one row; ROWS has them by the row's id."""

from experiments.exact import convolutions, counts, filters, formulas, gradients, initialisation, learning
from experiments.exact import linear_regions, parallel, receptive_fields

_MODULES = (
    counts, convolutions, filters, receptive_fields, formulas, linear_regions, gradients, learning, initialisation,
    parallel,
)  # fmt: skip
ROWS = {row: figures for module in _MODULES for row, figures in module.ROWS.items()}
