"""Noise: its size, its share and what it leaves alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from assay.data import AUGMENTS
from assay.data.batches import Shown
from assay.spec import build, SpecError

KEY = jax.random.key(3)
X = jnp.asarray(np.random.RandomState(0).rand(40, 20, 20, 2), jnp.float32) * jnp.asarray([[[[1.0, 5.0]]]])
Y = jnp.arange(40)
SHOWN = Shown(KEY, Y, jnp.int32(0))


def noisy(spec, x=X):
    out, y = build(AUGMENTS, spec, "augment")(KEY, x, Y, SHOWN)
    np.testing.assert_array_equal(y, Y)
    assert out.shape == x.shape and out.dtype == x.dtype
    return np.asarray(out)


def test_gaussian_noise_is_normal_of_its_deviation():
    added = (noisy("gaussian_noise(sigma=0.5)") - np.asarray(X)).ravel()
    np.testing.assert_allclose([added.mean(), added.std(), np.mean(np.abs(added) < 0.5)], [0, 0.5, 0.6827], atol=0.01)
    np.testing.assert_array_equal(noisy("gaussian_noise(sigma=0.0)"), X)


def test_salt_and_pepper_are_the_extremes_of_the_channel():
    out, x = noisy("salt_pepper(p=0.3)"), np.asarray(X)
    pepper, salt = (np.all(out == getattr(x, end)((0, 1, 2)), axis=-1) for end in ("min", "max"))
    np.testing.assert_allclose([pepper.mean(), salt.mean()], [0.15, 0.15], atol=0.01)
    np.testing.assert_array_equal(out[~(pepper | salt)], x[~(pepper | salt)])
    np.testing.assert_array_equal(noisy("salt_pepper(p=0.0)"), X)


def test_numbers_of_a_vector_are_each_for_themselves():
    x = X[:, :, 0, 0]
    changed = noisy("salt_pepper(p=0.5)", x) != np.asarray(x)
    assert 0.4 < changed.mean() < 0.6 and np.all(changed.any(axis=1)) and not np.any(changed.all(axis=1))


@pytest.mark.parametrize("spec,fault", [("gaussian_noise(sigma=-1.0)", "sigma must be"), ("salt_pepper(p=2.0)", "p must be")])
def test_wrong_amounts_are_refused(spec, fault):
    with pytest.raises(SpecError, match=fault):
        build(AUGMENTS, spec, "augment")


def test_symbols_have_no_noise():
    with pytest.raises(ValueError, match="not symbols"):
        noisy("gaussian_noise", jnp.zeros((40, 8), jnp.int32))
