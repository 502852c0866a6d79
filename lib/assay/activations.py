"""Activations: the nonlinearity of a layer with the gain that its initialisation needs.

The gain of f is sqrt(1 / E[f'(z)^2]) under z ~ N(0, 1): weights of variance gain^2 / fan_in keep the variance
of a back-propagated gradient from layer to layer. `lecun_tanh` and `selu` keep the gain 1 that their sources
design them for. Tables of 1 / sqrt(E[f(z)^2]), which keeps the forward second moment instead, agree for relu
and for no other function here (tanh 1.5925 against 1.4674); `moments` gives both expectations.

Every `fn` works in the type of its argument, and its values and gradients stay finite for |x| <= 1e4.
"""

from collections.abc import Callable
import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np


class Activation(NamedTuple):
    """A nonlinearity.

    Attributes:
      fn: `fn(x) -> y`; with `init`, `fn(x, params) -> y`. Elementwise on [..., features], except that with
        pieces > 1 it maps [..., pieces * features] (piece-major) to [..., features].
      gain: factor on weights of variance 1 / fan_in, see the module.
      pieces: how many times more channels than it returns `fn` takes.
      init: `init(features) -> params`, learnable parameters for that many channels, float32; None if none.
    """

    fn: Callable[..., jax.Array]
    gain: float
    pieces: int = 1
    init: Callable[[int], dict[str, jax.Array]] | None = None


class Moments(NamedTuple):
    """Expectations under z ~ N(0, 1): E[f(z)^2] and E[f'(z)^2]."""

    square: float
    slope_square: float


