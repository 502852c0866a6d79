"""Batches as a pure function of (seed, epoch, step), from a data set that lies in device memory as it was stored.

A run depends on its own seed alone, not on its neighbours or on being resumed; and the same seed gives every arm
the same batches (common random numbers), which is what makes a comparison of two arms paired.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from assay.data.dataset import Dataset, Split

# Purposes of a run's random numbers; each gets its own stream by fold_in(key(seed), purpose).
INIT, SHUFFLE, AUGMENT, DROPOUT, EVALUATE, EXAMINE = range(6)


# Learning curves measure the training error on this many of the training examples.
CURVE_EXAMPLES = 2000


class DeviceData(NamedTuple):
    """A data set on the device, in the types it was stored in.

    Attributes:
      train: the training split.
      held: what is evaluated, one after the other: the training examples of learning curves, validation, test.
      mean, std: of `assay.data.Dataset`.
    """

    train: Split
    held: Split
    mean: jax.Array
    std: jax.Array


class Shown(NamedTuple):
    """Which examples a batch is made of.

    Attributes:
      key: of the whole run's augmentation.
      index: int32 `[B]`, their places in the training split.
      epoch: int32, from 0.
    """

    key: jax.Array
    index: jax.Array
    epoch: jax.Array


# (key, x, y, shown) -> (x, y): what is done to a batch before the step learns from it.
Augment = Callable[[jax.Array, jax.Array, jax.Array, Shown], tuple[jax.Array, jax.Array]]


def stream(seed: jax.Array | int, purpose: int) -> jax.Array:
    """The key of one purpose of one run."""
    return jax.random.fold_in(jax.random.key(seed), purpose)


def held_sizes(dataset: Dataset) -> np.ndarray:
    """How many examples of `DeviceData.held` are of the learning curves, of validation and of test."""
    return np.array([min(CURVE_EXAMPLES, len(dataset.train.y)), len(dataset.validation.y), len(dataset.test.y)])


def put_on_device(dataset: Dataset) -> DeviceData:
    """Copies a data set to the default device."""
    return jax.device_put(on_host(dataset))


def on_host(dataset: Dataset) -> DeviceData:
    """A data set as it is to lie on devices."""
    curve = Split(dataset.train.x[:CURVE_EXAMPLES], dataset.train.y[:CURVE_EXAMPLES])
    held = Split(*(np.concatenate(arrays) for arrays in zip(curve, dataset.validation, dataset.test)))
    return DeviceData(dataset.train, held, dataset.mean, dataset.std)


def epoch_order(seed: jax.Array, epoch: jax.Array, examples: int) -> jax.Array:
    """The order of one epoch: a permutation `[examples]` of int32."""
    return jax.random.permutation(jax.random.fold_in(stream(seed, SHUFFLE), epoch), examples)


def unit(x: jax.Array) -> jax.Array:
    """Stored values as they are, but uint8 as float32 from 0 to 1."""
    return x.astype(jnp.float32) / 255 if x.dtype == jnp.uint8 else x


def standardised(x: jax.Array, mean: jax.Array, std: jax.Array) -> jax.Array:
    """Stored values (uint8 counts as 0..1) to float32 of mean 0 and variance 1 per channel; shape unchanged.

    int32 holds symbols, not amounts (characters, seeds), and stays as it is.
    """
    x = unit(x)
    if jnp.issubdtype(x.dtype, jnp.integer):
        return x
    shape = (1,) * (x.ndim - 1) + (-1,)
    return (x - mean.reshape(shape)) / std.reshape(shape)
