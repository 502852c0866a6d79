"""Independent weights of a chosen variance.

Normal kernels are plain Gaussians, as in the papers (JAX's own he_normal and its kin are cut off at two
standard deviations and widened to the same variance). fan_in = in, or height x width x in / groups;
fan_out = out, or height x width x out, for groups do not show in a kernel's shape. Biases are 0 unless said.
"""

from collections.abc import Callable, Sequence
import math
from typing import Any

import jax

from assay.initializers.initializer import fans, flat_normal, Initializer, Sampler, sampled


def _normal(variance: Callable[[int, int], float]) -> Sampler:
    def draw(key: jax.Array, shape: Sequence[int], dtype: Any) -> jax.Array:
        return flat_normal(key, shape, dtype) * math.sqrt(variance(*fans(shape)))

    return sampled(draw)


def _uniform(variance: Callable[[int, int], float]) -> Sampler:
    def draw(key: jax.Array, shape: Sequence[int], dtype: Any) -> jax.Array:
        limit = math.sqrt(3 * variance(*fans(shape)))
        return jax.random.uniform(key, (math.prod(shape),), dtype, -limit, limit).reshape(shape)

    return sampled(draw)


def _positive(name: str, value: float) -> None:
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be a finite number > 0, not {value!r}")


def uniform(m: float) -> Initializer:
    """U(-m, m), whatever the layer's size.

    Raises:
      ValueError: m not positive and finite.
    """
    _positive("m", m)
    return Initializer(_uniform(lambda fan_in, fan_out: m**2 / 3))


def normal(std: float) -> Initializer:
    """N(0, std^2), whatever the layer's size; 0.01 in Krizhevsky et al. 2012.

    Raises:
      ValueError: std not positive and finite.
    """
    _positive("std", std)
    return Initializer(_normal(lambda fan_in, fan_out: std**2))


def uniform_fan_in() -> Initializer:
    """U(-r, r), r = 1 / sqrt(fan_in), variance 1 / (3 fan_in): heuristic of Glorot & Bengio 2010, eq. 1."""
    return Initializer(_uniform(lambda fan_in, fan_out: 1 / (3 * fan_in)))


def glorot_uniform() -> Initializer:
    """U(-r, r), r = sqrt(6 / (fan_in + fan_out)): normalized init (Glorot & Bengio 2010, eq. 16)."""
    return Initializer(_uniform(lambda fan_in, fan_out: 2 / (fan_in + fan_out)))


def glorot_normal() -> Initializer:
    """N(0, 2 / (fan_in + fan_out)) (Glorot & Bengio 2010, eq. 12)."""
    return Initializer(_normal(lambda fan_in, fan_out: 2 / (fan_in + fan_out)))


def lecun_normal() -> Initializer:
    """N(0, 1 / fan_in) (LeCun et al. 1998, Efficient BackProp, eq. 16; Klambauer et al. 2017 for SELU)."""
    return Initializer(_normal(lambda fan_in, fan_out: 1 / fan_in))


def he_normal() -> Initializer:
    """N(0, 2 / fan_in): variance, not standard deviation (He et al. 2015, eq. 10)."""
    return Initializer(_normal(lambda fan_in, fan_out: 2 / fan_in))


def he_uniform() -> Initializer:
    """U(-r, r) with r = sqrt(6 / fan_in): the variance 2 / fan_in of He et al. 2015, eq. 10."""
    return Initializer(_uniform(lambda fan_in, fan_out: 2 / fan_in))


def he_variance_misread() -> Initializer:
    """N(0, sqrt(2 / fan_in)) with that root taken as the *variance*: he_normal misread.

    A lecture deck prints N(0, sqrt(2 / n)) beside Normal(0, s^2). As a variance the root is sqrt(fan_in / 2)
    times too large: a ReLU layer of 200 inputs multiplies the signal's variance by 10. Kept as an ablation.
    """
    return Initializer(_normal(lambda fan_in, fan_out: math.sqrt(2 / fan_in)))


def meanfield(sigma_w2: float, sigma_b2: float) -> Initializer:
    """Kernels N(0, sigma_w2 / fan_in), biases N(0, sigma_b2) (Poole et al. 2016; Schoenholz et al. 2017).

    tanh networks with sigma_b2 = 0.05 are critical at sigma_w2 = 1.76.

    Raises:
      ValueError: sigma_w2 not positive, sigma_b2 negative, or one not finite.
    """
    _positive("sigma_w2", sigma_w2)
    if not 0 <= sigma_b2 < math.inf:
        raise ValueError(f"sigma_b2 must be a finite number >= 0, not {sigma_b2!r}")
    bias = sampled(jax.nn.initializers.normal(math.sqrt(sigma_b2)))
    return Initializer(_normal(lambda fan_in, fan_out: sigma_w2 / fan_in), bias)
