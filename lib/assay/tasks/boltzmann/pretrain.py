"""Unsupervised layer-wise pre-training, then supervised fine-tuning, in one run of a given number of steps."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from assay.data import Split
from assay.data.dataset import hold_out
from assay.models import boltzmann
from assay.models import Model, path
from assay.models.boltzmann import RBM
from assay.spec import SpecError
from assay.tasks.boltzmann import machines
from assay.tasks.boltzmann.phases import descent, in_phases, lengths, part_of, Phase
from assay.tasks.classify import classify
from assay.tasks.losses import per_example
from assay.tasks.shapes import shapes
from assay.tasks.supervised import supervised
from assay.tasks.task import Learning, Problem, Task, TrainState

STACKS = ("rbm", "autoencoder", "none")


def pretrain(stack: str = "rbm", share: float = 0.5, k: int = 1, labelled: float = 1.0) -> Learning:
    """Classification with hidden layers that first learn, from the bottom and without labels, to model their input.

    The whole run has as many steps with pre-training as without: `stack=none` is the ablation. Metrics as of
    `classify`. Works on any network whose layers are dense ones in a row, as `mlp`'s.

    Args:
      stack: rbm, contrastive divergence (Hinton, Osindero & Teh 2006), which needs sigmoid units; autoencoder, half
        the squared error of a linear reconstruction by the transposed kernel (Bengio et al. 2007, with their
        sigmoid decoder left out so that any activation serves); or none.
      share: of the steps, for pre-training; the layers share it equally.
      k: Gibbs steps of contrastive divergence.
      labelled: share of the training examples whose labels are known, equally of every class; fine-tuning, and
        `stack=none` throughout, learns from those of a batch alone, pre-training from all.
    """
    machines.check_k(k)
    if not 0 < labelled <= 1:
        raise ValueError(f"labelled must be above 0 and at most 1, not {labelled}")
    if stack not in STACKS:
        raise ValueError(f"stack must be one of {', '.join(STACKS)}, not {stack!r}")
    if not 0 < share < 1:
        raise ValueError(f"share must be between 0 and 1, not {share}; stack=none leaves pre-training out")
    if k != 1 and stack != "rbm":
        raise ValueError(f"k counts the Gibbs steps of stack=rbm; with stack={stack}, k={k} would change nothing")
    if share != 0.5 and stack == "none":
        raise ValueError(f"without a stack nothing is pre-trained, so share={share} would change nothing")
    return Learning(make=functools.partial(_task, stack=stack, share=share, k=k, labelled=labelled), inputs="unit")


def _task(problem: Problem, stack: str, share: float, k: int, labelled: float) -> Task:
    base = _classification(problem, labelled)
    if stack == "none":
        return base
    model = problem.model(problem.dataset.num_classes)
    names, sizes = _chain(model, problem)
    if stack == "rbm":
        machines.check_data(problem.dataset)
        machines.check_units(model, problem.dataset)
    network = tuple(shapes(model, problem.dataset)[0])
    steps = lengths(problem.steps, len(names), share)
    losses = {"rbm": _divergence(k), "autoencoder": _reconstruction}
    phases = [_layer(model, i, name, steps[i], losses[stack]) for i, name in enumerate(names)]
    phases.append(Phase(steps[-1], network, _of_the_network(base.step, network)))

    def start(key, x):
        params, state = model.init(key, x)
        down = {_down_name(i): {"bias": jnp.zeros(size, jnp.float32)} for i, size in enumerate(sizes)}
        return {**params, **down}, state

    init, step = in_phases(start, phases)
    return base._replace(init=init, step=step)


def _classification(problem: Problem, labelled: float) -> Task:
    """`classify` where a share of the training examples have labels and the others are left out of the loss."""
    task, y = classify().make(problem), problem.dataset.train.y
    if labelled == 1:
        return task
    count = round(labelled * len(y))
    if count < problem.dataset.num_classes:
        raise SpecError(
            f"labelled={labelled} leaves {count} labels for {problem.dataset.num_classes} classes; choose more"
        )
    at = hold_out(Split(np.arange(len(y)), y), count)[1].x
    known = np.full_like(y, -1)
    known[at] = y[at]
    model, loss = problem.model(problem.dataset.num_classes), per_example(problem.loss)

    def objective(params, state, batch, offsets):
        output, state = model.apply(params, state, batch.x, key=batch.key, train=True, offsets=offsets)
        losses = jnp.where(batch.y >= 0, loss(output.logits, jnp.maximum(batch.y, 0)), 0)
        return jnp.sum(losses) / jnp.maximum(1, jnp.sum(batch.y >= 0)).astype(losses.dtype), (output, state)

    supervision = supervised(model, objective)._asdict()
    return task._replace(**supervision, labels=lambda index: jnp.asarray(known)[index])


def _layer(model: Model, i: int, name: str, steps: int, loss_of) -> Phase:
    """The phase of the i-th hidden layer: its kernel and bias, and the biases of what it reconstructs."""

    def loss(params, state, batch):
        seen = machines.activities(model, params, {}, batch.x, batch.key)
        machine = RBM(params[name]["kernel"], params[_down_name(i)]["bias"], params[name]["bias"])
        return loss_of(machine, jax.lax.stop_gradient(seen[i]), seen[i + 1], batch.key), state

    learns = (name, _down_name(i))
    return Phase(steps, learns, descent(learns, loss))


def _divergence(k: int):
    return lambda machine, v, above, key: boltzmann.divergence(machine, v, boltzmann.walk(machine, v, key, k))


def _reconstruction(machine: RBM, below: jax.Array, above: jax.Array, key: jax.Array) -> jax.Array:
    del key
    error = boltzmann.down(machine, above.astype(jnp.float32)) - below.astype(jnp.float32)
    return 0.5 * jnp.mean(jnp.sum(jnp.square(error), axis=1))


def _of_the_network(step, network: tuple[str, ...]):
    """A step of classification, for parameters that have more in them than the network's."""

    def fine_tune(train_state, batch, tx):
        params, state, opt_state = train_state
        after, loss = step(TrainState(part_of(params, network), state, opt_state), batch, tx)
        return after._replace(params={**params, **after.params}), loss

    return fine_tune


def _chain(model: Model, problem: Problem) -> tuple[list[str], list[int]]:
    """Names and input sizes of the hidden layers.

    Raises:
      SpecError: the network is not dense layers in a row with a readout, or has none that is hidden.
    """
    params, state, output = shapes(model, problem.dataset)
    paths = [path(name) for name in sorted(output.linear)]
    outputs = [output.activations[name].shape for name in sorted(output.activations)]
    size, fits = problem.dataset.train.x[0].size, not jax.tree.leaves(state) and len(paths) == len(outputs) + 1 >= 2
    sizes = [size, *(shape[-1] for shape in outputs)]
    for where, below in zip(paths, sizes):
        layer = params.get(where[0], {})
        fits = fits and len(where) == 1 and set(layer) == {"kernel", "bias"} and layer["kernel"].ndim == 2
        fits = fits and layer["kernel"].shape[0] == below
    if not fits:
        raise SpecError("pretrain takes a network of dense layers in a row without normalisation, such as --model=mlp")
    if any(output.preactivations[name].shape != a.shape for name, a in output.activations.items()):
        raise SpecError("pretrain takes activations with one pre-activation a unit, so not maxout")
    return [where[0] for where in paths[:-1]], sizes[:-1]


def _down_name(i: int) -> str:
    return f"Down_{i}"
