"""Laws of the augmentations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from assay.data import AUGMENTS
from assay.spec import build, SpecError

KEY = jax.random.key(7)
X = jnp.asarray(np.random.RandomState(0).rand(64, 7, 6, 3), jnp.float32) + 1  # no zero inside
LABELS = jnp.arange(64)


def augmented(spec):
    """The images alone: labels of images stay."""

    def fn(key, x):
        x, y = build(AUGMENTS, spec, "augment")(key, x, LABELS)
        np.testing.assert_array_equal(y, LABELS)
        return x

    return fn


@pytest.mark.parametrize(
    "spec,dtype", [*((spec, jnp.float32) for spec in sorted(AUGMENTS)), ("crop_flip", jnp.bfloat16)]
)
def test_shape_type_determinism_and_transforms(spec, dtype):
    made, x = build(AUGMENTS, spec, "augment"), X.astype(dtype)
    fn = lambda key, x: made(key, x, LABELS)[0]
    out = jax.jit(fn)(KEY, x)
    assert out.shape == x.shape and out.dtype == x.dtype
    np.testing.assert_array_equal(out, fn(KEY, x))
    if spec != "none":
        assert not np.array_equal(out, fn(jax.random.key(8), x))
    looped = jax.lax.fori_loop(0, 3, lambda i, _: fn(jax.random.fold_in(KEY, i), x), x)
    np.testing.assert_array_equal(looped, fn(jax.random.fold_in(KEY, 2), x))
    keys = jax.random.split(KEY, 3)
    packed = jax.vmap(fn, in_axes=(0, None))(keys, x)
    np.testing.assert_array_equal(packed, jnp.stack([fn(key, x) for key in keys]))


def test_none_crop_0_and_shift_0_are_the_identity():
    for spec in ("none", "crop(pad=0)", "shift(pixels=0)"):
        np.testing.assert_array_equal(augmented(spec)(KEY, X), X)


def test_flip_twice_is_the_identity_and_mirrors_about_half():
    fn = augmented("flip")
    once = fn(KEY, X)
    np.testing.assert_array_equal(fn(KEY, once), X)
    mirrored = np.array([np.array_equal(a, b[:, ::-1]) for a, b in zip(once, X)])
    kept = np.array([np.array_equal(a, b) for a, b in zip(once, X)])
    assert np.all(mirrored ^ kept) and 16 < mirrored.sum() < 48


@pytest.mark.parametrize("spec,most", [("crop(pad=2)", 2), ("shift(pixels=1)", 1)])
def test_crop_is_a_translation_with_zeros_outside(spec, most):
    out = np.asarray(augmented(spec)(KEY, X))
    around = np.pad(X, ((0, 0), (most, most), (most, most), (0, 0)))
    offsets = [(i, j) for i in range(2 * most + 1) for j in range(2 * most + 1)]
    drawn = []
    for image, wide in zip(out, around):
        drawn += [at for at in offsets if np.array_equal(image, wide[at[0] : at[0] + 7, at[1] : at[1] + 6])]
    assert len(drawn) == len(X)
    assert len(set(drawn)) > len(offsets) / 2  # every image draws its own


def test_crop_flip_is_a_crop_then_a_flip():
    for_cut, for_mirror = jax.random.split(KEY)
    expected = augmented("flip")(for_mirror, augmented("crop(pad=2)")(for_cut, X))
    np.testing.assert_array_equal(augmented("crop_flip(pad=2)")(KEY, X), expected)


def test_negative_amounts_are_refused():
    for spec, fault in (("crop(pad=-1)", "pad must be"), ("shift(pixels=-1)", "pixels must be")):
        with pytest.raises(SpecError, match=fault):
            build(AUGMENTS, spec, "augment")


@pytest.mark.parametrize("spec", ["flip", "crop(pad=2)", "crop_flip", "shift"])
def test_labels_of_pixels_move_with_the_pixels(spec):
    marks = jnp.asarray(np.random.RandomState(1).randint(0, 9, (64, 7, 6)), jnp.int32)
    x, y = build(AUGMENTS, spec, "augment")(KEY, marks[..., None].astype(jnp.float32), marks)
    np.testing.assert_array_equal(x[..., 0], y.astype(jnp.float32))
    assert y.dtype == jnp.int32