@functools.cache
def quadrature() -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Legendre nodes and their weights under N(0, 1), in panels that meet at multiples of 1/32."""
    nodes, weights = np.polynomial.legendre.leggauss(8)
    z = (np.arange(-12, 12, 1 / 32)[:, None] + (nodes + 1) / 64).ravel()
    return z, np.exp(-z * z / 2) / math.sqrt(2 * math.pi) * np.tile(weights, 24 * 32) / 64


def moments(fn: Callable[[jax.Array], jax.Array]) -> Moments:
    """E[f(z)^2] and E[f'(z)^2] of an elementwise function, z ~ N(0, 1).

    To float32 precision for smooth functions and for kinks at multiples of 1/32; a kink elsewhere costs at
    most 3e-3 of its jump in f'^2.

    Raises:
      ValueError: fn does not map one floating point array elementwise.
    """
    name = getattr(fn, "__name__", repr(fn))
    z, weights = quadrature()
    with jax.ensure_compile_time_eval():  # concrete numbers even while a model is being traced
        x = jnp.asarray(z, jnp.result_type(float))
        try:
            y, slope = jax.jvp(fn, (x,), (jnp.ones_like(x),))
            half = fn(x[::2])
        except (TypeError, ValueError) as error:
            line = str(error).partition("\n")[0]
            raise ValueError(f"activation {name} must map one array to one like it: {line}") from error
        y, slope, half = np.asarray(y), np.asarray(slope), np.asarray(half)
    if y.shape != z.shape or not np.allclose(y[::2], half, rtol=1e-4, atol=1e-6, equal_nan=True):
        raise ValueError(f"activation {name} must be elementwise: every output may depend on one input only")
    return Moments(float(weights @ np.square(y, dtype=float)), float(weights @ np.square(slope, dtype=float)))


def as_activation(value: Activation | Callable[[jax.Array], jax.Array]) -> Activation:
    """An Activation as it is; an elementwise function with its gain, computed by quadrature (`moments`).

    Raises:
      ValueError: neither of the two, or a function without a finite gain, such as a step or log.
    """
    if isinstance(value, Activation):
        return value
    if any(value is constructor for constructor in ACTIVATIONS.values()):
        raise ValueError(f"activation {value.__name__} is a constructor; write {value.__name__}()")
    if not callable(value) or isinstance(value, type):
        raise ValueError(f"an activation is an Activation or an elementwise function, not {value!r}")
    found = moments(value)
    if not (0 < found.slope_square < math.inf and found.square < math.inf):
        name, (square, slope_square) = getattr(value, "__name__", repr(value)), found
        raise ValueError(f"activation {name} has no gain: E[f^2] = {square}, E[f'^2] = {slope_square};"
                         " write Activation(fn, gain=...)")  # fmt: skip
    return Activation(value, math.sqrt(1 / found.slope_square))


def linear() -> Activation:
    """f(x) = x. Gain 1."""
    return Activation(lambda x: x, 1.0)


@jax.custom_jvp
def _threshold(x: jax.Array) -> jax.Array:
    return (x >= 0).astype(x.dtype)


@_threshold.defjvp
def _threshold_jvp(primals, tangents):
    return _threshold(*primals), *tangents


def threshold() -> Activation:
    """f(x) = 1 if x >= 0 else 0 (McCulloch & Pitts 1943), with the straight-through derivative 1.

    The derivative is that of the identity (Bengio, Leonard & Courville 2013), so the gain is 1.
    """
    return Activation(_threshold, 1.0)


def thresholded_linear() -> Activation:
    """The ramp f(x) = min(max(x, 0), 1). Gain sqrt(1 / P(0 < z < 1)); derivative 1/2 at the two kinks."""
    return Activation(lambda x: jnp.clip(x, 0, 1), math.sqrt(2 / math.erf(math.sqrt(0.5))))


def sigmoid() -> Activation:
    """f(x) = 1 / (1 + exp(-x)), the logistic function (Rumelhart, Hinton & Williams 1986)."""
    return Activation(jax.nn.sigmoid, 4.722646085937975)


def tanh() -> Activation:
    """f(x) = tanh(x)."""
    return Activation(jnp.tanh, 1.467413591630795)


def lecun_tanh() -> Activation:
    """f(x) = 1.7159 tanh(2x/3), so that f(1) = 1 and f(-1) = -1 (LeCun et al. 1998, Efficient BackProp, 4.4).

    Gain 1: its source pairs it with weights of variance 1 / fan_in (eq. 16). sqrt(1/E[f'^2]) would be 1.1153.
    """
    return Activation(lambda x: 1.7159 * jnp.tanh(x * (2 / 3)), 1.0)


@jax.custom_jvp
def _softsign(x: jax.Array) -> jax.Array:
    return jax.nn.soft_sign(x)


@_softsign.defjvp
def _softsign_jvp(primals, tangents):
    # JAX derives 1/(1+|x|) - |x|/(1+|x|)^2, which cancels: in bfloat16 38 % too small at x = 100, 0 at 1000.
    (x,), (dx,) = primals, tangents
    return _softsign(x), dx / jnp.square(1 + jnp.abs(x))


def softsign() -> Activation:
    """f(x) = x / (1 + |x|) (Bergstra et al. 2009; Glorot & Bengio 2010, section 3.3)."""
    return Activation(_softsign, 2.095780608943311)


def relu() -> Activation:
    """f(x) = max(x, 0), derivative 0 at 0 (Nair & Hinton 2010; Glorot et al. 2011). Gain sqrt(2)."""
    return Activation(jax.nn.relu, math.sqrt(2))


def leaky_relu(alpha: float = 0.01) -> Activation:
    """f(x) = x if x >= 0 else alpha x (Maas, Hannun & Ng 2013). Gain sqrt(2 / (1 + alpha^2)).

    Raises:
      ValueError: alpha negative or not finite.
    """
    if not 0 <= alpha < math.inf:
        raise ValueError(f"alpha must be a finite number >= 0, not {alpha!r}")
    return Activation(lambda x: jax.nn.leaky_relu(x, alpha), math.sqrt(2 / (1 + alpha**2)))


def prelu(alpha: float = 0.25) -> Activation:
    """Leaky ReLU whose slope is learned for every channel, from `alpha` on (He et al. 2015, eq. 1).

    Gain sqrt(2 / (1 + alpha^2)) (eq. 15). The parameters are {"alpha": [features]}.

    Raises:
      ValueError: alpha not finite.
    """
    if not math.isfinite(alpha):
        raise ValueError(f"alpha must be a finite number, not {alpha!r}")

    def fn(x: jax.Array, params: dict[str, jax.Array]) -> jax.Array:
        slope = params["alpha"].astype(x.dtype)
        return jax.nn.leaky_relu(x, slope.reshape((1,) * (x.ndim - 1) + slope.shape))

    def init(features: int) -> dict[str, jax.Array]:
        return {"alpha": jnp.full((features,), alpha, jnp.float32)}

    return Activation(fn, math.sqrt(2 / (1 + alpha**2)), init=init)


def elu(alpha: float = 1.0) -> Activation:
    """f(x) = x if x > 0 else alpha (exp(x) - 1) (Clevert, Unterthiner & Hochreiter 2016).

    Gain from E[f'^2] = 1/2 + alpha^2 e^2 Phi(-2). The derivative at 0 is alpha.

    Raises:
      ValueError: alpha not positive and finite.
    """
    if not 0 < alpha < math.inf:
        raise ValueError(f"alpha must be a finite number > 0, not {alpha!r}; alpha = 0 would be relu")
    slope_square = (1 + alpha**2 * math.exp(2) * math.erfc(math.sqrt(2))) / 2
    return Activation(lambda x: jax.nn.elu(x, alpha), math.sqrt(1 / slope_square))


def selu() -> Activation:
    """f(x) = lambda x if x > 0 else lambda alpha (exp(x) - 1) (Klambauer et al. 2017, eq. 2).

    lambda = 1.0507009873554805 and alpha = 1.6732632423543772 make mean 0 and variance 1 a fixed point for
    weights of variance 1 / fan_in (`lecun_normal`): gain 1. sqrt(1/E[f'^2]) would be 0.9660.
    """
    return Activation(jax.nn.selu, 1.0)


def softplus() -> Activation:
    """f(x) = log(1 + exp(x)) (Dugas et al. 2001)."""
    return Activation(jax.nn.softplus, 1.8462285453386056)


def gelu() -> Activation:
    """f(x) = x Phi(x), exact, not the tanh approximation (Hendrycks & Gimpel 2016)."""
    return Activation(functools.partial(jax.nn.gelu, approximate=False), 1.4811144127083482)


def silu() -> Activation:
    """f(x) = x sigmoid(x) (Hendrycks & Gimpel 2016; Elfwing, Uchibe & Doya 2018); also called swish."""
    return Activation(jax.nn.silu, 1.6233202579524975)


def maxout(pieces: int = 2) -> Activation:
    """f(x)_j = max over i < pieces of x[..., i, j] (Goodfellow et al. 2013).

    Takes [..., pieces * features], piece-major, and returns [..., features]. Gain 1: a gradient reaches just
    one piece, with slope 1; ties share it.

    Raises:
      ValueError: pieces < 1; in `fn`, channels that are no multiple of pieces.
    """
    if pieces < 1:
        raise ValueError(f"pieces must be an integer >= 1, not {pieces!r}")

    def fn(x: jax.Array) -> jax.Array:
        if x.shape[-1] % pieces:
            raise ValueError(f"maxout needs a multiple of {pieces} channels, not {x.shape[-1]}")
        return jnp.max(x.reshape(*x.shape[:-1], pieces, x.shape[-1] // pieces), axis=-2)

    return Activation(fn, 1.0, pieces=pieces)


ACTIVATIONS: dict[str, Callable[..., Activation]] = {
    constructor.__name__: constructor
    for constructor in (
        threshold, linear, thresholded_linear, sigmoid, tanh, lecun_tanh, softsign, relu, leaky_relu, prelu,
        elu, selu, softplus, gelu, silu, maxout,
    )
}  # fmt: skip
