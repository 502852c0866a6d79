"""Mean-field theory of wide random networks: how signals, their correlations and gradients travel through depth.

Weights are N(0, sigma_w2 / fan_in), biases N(0, sigma_b2) (the initialiser `meanfield`). In the limit of wide layers,
pre-activations are Gaussian with a variance q that each layer maps to the next (Poole et al. 2016), and a gradient's
second moment is multiplied by chi_1 at each (Schoenholz et al. 2017): below 1 the network is ordered and gradients
vanish, above 1 it is chaotic and they explode.
"""

from collections.abc import Callable
import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
from scipy import optimize

from assay.activations import quadrature

Function = Callable[[jax.Array], jax.Array]

NODES = 160  # of a Gauss-Hermite rule on either axis of a correlation
TOLERANCE = 1e-7  # relative, of a fixed point: near float32's
LARGEST = 1e12


def square(fn: Function, q: float) -> float:
    """E[f(z)^2], z ~ N(0, q)."""
    return _under_gauss(fn, q)[0]


def slope_square(fn: Function, q: float) -> float:
    """E[f'(z)^2], z ~ N(0, q)."""
    return _under_gauss(fn, q)[1]


def variance(fn: Function, sigma_w2: float, sigma_b2: float, start: float = 1.0) -> float:
    """q*: the variance of pre-activations deep in the network, iterated from `start`; inf if it grows without bound.

    Raises:
      ValueError: no fixed point within 10,000 layers (at a critical point without biases the way there is endless).
    """
    q = start
    for _ in range(10_000):
        following = sigma_w2 * square(fn, q) + sigma_b2
        if abs(following - q) <= TOLERANCE * max(q, following):
            return following
        if following > LARGEST:
            return math.inf
        q = following
    raise ValueError(f"no fixed point of the variance at sigma_w2 = {sigma_w2:g}, sigma_b2 = {sigma_b2:g}")


def chi(fn: Function, sigma_w2: float, sigma_b2: float) -> float:
    """chi_1 = sigma_w2 E[f'(z)^2] at q*: the factor on a gradient's second moment at every layer."""
    return sigma_w2 * slope_square(fn, variance(fn, sigma_w2, sigma_b2))


def gradient_depth(chi_1: float) -> float:
    """Layers over which a gradient's second moment changes by a factor of e: 1 / |log chi_1|; inf at chi_1 = 1."""
    return math.inf if chi_1 == 1 else 1 / abs(math.log(chi_1))


def critical_sigma_w2(fn: Function, sigma_b2: float, low: float = 0.5, high: float = 6.0) -> float:
    """The edge of chaos: sigma_w2 with chi_1 = 1.

    Raises:
      ValueError: chi_1 - 1 has one sign at `low` and `high`.
    """
    return float(optimize.brentq(lambda s: chi(fn, s, sigma_b2) - 1, low, high, xtol=1e-5))


def correlation(fn: Function, sigma_w2: float, sigma_b2: float) -> float:
    """c*: the correlation of two inputs' pre-activations deep in the network; 1 where it is ordered."""
    q = variance(fn, sigma_w2, sigma_b2)
    if sigma_w2 * slope_square(fn, q) <= 1:
        return 1.0  # the stable fixed point
    following = lambda c: (sigma_w2 * _product(fn, q, c) + sigma_b2) / q
    return float(optimize.brentq(lambda c: following(c) - c, 0.0, 1 - 1e-6))


def correlation_depth(fn: Function, sigma_w2: float, sigma_b2: float) -> float:
    """xi_c: layers over which a difference of two inputs' correlation from c* shrinks by a factor of e.

    Information about the input reaches about 6 xi_c layers (Schoenholz et al. 2017, section 3 and figure 5).
    """
    q, c = variance(fn, sigma_w2, sigma_b2), correlation(fn, sigma_w2, sigma_b2)
    factor = slope_square(fn, q) if c == 1 else _product(lambda x: _with_slope(fn, x)[1], q, c)
    return gradient_depth(sigma_w2 * factor)


def _under_gauss(fn: Function, q: float) -> tuple[float, float]:
    z, weights = quadrature()
    value, slope = _with_slope(fn, jnp.asarray(math.sqrt(q) * z, jnp.float32))
    return tuple(float(weights @ np.square(array, dtype=np.float64)) for array in (value, slope))


@functools.partial(jax.jit, static_argnums=0)
def _with_slope(fn: Function, x: jax.Array) -> tuple[jax.Array, jax.Array]:
    return jax.jvp(fn, (x,), (jnp.ones_like(x),))


def _product(fn: Function, q: float, c: float) -> float:
    """E[f(z1) f(z2)], both of variance q and of correlation c."""
    nodes, weights = _gauss_hermite()
    z1 = math.sqrt(q) * nodes[:, None]
    z2 = math.sqrt(q) * (c * nodes[:, None] + math.sqrt(1 - c * c) * nodes)
    first, second = (np.asarray(fn(jnp.asarray(z.ravel(), jnp.float32)), np.float64) for z in (z1, z2))
    return float(weights @ (first[:, None] * second.reshape(NODES, NODES)) @ weights)


@functools.cache
def _gauss_hermite() -> tuple[np.ndarray, np.ndarray]:
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    return nodes, weights / weights.sum()
