"""What an initialiser is, and how a plain JAX initialiser becomes one."""

from collections.abc import Callable, Sequence
import inspect
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

Sampler = Callable[[jax.Array, Sequence[int], Any], jax.Array]


def zeros(key: jax.Array, shape: Sequence[int], dtype: Any = jnp.float32) -> jax.Array:
    """The bias of almost every initialiser."""
    return jax.nn.initializers.zeros(key, shape, dtype)


class Initializer(NamedTuple):
    """How a layer's kernel and bias begin: pure functions of (key, shape, dtype).

    Attributes:
      kernel: kernel for the shape (in, out), or (height, width, in / groups, out) of a convolution.
      bias: bias for the shape (out,).
      use_gain: whether the kernel is to be multiplied by the activation's gain.
      adjust: data-dependent second step, `adjust(preactivations, params, x) -> params`, where
        `preactivations(params)` runs the model on the batch x and returns for every layer, in forward order,
        the path of its kernel inside params (tuple of str) and its pre-activation.
    """

    kernel: Sampler
    bias: Sampler = zeros
    use_gain: bool = False
    adjust: Callable[[Callable[[Any], list], Any, jax.Array], Any] | None = None


def split_shape(shape: Sequence[int]) -> tuple[tuple[int, ...], int, int]:
    """(window, inputs, outputs) of a kernel: ((), in, out) or ((height, width), in / groups, out).

    Raises:
      ValueError: not the shape of a kernel.
    """
    if len(shape) < 2:
        raise ValueError(f"a kernel is (in, out) or (height, width, in / groups, out), not {tuple(shape)}")
    return tuple(shape[:-2]), shape[-2], shape[-1]


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """(fan_in, fan_out): (in, out), each times height x width for a convolution."""
    window, inputs, outputs = split_shape(shape)
    return math.prod(window) * inputs, math.prod(window) * outputs


def flat_normal(key: jax.Array, shape: Sequence[int], dtype: Any) -> jax.Array:
    """`jax.random.normal`, drawn flat: the same values, but XLA is many times slower to compile 4-D draws."""
    return jax.random.normal(key, (math.prod(shape),), dtype).reshape(shape)


def sampled(draw: Sampler) -> Sampler:
    """Draws in float32 at least and rounds to the type asked for.

    So a bfloat16 kernel is the rounded float32 kernel of the same key. JAX's own bfloat16 normals take 128
    values from -2.89 to 2.52 with mean -0.012, and its QR decomposition knows no bfloat16.
    """

    def sampler(key: jax.Array, shape: Sequence[int], dtype: Any = jnp.float32) -> jax.Array:
        wide = dtype if jnp.finfo(dtype).bits >= 32 else jnp.float32
        return draw(key, tuple(shape), wide).astype(dtype)

    return sampler


def as_initializer(value: Initializer | Sampler) -> Initializer:
    """An Initializer as it is; a plain `init(key, shape, dtype) -> kernel`, as JAX's are, with zero biases.

    Raises:
      ValueError: neither of the two; in the kernel, a result that has not the shape asked for.
    """
    if isinstance(value, Initializer):
        return value
    name = getattr(value, "__name__", repr(value))
    wanted = "an initializer is an Initializer or a function of (key, shape, dtype)"
    if not callable(value):
        raise ValueError(f"{wanted}, not {value!r}")
    try:
        inspect.signature(value).bind(None, None, None)
    except TypeError:
        raise ValueError(f"{wanted}; {name} takes others: is it a constructor, as in {name}()?") from None

    def kernel(key: jax.Array, shape: Sequence[int], dtype: Any = jnp.float32) -> jax.Array:
        result = value(key, shape, dtype)
        if callable(result):
            raise ValueError(f"initializer {name} is a constructor; write {name}()")
        if jnp.shape(result) != tuple(shape):
            raise ValueError(f"initializer {name} must return shape {tuple(shape)}, not {jnp.shape(result)}")
        return result

    return Initializer(kernel)
