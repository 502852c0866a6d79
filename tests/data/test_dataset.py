"""Splitting, moments and fingerprints."""

from hypothesis import given, settings, strategies
import numpy as np
import pytest

from assay.data.dataset import complete, DataError, fingerprint, hold_out, moments, Parts, Split


def numbered(labels: list[int]) -> Split:
    return Split(np.arange(len(labels), dtype=np.float32)[:, None], np.array(labels, np.int32))


@settings(deadline=None, max_examples=50)
@given(strategies.lists(strategies.integers(0, 4), min_size=1, max_size=60), strategies.data())
def test_hold_out_divides_without_loss_in_proportion(labels, draw):
    count = draw.draw(strategies.integers(0, len(labels)))
    split = numbered(labels)
    kept, held = hold_out(split, count)
    assert len(held.y) == count
    np.testing.assert_array_equal(np.sort(np.concatenate([kept.x, held.x]), axis=0), split.x)
    for part in (kept, held):
        np.testing.assert_array_equal(split.y[part.x[:, 0].astype(int)], part.y)
    share = np.bincount(labels) * count / len(labels)
    assert np.abs(np.bincount(held.y, minlength=len(share)) - share).max() < 1


def test_hold_out_does_not_keep_a_class_sorted_order():
    kept, held = hold_out(numbered([0] * 500 + [1] * 500), 100)
    assert 0.3 < kept.y[:100].mean() < 0.7 and 0.1 < held.y[:20].mean() < 0.9


@pytest.mark.parametrize("shape", [(50, 6, 5, 3), (40, 7)])
def test_moments_agree_with_numpy(shape):
    random = np.random.RandomState(0)
    axes = tuple(range(len(shape) - 1))
    x = random.randint(0, 256, shape).astype(np.uint8)
    for data, scaled in ((x, x / 255), (x.astype(np.float32), x.astype(np.float64))):
        mean, std = moments(data)
        assert mean.dtype == std.dtype == np.float32 and mean.shape == shape[-1:]
        np.testing.assert_allclose(mean, scaled.mean(axes), rtol=1e-6)
        np.testing.assert_allclose(std, scaled.std(axes), rtol=1e-6)


def test_a_constant_feature_has_std_one():
    mean, std = moments(np.array([[1, 5], [3, 5]], np.float32))
    np.testing.assert_array_equal(mean, [2, 5])
    np.testing.assert_array_equal(std, [1, 1])


def test_fingerprint_sees_every_array_and_its_type():
    parts = [numbered([0, 1, 2]), numbered([1, 0]), numbered([2, 2])]
    seen = [fingerprint(*parts), fingerprint(parts[1], parts[0], parts[2])]
    for i, (x, y) in enumerate(parts):
        for changed in (Split(x + 1, y), Split(x, 2 - y), Split(x.astype(np.float64), y), Split(x.T, y)):
            seen.append(fingerprint(*parts[:i], changed, *parts[i + 1 :]))
    assert len(seen) == len(set(seen)) == 14


def test_sets_too_small_to_split_are_refused():
    with pytest.raises(DataError, match="validation split would be empty"):
        complete("tiny", Parts(numbered([0, 1, 0]), None, numbered([0]), 2, ""))
