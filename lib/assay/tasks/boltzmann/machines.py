"""What the tasks have in common that train restricted Boltzmann machines."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from assay.data import Dataset
from assay.models import boltzmann, dbn, Model
from assay.spec import SpecError
from assay.tasks.boltzmann.phases import descent, Phase
from assay.tasks.shapes import shapes
from assay.tasks.task import Problem


def activities(model: Model, params: Any, state: Any, x: jax.Array, key: jax.Array | None = None) -> list[jax.Array]:
    """What each hidden layer sees and, last, what the top one makes: the input `[B, V]` and all activations."""
    output, _ = model.apply(params, state, x, key=key, train=key is not None)
    return [x.reshape(x.shape[0], -1), *(output.activations[name] for name in sorted(output.activations))]


def check_k(k: int) -> None:
    """Raises ValueError if k is no number of Gibbs steps."""
    if k < 1:
        raise ValueError(f"k must be 1 Gibbs step or more, not {k}")


def count(model: Model, problem: Problem) -> int:
    """How many machines a model stacks.

    Raises:
      SpecError: none, or other units, arithmetic or examples than such machines have.
    """
    check_data(problem.dataset)
    params, _, _ = shapes(model, problem.dataset)
    if dbn.layer_name(0) not in params:
        raise SpecError("this task trains Boltzmann machines: --model=rbm or --model=dbn")
    if any("bias" not in params[name]["Dense_0"] for name in params if name != dbn.READOUT):
        raise SpecError("a Boltzmann machine's layers have no normalisation, so this task takes --norm=none alone")
    check_units(model, problem.dataset)
    return len(dbn.layers(params))


def greedy(model: Model, i: int, steps: int, k: int) -> Phase:
    """The phase in which the i-th machine learns by CD-k from what the ones below make of the examples."""

    def loss(params, state, batch):
        machine, v = dbn.layers(params)[i], jax.lax.stop_gradient(activities(model, params, {}, batch.x)[i])
        return boltzmann.divergence(machine, v, boltzmann.walk(machine, v, batch.key, k)), state

    learns = (dbn.layer_name(i),)
    return Phase(steps, learns, descent(learns, loss))


def check_data(dataset: Dataset) -> None:
    """Refuses examples that cannot be probabilities of visible units.

    Raises:
      SpecError: values outside 0..1, or labels of every pixel.
    """
    x, y = dataset.train
    if np.issubdtype(x.dtype, np.floating) and (x.min() < 0 or x.max() > 1):
        raise SpecError(f"visible units take values from 0 to 1; {dataset.name} has {x.min():.3g} to {x.max():.3g}")
    if x.dtype == np.int32 or y.ndim > 1:
        raise SpecError(
            f"visible units take images with one label each, as mnist has; {dataset.name} has other examples"
        )


def check_units(model: Model, dataset: Dataset) -> None:
    """Refuses what a restricted Boltzmann machine does not have: its units are sigmoid by definition.

    Raises:
      SpecError: another activation, or another arithmetic than float32.
    """
    params, state, output = shapes(model, dataset)
    zeros, zero_state = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), (params, state))
    x = jnp.zeros((1, *dataset.train.x.shape[1:]), jnp.float32)
    if any(a.dtype != jnp.float32 for a in output.activations.values()):
        raise SpecError(
            "a Boltzmann machine is computed in float32, so --dtype would change nothing; leave it at float32"
        )
    offsets = {
        name: jnp.broadcast_to(jnp.linspace(-4, 4, z.shape[-1])[None], z.shape)
        for name, z in output.preactivations.items()
    }
    seen, _ = model.apply(zeros, zero_state, x, key=None, train=False, offsets=offsets)
    for name, z in seen.preactivations.items():
        a = seen.activations[name]
        if a.shape != z.shape or not np.allclose(a, jax.nn.sigmoid(z), atol=1e-6):
            raise SpecError("a Boltzmann machine's units are sigmoid, so this task takes --activation=sigmoid alone")


def pictures(values: jax.Array, shape: tuple[int, ...], columns: int = 10) -> np.ndarray:
    """Examples `[N, V]` of values 0..1 and shape (H, W, C) as uint8 `[N / columns, columns, H, W, C]`."""
    return np.round(np.asarray(values) * 255).astype(np.uint8).reshape(-1, columns, *shape)
