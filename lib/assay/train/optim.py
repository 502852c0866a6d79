"""Optimisers and learning-rate schedules by name; all of them optax's."""

import collections
from collections.abc import Callable
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
import optax.contrib

from assay.train.regularize import l1_penalty, max_norm_constraint


class Optimizer(NamedTuple):
    """How a gradient becomes an update. Every constructor takes the last two by name, as in `sgd(max_norm=3.0)`.

    Attributes:
      direction: from the gradient to the update.
      decoupled_decay: whether weight decay bypasses it (Loshchilov & Hutter 2019) or joins the gradient.
      l1: strength of the penalty l1 * sum |w| on kernels, whose gradient joins the loss's.
      max_norm: limit of the l2 norm of the weights into a unit; 0 for none.
    """

    direction: optax.GradientTransformation
    decoupled_decay: bool = False
    l1: float = 0.0
    max_norm: float = 0.0


def _sgd(l1: float = 0.0, max_norm: float = 0.0) -> Optimizer:
    """Stochastic gradient descent."""
    return _optimizer(optax.identity(), l1, max_norm)


def _momentum(beta: float = 0.9, l1: float = 0.0, max_norm: float = 0.0) -> Optimizer:
    """Heavy-ball momentum (Polyak 1964)."""
    return _optimizer(optax.trace(_fraction("beta", beta)), l1, max_norm)


def _nesterov(beta: float = 0.9, l1: float = 0.0, max_norm: float = 0.0) -> Optimizer:
    """Nesterov momentum (Sutskever et al. 2013)."""
    return _optimizer(optax.trace(_fraction("beta", beta), nesterov=True), l1, max_norm)


def _rmsprop(decay: float = 0.9, eps: float = 1e-8, l1: float = 0.0, max_norm: float = 0.0) -> Optimizer:
    """RMSProp (Hinton 2012, lecture 6e): the gradient over sqrt(mean square + eps)."""
    return _optimizer(optax.scale_by_rms(_fraction("decay", decay), _positive("eps", eps)), l1, max_norm)


def _adam(
    b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8, l1: float = 0.0, max_norm: float = 0.0
) -> Optimizer:
    """Adam (Kingma & Ba 2015); weight decay joins the gradient."""
    direction = optax.scale_by_adam(_fraction("b1", b1), _fraction("b2", b2), _positive("eps", eps))
    return _optimizer(direction, l1, max_norm)


def _adamw(
    b1: float = 0.9, b2: float = 0.999, eps: float = 1e-8, l1: float = 0.0, max_norm: float = 0.0
) -> Optimizer:
    """AdamW (Loshchilov & Hutter 2019): Adam with decoupled weight decay."""
    return _adam(b1, b2, eps, l1, max_norm)._replace(decoupled_decay=True)


def _muon(
    beta: float = 0.95, steps: int = 5, rest: float = 1.0, l1: float = 0.0, max_norm: float = 0.0
) -> Optimizer:
    """Muon (Jordan et al. 2024): a kernel's Nesterov momentum, made nearly orthogonal, times sqrt(max(1, out / in)).

    A convolution's kernel counts as a matrix with a column an output. Biases and all else of one axis get Nesterov
    momentum, at `rest` times the learning rate. Weight decay is decoupled.

    Args:
      beta: of the momentum.
      steps: of the Newton-Schulz iteration that stands for the singular value decomposition.
      rest: at least 0 and finite.
    """
    _fraction("beta", beta)
    if steps < 1:
        raise ValueError(f"steps must be at least 1, not {steps}")
    if not 0 <= rest < math.inf:
        raise ValueError(f"rest must be at least 0 and finite, not {rest}")
    orthogonal = optax.contrib.scale_by_muon(ns_steps=steps, beta=beta, weight_dimension_numbers=_columns)
    parts = {
        "kernel": optax.chain(orthogonal, optax.stateless(lambda updates, _: jax.tree.map(_widened, updates))),
        "rest": optax.chain(optax.trace(beta, nesterov=True), optax.scale(rest)),
    }
    direction = optax.partition(parts, lambda params: jax.tree.map(lambda p: "kernel" if p.ndim > 1 else "rest", params))
    return _optimizer(direction, l1, max_norm)._replace(decoupled_decay=True)


def _columns(params: Any) -> Any:
    """How each kernel is a matrix: the last axis are its columns, all others together its rows."""
    return jax.tree.map(lambda p: optax.contrib.MuonDimensionNumbers(tuple(range(p.ndim - 1)), p.ndim - 1), params)


