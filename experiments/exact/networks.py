"""Built networks for the exact claims: their signals and gradients, layer by layer."""

from collections.abc import Callable
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from assay import models, spec as specs
from assay.activations import ACTIVATIONS, as_activation
from assay.config import Config
from assay.data import batches, load
from assay.models import Model
from assay.train.canonical import canonical
from assay.train.loop import Program, trial_arrays


class Started(NamedTuple):
    """A model with its first parameters."""

    model: Model
    params: Any
    state: Any

    def output(self, x: Any, params: Any = None):
        """`assay.models.Output` at x."""
        params = self.params if params is None else params
        return self.model.apply(params, self.state, jnp.asarray(x, jnp.float32), key=None, train=False)[0]


def started(spec: str, activation: str, init: str, inputs: int, outputs: int, seed: int = 0) -> Started:
    model = models.build(spec, activation=activation, init=init, norm="none", outputs=outputs)
    return Started(model, *model.init(jax.random.key(seed), jnp.zeros((1, inputs), jnp.float32)))


def function(activation: str) -> Callable[[jax.Array], jax.Array]:
    """An activation's function by its Spec."""
    return specs.build(ACTIVATIONS, activation, "activation", as_activation).fn


class Signals(NamedTuple):
    """By seed and hidden layer, `[seeds, depth]`: mean squares of pre-activations and of gradients by them, and the
    mean and variance of activations."""

    preactivation: np.ndarray
    gradient: np.ndarray
    mean: np.ndarray
    variance: np.ndarray


@functools.cache
def signals(
    depth: int, width: int, activation: str, init: str, *, seeds: int = 2, start: tuple[float, float] = (0.0, 1.0)
) -> Signals:
    """What passes through `mlp(depth, width)` as it is initialised.

    The inputs are 32 vectors of `width` numbers N(start[0], start[1]^2); the gradient is that of a random linear
    function of the logits.
    """
    model = models.build(
        f"mlp(depth={depth},width={width})", activation=activation, init=init, norm="none", outputs=width
    )

    def one(key):
        for_x, for_params, for_gradient = jax.random.split(key, 3)
        x = start[0] + start[1] * jax.random.normal(for_x, (32, width))
        params, state = model.init(for_params, x)
        direction = jax.random.normal(for_gradient, (32, width))

        def answer(offsets):
            output = model.apply(params, state, x, key=None, train=False, offsets=offsets)[0]
            return jnp.sum(output.logits * direction), output

        names = [f"{layer:04d}.Activate_{layer}" for layer in range(depth)]
        gradients, output = jax.grad(answer, has_aux=True)({name: jnp.zeros((32, width)) for name in names})
        squares = [[jnp.mean(jnp.square(of[name])) for name in names] for of in (output.preactivations, gradients)]
        moments = [[of(output.activations[name]) for name in names] for of in (jnp.mean, jnp.var)]
        return jnp.array(squares + moments)

    # Operation by operation: every initialiser would be a program of its own, and compiling dearer than running.
    found = [np.asarray(one(key), np.float64) for key in jax.random.split(jax.random.key(0), seeds)]  # [4, depth] each
    return Signals(*np.stack(found, axis=1))


def factor(squares: np.ndarray, first: int, last: int) -> float:
    """The factor per layer from layer `first` to `last` of mean squares `[seeds, depth]`, over seeds geometrically."""
    return float(np.exp(np.mean(np.log(squares[:, last] / squares[:, first])) / (last - first)))


def trained(dataset: str, model: str, **fields: Any) -> Started:
    """A network as the library's trainer leaves it.

    Args:
      fields: of a Config.
    """
    config = canonical(Config(dataset=dataset, model=model, evals=1, probe=(), **fields))
    program = Program(config, load(dataset))
    trial, data = trial_arrays(config), batches.put_on_device(program.dataset)
    carry = jax.jit(program.start(config.init))(trial, data)
    carry = jax.jit(program.advance)(carry, trial, data, 0, program.steps)
    built = models.build(
        config.model,
        activation=config.activation,
        init=config.init,
        norm=config.norm,
        outputs=program.dataset.num_classes,
    )
    return Started(built, carry.train_state.params, carry.train_state.state)
