"""Laws of the augmentations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from assay.data import AUGMENTS
from assay.data.batches import Shown
from assay.spec import build, SpecError

KEY = jax.random.key(7)
X = jnp.asarray(np.random.RandomState(0).rand(64, 7, 6, 3), jnp.float32) + 1  # no zero inside
LABELS = jnp.arange(64)
SHOWN = Shown(KEY, LABELS, jnp.int32(0))


def augmented(spec):
    """The images alone: labels of images stay."""

    def fn(key, x):
        x, y = build(AUGMENTS, spec, "augment")(key, x, LABELS, SHOWN)
        np.testing.assert_array_equal(y, LABELS)
        return x

    return fn


CHANGED = {"random_crop": "random_crop(size=5)", "chain": "chain(of='random_crop(size=5),flip')"}
SMOOTH = ("elastic", "gaussian_noise", "rotate", "target_noise")  # equal up to rounding where other code computes the same


@pytest.mark.parametrize(
    "spec,dtype",
    [*((CHANGED.get(name, name), jnp.float32) for name in sorted(AUGMENTS)), ("crop_flip", jnp.bfloat16)],
)
def test_shape_type_determinism_and_transforms(spec, dtype):
    made, x = build(AUGMENTS, spec, "augment"), X.astype(dtype)
    of_targets = spec == "target_noise"  # it changes y alone
    given = jnp.zeros((64, 1)) if of_targets else LABELS
    fn = lambda key, x: made(key, x, given, SHOWN._replace(key=key))[int(of_targets)]
    out = jax.jit(fn)(KEY, x)
    shape = given.shape if of_targets else (64, 5, 5, 3) if "size=5" in spec else x.shape
    assert out.shape == shape and out.dtype == x.dtype

    def assert_same(a, b):
        wide = (np.asarray(a, np.float32), np.asarray(b, np.float32))
        np.testing.assert_allclose(*wide, rtol=0, atol=1e-4 if spec.startswith(SMOOTH) else 0)

    assert_same(out, fn(KEY, x))
    if spec != "none":
        assert not np.array_equal(out, fn(jax.random.key(8), x))
    looped = jax.lax.fori_loop(0, 3, lambda i, _: fn(jax.random.fold_in(KEY, i), x), out)
    assert_same(looped, fn(jax.random.fold_in(KEY, 2), x))
    keys = jax.random.split(KEY, 3)
    packed = jax.vmap(fn, in_axes=(0, None))(keys, x)
    assert_same(packed, jnp.stack([fn(key, x) for key in keys]))


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


def test_alternating_flips_mirror_every_other_epoch_whatever_the_batch():
    fn = build(AUGMENTS, "alternating_flip", "augment")
    sides = []
    for epoch in range(4):
        order = np.random.RandomState(epoch).permutation(64)  # examples come in another order in every epoch
        x, _ = fn(jax.random.key(epoch), X[order], LABELS, Shown(KEY, jnp.asarray(order), jnp.int32(epoch)))
        mirrored = np.array([np.array_equal(a, b[:, ::-1]) for a, b in zip(x, X[order])])
        assert np.array_equal(x, np.where(mirrored[:, None, None, None], X[order][:, :, ::-1], X[order]))
        sides.append(mirrored[np.argsort(order)])
    assert 16 < sides[0].sum() < 48
    np.testing.assert_array_equal(sides, [sides[0], ~sides[0], sides[0], ~sides[0]])


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
    for spec, fault in (
        ("crop(pad=-1)", "pad must be"),
        ("shift(pixels=-1)", "pixels must be"),
        ("random_crop(size=0)", "size must be at least 1"),
        ("rotate(degrees=181.0)", "degrees must be"),
        ("elastic(std=-1.0)", "std must be"),
        ("elastic(grid=1)", "grid at least 2"),
        ("chain(of='flip,crop(pad=-1)')", "pad must be"),
        ("chain(of='flip,rotat')", "did you mean 'rotate'"),
    ):
        with pytest.raises(SpecError, match=fault):
            build(AUGMENTS, spec, "augment")


@pytest.mark.parametrize("spec", ["flip", "alternating_flip", "crop(pad=2)", "crop_flip", "shift", "random_crop(size=4)"])
def test_labels_of_pixels_move_with_the_pixels(spec):
    marks = jnp.asarray(np.random.RandomState(1).randint(0, 9, (64, 7, 6)), jnp.int32)
    x, y = build(AUGMENTS, spec, "augment")(KEY, marks[..., None].astype(jnp.float32), marks, SHOWN)
    np.testing.assert_array_equal(x[..., 0], y.astype(jnp.float32))
    assert y.dtype == jnp.int32


def test_a_random_crop_is_a_part_of_its_image():
    numbers = jnp.broadcast_to(LABELS[:, None, None], (64, 7, 6))
    x, y = build(AUGMENTS, "random_crop(size=5)", "augment")(KEY, X, numbers, SHOWN)
    np.testing.assert_array_equal(y[:, 0, 0], LABELS)
    drawn = set()
    for image, part in zip(np.asarray(X), np.asarray(x)):
        drawn |= {(i, j) for i in range(3) for j in range(2) if np.array_equal(part, image[i : i + 5, j : j + 5])}
    assert drawn == {(i, j) for i in range(3) for j in range(2)}
    with pytest.raises(ValueError, match=r"random_crop\(size=7\) is larger than the images, 7x6"):
        build(AUGMENTS, "random_crop(size=7)", "augment")(KEY, X, LABELS, SHOWN)


@pytest.mark.parametrize("spec", ["elastic(std=2.0)", "rotate"])
def test_smooth_motions_move_labels_to_the_nearest_pixel(spec):
    """The image is its own column number, so what a pixel shows says where it came from."""
    columns, fn = jnp.broadcast_to(jnp.arange(16)[None, None], (8, 16, 16)), build(AUGMENTS, spec, "augment")
    x, y = jax.jit(fn)(KEY, columns[..., None].astype(jnp.float32), columns, SHOWN)
    assert jax.eval_shape(fn, KEY, columns[..., None].astype(jnp.bfloat16), columns, SHOWN)[0].dtype == jnp.bfloat16
    assert y.dtype == jnp.int32 and 0 <= y.min() and y.max() <= 15
    assert np.abs(np.asarray(x[..., 0]) - np.asarray(y)).max() <= 0.5 + 1e-3
    assert np.abs(np.asarray(x[..., 0]) - np.asarray(columns)).mean() > 1
    assert np.asarray(x).std(axis=0).mean() > 1  # every image draws its own
    steps = np.abs(np.diff(np.asarray(x[..., 0]), axis=2))
    assert steps.max() < 4  # smooth: neighbours stay neighbours


def test_no_angle_and_no_displacement_are_the_identity():
    for spec in ("rotate(degrees=0.0)", "elastic(std=0.0)"):
        np.testing.assert_allclose(augmented(spec)(KEY, X), X, atol=1e-5)


def test_a_rotation_is_scipys(monkeypatch):
    from scipy import ndimage

    monkeypatch.setattr(jax.random, "uniform", lambda key, shape, minval: jnp.full(shape, 0.5, jnp.float32))
    turned = augmented("rotate(degrees=60.0)")(KEY, X)
    expected = ndimage.rotate(np.asarray(X), -30, axes=(2, 1), reshape=False, order=1, mode="mirror")
    np.testing.assert_allclose(turned, expected, atol=1e-4)


def test_a_chain_is_one_after_the_other():
    of = ["random_crop(size=5)", "flip"]
    expected = X
    for i, spec in enumerate(of):
        expected = augmented(spec)(jax.random.fold_in(KEY, i), expected)
    np.testing.assert_array_equal(augmented(f"chain(of='{','.join(of)}')")(KEY, X), expected)
