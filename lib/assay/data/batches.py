"""Batches as a pure function of (seed, epoch, step), from a data set that lies in device memory as it was stored.

A run depends on its own seed alone, not on its neighbours or on being resumed; and the same seed gives every arm
the same batches (common random numbers), which is what makes a comparison of two arms paired.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from assay.data.dataset import Dataset, Split

# Purposes of a run's random numbers; each gets its own stream by fold_in(key(seed), purpose).
INIT, SHUFFLE, AUGMENT, DROPOUT = range(4)


class DeviceData(NamedTuple):
    """A data set on the device. `curve_x` and `curve_y` are the training examples that learning curves use."""

    train: Split
    curve: Split
    validation: Split
    test: Split
    mean: jax.Array
    std: jax.Array


def stream(seed: jax.Array | int, purpose: int) -> jax.Array:
    """The key of one purpose of one run."""
    return jax.random.fold_in(jax.random.key(seed), purpose)


def put_on_device(dataset: Dataset, curve_examples: int) -> DeviceData:
    """Copies a data set to the default device, unchanged in type."""
    head = Split(dataset.train.x[:curve_examples], dataset.train.y[:curve_examples])
    std = np.where(dataset.std > 0, dataset.std, 1.0)
    return jax.device_put(
        DeviceData(
            train=dataset.train,
            curve=head,
            validation=dataset.validation,
            test=dataset.test,
            mean=np.asarray(dataset.mean, np.float32),
            std=np.asarray(std, np.float32),
        )
    )


def epoch_order(seed: jax.Array, epoch: jax.Array, examples: int) -> jax.Array:
    """The order of one epoch: a permutation `[examples]` of int32."""
    return jax.random.permutation(jax.random.fold_in(stream(seed, SHUFFLE), epoch), examples)


def normalise(x: jax.Array, mean: jax.Array, std: jax.Array) -> jax.Array:
    """Stored values (uint8 counts as 0..1) to float32 of mean 0 and variance 1 per channel; shape unchanged."""
    x = x.astype(jnp.float32) / 255 if x.dtype == jnp.uint8 else x
    shape = (1,) * (x.ndim - 1) + (-1,)
    return (x - mean.reshape(shape)) / std.reshape(shape)
