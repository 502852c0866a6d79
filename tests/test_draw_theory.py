"""The figures of theory against training: the rule for the critical variance, and what the stored study gives by it."""

import importlib.util
import pathlib

import jax.numpy as jnp
import numpy as np
import pytest

from assay.report import store
from assay.theory import mean_field

DOCS = pathlib.Path(__file__).parents[1] / "docs"


@pytest.fixture(scope="module")
def drawn():
    found = importlib.util.spec_from_file_location("draw_theory", DOCS / "draw_theory.py")
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_the_critical_value_is_the_middle_of_the_window_on_a_logarithmic_scale(drawn):
    sigmas = np.geomspace(0.5, 8, 9)  # in steps of sqrt(2)
    accuracy = 0.1 + 0.8 * np.exp(-((np.log(sigmas / 2.2) / 0.6) ** 2))
    fine = np.geomspace(0.5, 8, 400)
    assert drawn.critical(fine, np.interp(np.log(fine), np.log(sigmas), accuracy)) == pytest.approx(
        drawn.critical(sigmas, accuracy), rel=1e-3
    )
    assert drawn.critical(fine, 0.1 + 0.8 * np.exp(-((np.log(fine / 2.2) / 0.6) ** 2))) == pytest.approx(2.2, rel=1e-3)
    assert drawn.critical([1, 2, 4], [0.1, 0.9, 0.1]) == pytest.approx(2)


@pytest.mark.parametrize("accuracy", [[0.9, 0.5, 0.1], [0.1, 0.5, 0.9], [0.8, 0.9, 0.8]])
def test_a_window_that_is_open_has_no_middle(drawn, accuracy):
    with pytest.raises(ValueError, match="on both sides"):
        drawn.critical([1, 2, 4], accuracy)


def test_the_stored_study_is_critical_where_mean_field_theory_says(drawn):
    sigmas, depths, accuracy, sigma_b2 = drawn._accuracy(store.read(DOCS / "results" / "edge_of_chaos"))
    assert sigma_b2 == 0.05 and depths[-1] == 128
    measured = drawn.critical(sigmas, accuracy[-1])
    assert measured == pytest.approx(mean_field.critical_sigma_w2(jnp.tanh, sigma_b2), rel=0.05)


def test_every_figure_has_its_study_and_is_drawn(drawn):
    for name in drawn.FIGURES:
        assert (DOCS / "results" / name / "study.json").is_file()
        assert "<svg" in (DOCS / "figures" / f"{name}.svg").read_text()