def _widened(update: jax.Array) -> jax.Array:
    outputs = update.shape[-1]
    return update * math.sqrt(max(1, outputs * outputs / update.size))


def _optimizer(direction: optax.GradientTransformation, l1: float, max_norm: float) -> Optimizer:
    for name, value in (("l1", l1), ("max_norm", max_norm)):
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} must be at least 0 and finite, not {value}")
    return Optimizer(direction, l1=l1, max_norm=max_norm)


OPTIMIZERS = {
    "sgd": _sgd,
    "momentum": _momentum,
    "nesterov": _nesterov,
    "rmsprop": _rmsprop,
    "adam": _adam,
    "adamw": _adamw,
    "muon": _muon,
}

# A schedule is (total steps) -> (step, as float32 -> factor of the peak learning rate, in [0, 1]).
Schedule = Callable[[int], optax.Schedule]


def _constant() -> Schedule:
    """The peak learning rate throughout."""
    return lambda steps: optax.constant_schedule(1.0)


def _step(at: tuple = (0.5, 0.75), factor: float = 0.1) -> Schedule:
    """Multiplies by `factor` after each of the given shares of the run, rounded to at least one step."""
    if not all(isinstance(share, (int, float)) and 0 < share < 1 for share in at):
        raise ValueError(f"at must hold shares of the run between 0 and 1, as in (0.5,0.75), not {at!r}")
    _factor("factor", factor)

    def schedule(steps):
        drops = collections.Counter(max(1, round(share * steps)) for share in at)
        return optax.piecewise_constant_schedule(1.0, {step: factor**times for step, times in drops.items()})

    return schedule


def _cosine(final: float = 0.0) -> Schedule:
    """Half a cosine from the peak down to `final` times it (Loshchilov & Hutter 2017)."""
    _factor("final", final)
    return lambda steps: optax.cosine_decay_schedule(1.0, steps, alpha=final)


def _warmup(share: float = 0.1) -> Schedule:
    """Rises linearly over the n steps of the first share, 1/n, 2/n, ..., 1, then stays (Goyal et al. 2017)."""
    _fraction("share", share)
    return lambda steps: _rise(round(share * steps))


def _warmup_cosine(share: float = 0.1, final: float = 0.0) -> Schedule:
    """Rises as `warmup`, then half a cosine over the rest of the run down to `final` times the peak."""
    _fraction("share", share)
    _factor("final", final)

    def schedule(steps):
        rise = round(share * steps)
        fall = optax.cosine_decay_schedule(1.0, max(1, steps - rise), alpha=final)
        return optax.join_schedules([_rise(rise), fall], [rise])

    return schedule


def _rise(steps: int) -> optax.Schedule:
    # Not from 0, which would waste the first step.
    return optax.linear_schedule(1 / steps, 1.0, steps - 1) if steps > 1 else optax.constant_schedule(1.0)


SCHEDULES = {
    "constant": _constant,
    "step": _step,
    "cosine": _cosine,
    "warmup": _warmup,
    "warmup_cosine": _warmup_cosine,
}


def transformation(
    optimizer: Optimizer, schedule: Schedule, steps: int, lr: jax.Array, weight_decay: jax.Array | None
) -> optax.GradientTransformation:
    """The optax transformation of one run.

    Args:
      steps: of the whole run.
      lr, weight_decay: may be traced, so that runs that differ in them share one program; None leaves decay out.
    """
    decay = [] if weight_decay is None else [optax.add_decayed_weights(weight_decay)]
    parts = [optimizer.direction, *decay] if optimizer.decoupled_decay else [*decay, optimizer.direction]
    if optimizer.l1:
        parts.insert(0, l1_penalty(optimizer.l1))
    factor = schedule(steps)

    def rate(count):
        # An update after the end (the probe makes one) has the last step's rate: a cosine would be at 0 there.
        # float32, exact up to 2^24 steps, because optax's schedules mix their step with fractions.
        return lr * factor(jnp.minimum(count, steps - 1).astype(jnp.float32))

    last = [max_norm_constraint(optimizer.max_norm)] if optimizer.max_norm else []
    return optax.chain(*parts, optax.scale_by_learning_rate(rate), *last)


def _fraction(name: str, value: float) -> float:
    if not 0 <= value < 1:
        raise ValueError(f"{name} must be in [0, 1), not {value}")
    return value


def _factor(name: str, value: float) -> float:
    if not 0 <= value <= 1:
        raise ValueError(f"{name} must be in [0, 1], not {value}")
    return value


def _positive(name: str, value: float) -> float:
    if not 0 < value < math.inf:
        raise ValueError(f"{name} must be above 0 and finite, not {value}")
    return value
