"""The record of a discriminator's answers on planted runs."""

import numpy as np
import pytest

from assay.tasks.adversarial.record import RECORD, summary


def test_the_opening_and_the_close_are_their_steps():
    errors = np.full(1000, 0.25, np.float32)
    errors[:10], errors[10:50], errors[900:] = 0.5, 0.125, np.linspace(0.3, 0.5, 100)
    metrics, text = summary(errors)
    assert tuple(metrics) == RECORD
    assert metrics == pytest.approx({"opening_error": 0.125, "closing_error": 0.4})
    lines = text.splitlines()[1:]
    assert lines[:3] == ["0 to 9: 50.0 %", "10 to 49: 87.5 %", "50 to 89: 75.0 %"]
    assert lines[-1] == "900 to 999: 60.0 %"


@pytest.mark.parametrize("steps", [1, 2, 10, 11, 49, 51, 101, 137])
def test_a_short_run_is_divided_without_gap_or_overlap(steps):
    errors = np.arange(steps) / steps
    metrics, text = summary(errors)
    ranges = [line.split(":")[0].split(" to ") for line in text.splitlines()[1:]]
    covered = [step for start, last in ranges for step in range(int(start), int(last) + 1)]
    assert covered == list(range(steps))
    assert 0 <= metrics["opening_error"] <= metrics["closing_error"] < 1
