"""Rows of results.parquet as the store writes them, from planted distributions."""

import dataclasses

import numpy as np
import pytest

from assay import config


def _rows(arms, seeds=20, **metrics):
    """One row per arm and seed.

    Args:
      arms: Config fields of each arm, list of dict.
      seeds: how many.
      metrics: arrays [arm, seed] by name of a column (final metrics, steps, status).
    """
    rows = []
    for i, arm in enumerate(arms):
        for seed in range(seeds):
            trial = config.Config(**arm, seed=seed)
            row = dataclasses.asdict(trial) | {"id": trial.trial_id(), "status": "done", "steps": 1000}
            row |= {"diverged_at": None, "test_error": 0.1, "test_loss": 0.3, "steps_to_target": 100}
            rows.append(row | {name: np.asarray(values)[i, seed].item() for name, values in metrics.items()})
    return rows


@pytest.fixture
def rows():
    return _rows


@pytest.fixture
def planted(rows):
    """Rows of tanh and relu whose paired test errors differ by `effect` (tanh better) with sd `sd`."""

    def make(effect, seeds=20, sd=0.01, seed=0, **more):
        rng = np.random.default_rng(seed)
        base = rng.normal(0.3, 0.02, seeds)
        errors = np.stack([base, base + effect + rng.normal(0, sd, seeds)])
        return rows([{"activation": "tanh"}, {"activation": "relu"}], seeds, test_error=errors, **more)

    return make
