"""Contrastive divergence: restricted Boltzmann machines learn the distribution of unlabelled examples."""

import functools

import jax
import jax.numpy as jnp
import optax

from assay.data import batches
from assay.models import boltzmann
from assay.models import dbn, Model
from assay.tasks.boltzmann import machines
from assay.tasks.boltzmann.phases import in_phases, lengths
from assay.tasks.task import Findings, Learning, Problem, Task

CHAINS, SAMPLED_AFTER, COMPARED = 100, 500, 2000  # chains, their Gibbs steps; examples of the free-energy gap


def contrastive_divergence(k: int = 1) -> Learning:
    """CD-k (Hinton 2002) on the machines of `rbm` or `dbn`, greedily from the bottom, each for its share of the steps.

    A machine learns from the probabilities of the one below (Hinton, Osindero & Teh 2006, section 4). Metrics: loss,
    the cross-entropy of an example given its reconstruction, up and down the whole stack; its mse; free_energy of the
    bottom machine. Finding: free_energy_gap, validation minus training, which grows with overfitting (Hinton 2010,
    section 6).

    Args:
      k: Gibbs steps.
    """
    machines.check_k(k)
    return Learning(
        make=functools.partial(_task, k=k),
        metrics=("loss", "mse", "free_energy"),
        target="mse",
        findings=("free_energy_gap",),
        inputs="unit",
        loss="own",
    )


def _task(problem: Problem, k: int) -> Task:
    shape = problem.dataset.train.x.shape[1:]
    model = problem.model(shape)
    count = machines.count(problem.model(problem.dataset.num_classes), problem)
    phases = [machines.greedy(model, i, n, k) for i, n in enumerate(lengths(problem.steps, count, 1.0)[:-1])]
    init, step = in_phases(model.init, phases)

    def evaluate(train_state, x, y, key):
        del y, key
        output, _ = model.apply(train_state.params, train_state.state, x, key=None, train=False)
        v, logits = x.reshape(x.shape[0], -1), output.logits.reshape(x.shape[0], -1)
        return {
            "loss": jnp.sum(optax.sigmoid_binary_cross_entropy(logits, v), axis=1),
            "mse": jnp.mean(jnp.square(jax.nn.sigmoid(logits) - v), axis=1),
            "free_energy": boltzmann.free_energy(dbn.layers(train_state.params)[0], v),
        }

    def examine(train_state, key):
        return _examine(model, problem, train_state, key, shape)

    return Task(init, step, evaluate, examine=examine)


def _examine(model: Model, problem: Problem, train_state, key: jax.Array, shape: tuple[int, ...]) -> Findings:
    train, validation = (
        batches.unit(jnp.asarray(split.x[:COMPARED])) for split in (problem.dataset.train, problem.dataset.validation)
    )
    stack = dbn.layers(train_state.params)
    means = [float(jnp.mean(boltzmann.free_energy(stack[0], x.reshape(len(x), -1)))) for x in (train, validation)]
    found = {"free_energy_gap": means[1] - means[0]}
    if len(shape) != 3 or shape[-1] not in (1, 3):
        return Findings(found)
    samples = jax.jit(_samples)(stack, _begin(model, train_state, train), key)
    shown = train[:10]
    output, _ = model.apply(train_state.params, train_state.state, shown, key=None, train=False)
    both = jnp.concatenate([shown.reshape(len(shown), -1), jax.nn.sigmoid(output.logits).reshape(len(shown), -1)])
    drawings = {"samples": samples, "examples and their reconstructions": both}
    return Findings(found, {title: machines.pictures(values, shape) for title, values in drawings.items()})


def _begin(model: Model, train_state, x: jax.Array) -> jax.Array:
    """What the top machine sees of CHAINS examples: from noise, its chain takes far longer to reach its modes."""
    x = jnp.resize(x, (CHAINS, *x.shape[1:]))
    return machines.activities(model, train_state.params, train_state.state, x)[-2]


def _samples(stack: tuple[boltzmann.RBM, ...], v: jax.Array, key: jax.Array) -> jax.Array:
    for_start, for_chain, for_down = jax.random.split(key, 3)
    v = boltzmann.chain(stack[-1], boltzmann.drawn(for_start, v), for_chain, SAMPLED_AFTER)
    return dbn.downwards([(machine.kernel.T, machine.visible) for machine in stack[:-1]], v, for_down)
