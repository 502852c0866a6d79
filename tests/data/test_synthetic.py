"""Synthetic functions: their classes against the definition, and what simple learners can make of them."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from assay import data
from assay.spec import SpecError


@pytest.mark.parametrize("name,dims", [("sawtooth(n=402,teeth=3)", 1), ("parity(dims=3,n=402)", 3), ("interactions(n=402)", 10)])
def test_balanced_points_in_three_splits(name, dims):
    loaded, again = data.load(name), data.load(name)
    assert [len(split.y) for split in (loaded.train, loaded.validation, loaded.test)] == [202, 100, 100]
    for split in (loaded.train, loaded.validation, loaded.test):
        assert split.x.dtype == np.float32 and split.x.shape == (len(split.y), dims)
        assert 0.35 < split.y.mean() < 0.65
    assert loaded.num_classes == 2 and "synthetic" in loaded.note and loaded.fingerprint == again.fingerprint


@pytest.mark.parametrize("teeth", [1, 5])
def test_the_class_of_a_sawtooth_changes_twice_a_tooth(teeth):
    x, y = data.load(f"sawtooth(teeth={teeth})").train
    order = np.argsort(x[:, 0])
    changes = np.flatnonzero(np.diff(y[order]))
    assert len(changes) == 2 * teeth and y[order][0] == 0
    quarters = np.arange(2 * teeth) / (2 * teeth) + 1 / (4 * teeth)
    np.testing.assert_allclose(x[order, 0][changes], quarters, atol=0.01)


@pytest.mark.parametrize("dims,gap", [(2, 0.1), (5, 0.3)])
def test_parity_is_the_sign_of_the_product(dims, gap):
    x, y = data.load(f"parity(dims={dims},gap={gap})").train
    np.testing.assert_array_equal(y, np.prod(np.sign(x), axis=1) > 0)
    assert np.abs(x).min() >= np.float32(gap) and np.abs(x).max() <= 1
    assert len(np.unique(x < 0, axis=0)) == 2**dims


def linear_error(features, labels):
    return 1 - LogisticRegression(C=1e6, max_iter=1000).fit(features, labels).score(features, labels)


# The score is nearly normal, so a linear model errs where two normals of correlation sqrt(1 - share) differ in sign.
@pytest.mark.parametrize("share,expected", [(0.0, 0.0), (0.5, 0.25), (1.0, 0.5)])
def test_what_a_linear_model_misses_of_interactions(share, expected):
    x, y = data.load(f"interactions(share={share})").train
    assert abs(linear_error(x, y) - expected) < 0.04
    products = np.concatenate([x, x[:, ::2] * x[:, 1::2]], axis=1)
    assert linear_error(products, y) < 0.005


@pytest.mark.parametrize(
    "spec,fault",
    [
        ("sawtooth(teeth=0)", "teeth must be"),
        ("parity(dims=0)", "dims must be"),
        ("parity(gap=1.0)", "gap must be"),
        ("interactions(share=1.5)", "share must be"),
        ("interactions(dims=3)", "dims must be even"),
        ("parity(n=3)", "at least 16"),
    ],
)
def test_senseless_arguments_are_refused(spec, fault):
    with pytest.raises(SpecError, match=fault):
        data.load(spec)
