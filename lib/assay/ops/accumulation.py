"""The dtype that sums are taken in."""

import jax.numpy as jnp
from jax.typing import DTypeLike


def accumulator(dtype: DTypeLike) -> jnp.dtype:
    """float32 for 16-bit types, else the dtype itself: bfloat16 sums stop growing at 256 equal terms."""
    return jnp.dtype(dtype if jnp.finfo(dtype).bits >= 32 else jnp.float32)
