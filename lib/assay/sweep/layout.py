"""Layout: where the arrays of a pack lie, when there are several devices to spread them over."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
import numpy as np

AXIS = "devices"  # of every mesh here: all devices in a row


class Layout(NamedTuple):
    """Shardings; None is the default device.

    Attributes:
      trials: of what belongs to a trial, such as its Carry.
      shared: of what all trials read, such as the data set.
      batch: of the examples of a batch, by their first axis; None where every device has them all.
    """

    trials: NamedSharding | None = None
    shared: NamedSharding | None = None
    batch: NamedSharding | None = None


def layout(mapping: str, devices: Sequence[jax.Device] | None = None) -> Layout:
    """The layout of a mapping of assay.sweep.pack.

    Args:
      devices: to spread over; by default those of this process for "shard", those of all processes for "data".
    """
    if mapping not in ("shard", "data"):
        return Layout()
    if devices is None:
        devices = jax.local_devices() if mapping == "shard" else jax.devices()
    mesh = Mesh(np.array(devices), (AXIS,))
    split, whole = NamedSharding(mesh, PartitionSpec(AXIS)), NamedSharding(mesh, PartitionSpec())
    return Layout(split, whole) if mapping == "shard" else Layout(whole, whole, split)


def put(tree: Any, sharding: NamedSharding | None) -> Any:
    """Arrays of the host, or of a device, as the sharding has them; every process gives the same whole arrays."""
    if sharding is None:
        return jax.device_put(tree)
    if sharding.is_fully_addressable:
        return jax.device_put(tree, sharding)
    return jax.tree.map(lambda leaf: _put_by_all(leaf, sharding), tree)


def _put_by_all(leaf: Any, sharding: NamedSharding) -> jax.Array:
    # device_put would send whole arrays round to see that all processes mean the same.
    if isinstance(leaf, jax.Array) and leaf.sharding == sharding:
        return leaf
    if jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        words = _put_by_all(jax.random.key_data(leaf), sharding)
        return jax.random.wrap_key_data(words, impl=jax.random.key_impl(leaf))
    return jax.make_array_from_process_local_data(sharding, np.asarray(leaf), leaf.shape)
