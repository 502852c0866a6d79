"""Batches go by address: (seed, epoch, step) alone decides them."""

from hypothesis import given, settings, strategies as st
import jax
import jax.numpy as jnp
import numpy as np

from assay.data import batches
from assay.data.dataset import Dataset, Split

order = jax.jit(batches.epoch_order, static_argnums=2)


def dataset(train=3000, validation=7, test=11, features=5):
    """x says which example it is: its row number in a data set of train, validation and test in a row."""
    number = np.arange(train + validation + test)
    x = np.repeat(number[:, None], features, 1).astype(np.float32)
    ends = (0, train, train + validation, train + validation + test)
    splits = [Split(x[a:b], (number[a:b] % 10).astype(np.int32)) for a, b in zip(ends, ends[1:])]
    mean, std = np.arange(features, dtype=np.float32), np.full(features, 2, np.float32)
    return Dataset("numbered", *splits, 10, mean, std, "row numbers", "0" * 64)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31 - 1), st.integers(0, 1000))
def test_an_epoch_visits_every_example_once(seed, epoch):
    found = order(np.int32(seed), np.int32(epoch), 97)
    np.testing.assert_array_equal(np.sort(found), np.arange(97))
    assert found.dtype == jnp.int32
    np.testing.assert_array_equal(found, order(np.int32(seed), np.int32(epoch), 97))


def test_every_epoch_and_every_seed_has_its_own_order():
    orders = [tuple(np.asarray(order(np.int32(s), np.int32(e), 50))) for s in range(6) for e in range(6)]
    assert len(set(orders)) == 36


def test_every_place_is_equally_likely():
    """4000 epochs of 8 examples: each is first 500 times, give or take five standard deviations of 21."""
    firsts = jax.vmap(lambda epoch: batches.epoch_order(3, epoch, 8)[0])(jnp.arange(4000))
    assert np.abs(np.bincount(firsts, minlength=8) - 500).max() < 105


def test_packed_seeds_have_the_orders_of_solo_seeds():
    stacked = jax.jit(jax.vmap(lambda seed: batches.epoch_order(seed, 2, 30)))(np.arange(5, dtype=np.int32))
    for seed in range(5):
        np.testing.assert_array_equal(stacked[seed], order(np.int32(seed), np.int32(2), 30))


def test_purposes_have_streams_of_their_own():
    purposes = (batches.INIT, batches.SHUFFLE, batches.AUGMENT, batches.DROPOUT, batches.EVALUATE, batches.EXAMINE)
    keys = [jax.random.key_data(batches.stream(seed, purpose)).tobytes() for seed in range(20) for purpose in purposes]
    assert len(set(keys)) == 120
    np.testing.assert_array_equal(
        jax.random.key_data(batches.stream(np.int32(4), 1)), jax.random.key_data(jax.jit(batches.stream)(4, 1))
    )


def test_pixels_and_features_are_normalised_per_channel():
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (40, 5, 6, 3)).astype(np.uint8)
    mean, std = (pixels / 255).mean((0, 1, 2)), (pixels / 255).std((0, 1, 2))
    found = batches.standardised(jnp.asarray(pixels), jnp.float32(mean), jnp.float32(std))
    assert found.dtype == jnp.float32 and found.shape == pixels.shape
    np.testing.assert_allclose(found, (pixels / 255 - mean) / std, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.mean((0, 1, 2)), 0, atol=1e-5)
    np.testing.assert_allclose(found.std((0, 1, 2)), 1, rtol=1e-4)
    features = random.normal(size=(20, 4)).astype(np.float32) * 3 + 7
    mean, std = features.mean(0), features.std(0)
    np.testing.assert_allclose(
        batches.standardised(jnp.asarray(features), mean, std), (features - mean) / std, rtol=1e-4, atol=1e-5
    )
    same = batches.standardised(jnp.asarray([[0.0, 255.0]]), jnp.zeros(2), jnp.ones(2))
    np.testing.assert_array_equal(same, [[0, 255]])  # float32 is not divided by 255
    symbols = jnp.asarray([[3, 250]], jnp.int32)
    assert batches.standardised(symbols, jnp.ones(2), jnp.ones(2)) is symbols  # no amounts
    np.testing.assert_allclose(batches.unit(jnp.asarray(pixels)), pixels / 255, rtol=1e-6)


def test_held_examples_are_curve_validation_test_in_a_row():
    data = batches.put_on_device(dataset())
    sizes = batches.held_sizes(dataset())
    np.testing.assert_array_equal(sizes, [batches.CURVE_EXAMPLES, 7, 11])
    expected = [*range(batches.CURVE_EXAMPLES), *range(3000, 3018)]
    np.testing.assert_array_equal(data.held.x[:, 0], expected)
    np.testing.assert_array_equal(data.held.y, np.array(expected) % 10)
    assert data.train.x.shape == (3000, 5) and len(data.held.y) == sizes.sum()


def test_a_small_training_split_is_held_whole():
    small = dataset(train=9, validation=0, test=3)
    np.testing.assert_array_equal(batches.held_sizes(small), [9, 0, 3])
    np.testing.assert_array_equal(batches.put_on_device(small).held.x[:, 0], range(12))


def test_pixels_stay_bytes_on_the_device():
    pixels = np.arange(10 * 4 * 4, dtype=np.uint8).reshape(10, 4, 4, 1)
    split = Split(pixels, np.zeros(10, np.int32))
    data = batches.put_on_device(Dataset("d", split, split, split, 2, np.zeros(1), np.ones(1), "", ""))
    assert data.train.x.dtype == data.held.x.dtype == jnp.uint8 and data.held.x.shape == (30, 4, 4, 1)
