"""Noise kinds: how many pixels they hit, and with what."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from assay.tasks.reconstruction.noise import NOISES

KEY = jax.random.key(0)
GREY = jnp.full((8, 40, 40, 3), 0.5)


def applied(kind, level, x=GREY):
    return np.asarray(NOISES[kind](KEY, x, level))


def test_gaussian_noise_has_its_standard_deviation_and_stays_in_range():
    noise = applied("gaussian", 0.1) - 0.5
    np.testing.assert_allclose([noise.mean(), noise.std()], [0, 0.1], atol=2e-3)
    assert abs(np.corrcoef(noise[..., 0].ravel(), noise[..., 1].ravel())[0, 1]) < 0.03  # a channel has its own
    loud = applied("gaussian", 5.0)
    assert loud.min() == 0 and loud.max() == 1


def test_salt_and_pepper_come_in_equal_shares():
    pixels = applied("salt_pepper", 0.3)
    assert (pixels == pixels[..., :1]).all()  # all channels of a pixel together
    shares = [(pixels == value).mean() for value in (0, 0.5, 1)]
    np.testing.assert_allclose(shares, [0.15, 0.7, 0.15], atol=0.01)


def test_a_mask_only_blackens():
    pixels = applied("mask", 0.25)
    assert set(np.unique(pixels)) == {0.0, 0.5} and (pixels == pixels[..., :1]).all()
    np.testing.assert_allclose((pixels == 0).mean(), 0.25, atol=0.01)


@pytest.mark.parametrize("kind", ["salt_pepper", "mask"])
def test_all_or_nothing(kind):
    np.testing.assert_array_equal(applied(kind, 0.0), GREY)
    assert not np.isin(applied(kind, 1.0), [0.5]).any()


@pytest.mark.parametrize("kind", NOISES)
def test_noise_is_of_its_key_and_unlike_from_image_to_image(kind):
    images = applied(kind, 0.3)
    np.testing.assert_array_equal(images, applied(kind, 0.3))
    assert (images[0] != images[1]).any()
    assert (images != np.asarray(NOISES[kind](jax.random.key(1), GREY, 0.3))).any()
