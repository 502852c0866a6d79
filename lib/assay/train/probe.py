"""Per-layer statistics of a network at one step: what Glorot & Bengio 2010 (figures 2-8) and He et al. 2015 plot."""

from collections.abc import Callable, Iterable, Mapping, Sequence
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from assay.activations import Activation
from assay.models import path
from assay.tasks import Signals

# A unit is saturated where its slope is below this share of the steepest slope of its activation.
SATURATED_SLOPE = 0.1


def statistics(signals: Signals, before: Any, after: Any, activation: Activation) -> dict[str, jax.Array]:
    """Statistics by layer, in forward order.

    Args:
      signals: of one batch.
      before, after: parameters around the update on that batch.

    Returns:
      For the L nonlinearities, `[L]` each: `activation_mean`, `activation_std`; `saturated`: share of (example, unit)
      pairs with |f'| < 0.1 max|f'|; `dead`: share of units for which that holds on every example of the batch;
      `gradient_std`: of the batch loss's gradient by the pre-activation; `gradient_ratio`: its variance over that of
      the next layer (the last is NaN). For the K dense and convolution kernels, `[K]` each:
      `weight_gradient_norm` and `update_ratio` |dw|/|w|.
    """
    names = sorted(signals.output.activations)
    activations = [signals.output.activations[name].astype(jnp.float32) for name in names]
    gradients = [signals.preactivation_gradients[name].astype(jnp.float32) for name in names]
    flat = [_is_flat(activation, _coefficients(before, name), signals.output.preactivations[name]) for name in names]
    gradient_std = _vector(_scaled(jnp.std, g) for g in gradients)
    return {
        "activation_mean": _vector(jnp.mean(a) for a in activations),
        "activation_std": _vector(_scaled(jnp.std, a) for a in activations),
        "saturated": _vector(jnp.mean(f.astype(jnp.float32)) for f in flat),
        "dead": _vector(jnp.mean(_always(f).astype(jnp.float32)) for f in flat),
        "gradient_std": gradient_std,
        "gradient_ratio": jnp.square(gradient_std / jnp.append(gradient_std[1:], jnp.nan)),
        **_kernel_statistics(signals, before, after),
    }


def summary(probed: Mapping[str, Sequence[float | None]]) -> dict[str, float]:
    """`statistics` of one step in four numbers, each lower where the network is healthier; NaN where there is none.

    `signal_slope` and `gradient_slope`: by how many powers of ten a layer changes the standard deviation of the
    activations on their way up, and of the gradients on their way down, whether they vanish or explode (two layers or
    more); `saturated` and `dead`: mean over the layers.
    """
    return {
        "signal_slope": _slope(probed["activation_std"]),
        "gradient_slope": _slope(probed["gradient_std"]),
        "saturated": _mean(probed["saturated"]),
        "dead": _mean(probed["dead"]),
    }


SUMMARY = ("signal_slope", "gradient_slope", "saturated", "dead")


def _slope(by_layer: Sequence[float | None]) -> float:
    if len(by_layer) < 2 or not all(by_layer[i] for i in (0, -1)):  # None was no finite number; log10(0) is none
        return math.nan
    return abs(math.log10(by_layer[-1] / by_layer[0])) / (len(by_layer) - 1)


def _mean(by_layer: Sequence[float | None]) -> float:
    return math.nan if not by_layer or None in by_layer else sum(by_layer) / len(by_layer)


def layer_names(signals: Signals) -> dict[str, list[str]]:
    """Names of the nonlinearities ("layer") and kernels ("kernel") of `statistics`, in forward order."""
    return {
        "layer": ["/".join(path(name)) for name in sorted(signals.output.activations)],
        "kernel": ["/".join(path(name)) for name in sorted(signals.output.linear)],
    }


def _kernel_statistics(signals: Signals, before: Any, after: Any) -> dict[str, jax.Array]:
    paths = [(*path(name), "kernel") for name in sorted(signals.output.linear)]
    kernels = [(_at(before, p), _at(after, p)) for p in paths]
    return {
        "weight_gradient_norm": _vector(_norm(_at(signals.gradients, p)) for p in paths),
        "update_ratio": _vector(_ratio(_norm(new - old), _norm(old)) for old, new in kernels),
    }


def _norm(x: jax.Array) -> jax.Array:
    return _scaled(jnp.linalg.norm, x.ravel())


def _scaled(homogeneous: Callable[[jax.Array], jax.Array], x: jax.Array) -> jax.Array:
    """`homogeneous(x)`; the squares of float32 below 1e-19, which vanishing gradients reach, would be 0."""
    scale = jnp.max(jnp.abs(x))
    scale = jnp.where(scale > 0, scale, 1)
    return homogeneous(x / scale) * scale


def _vector(scalars: Iterable[jax.Array]) -> jax.Array:
    return jnp.array([*scalars], jnp.float32)


def _ratio(a: jax.Array, b: jax.Array) -> jax.Array:
    return jnp.where(b > 0, a / b, jnp.nan)


def _at(tree: Mapping[str, Any], names: Sequence[str]) -> Any:
    for name in names:
        tree = tree[name]
    return tree


def _coefficients(params: Any, name: str) -> Any:
    """Learnt coefficients of the activation called `name`, if it has any."""
    here = params
    for part in path(name):
        if part not in here:
            return None
        here = here[part]
    return here["coefficients"]


def _is_flat(activation: Activation, coefficients: Any, preactivation: jax.Array) -> jax.Array:
    """Where the slope of the activation is small: bool, in the shape of the pre-activation."""
    fn = activation.fn if coefficients is None else lambda z: activation.fn(z, coefficients)
    z = preactivation.astype(jnp.float32)
    slope = jax.grad(lambda z: jnp.sum(fn(z)))(z)
    channels = z.shape[-1]
    grid = jnp.asarray(np.linspace(-5, 5, 201, dtype=np.float32)[:, None] * np.ones((1, channels), np.float32))
    steepest = jnp.max(jnp.abs(jax.grad(lambda z: jnp.sum(fn(z)))(grid)), axis=0)  # [C]: prelu learns each its own
    return jnp.abs(slope) < SATURATED_SLOPE * steepest.reshape((1,) * (z.ndim - 1) + (channels,))


def _always(flat: jax.Array) -> jax.Array:
    """Units (last axis) that are flat on every example and position: bool `[channels]`."""
    return jnp.all(flat.reshape(-1, flat.shape[-1]), axis=0)
