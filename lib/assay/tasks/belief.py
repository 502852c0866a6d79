"""The deep belief network as a generative model of images and their labels."""

import functools

import jax
import jax.numpy as jnp
import optax

from assay.models import dbn, Model
from assay.models import boltzmann
from assay.tasks import machines
from assay.tasks.clamped import clamped_findings
from assay.tasks.phases import descent, in_phases, lengths, Phase
from assay.tasks.task import Findings, Learning, Problem, Task

FINE_TUNING = ("none", "up_down", "backprop")


def deep_belief(k: int = 1, fine_tuning: str = "up_down", share: float = 0.5) -> Learning:
    """Layer-wise CD-k, the top machine with the labels, then fine-tuning (Hinton, Osindero & Teh 2006).

    The machines share the first part of the run equally, from the bottom. Metrics: loss, the cross-entropy of the
    label, and error; given the probabilities below the top machine they are exact (section 6.1), after
    `fine_tuning=backprop` those of the network that was trained. Findings: clamped_error, the share of samples drawn
    with the label of a digit clamped that an independent classifier takes for another one; classifier_error, its
    own error on test images.

    Args:
      k: Gibbs steps, of the layers' and of the top machine's contrastive divergence.
      fine_tuning: up_down, the contrastive wake-sleep algorithm (section 5 and appendix B); backprop, descent of
        the label's cross-entropy (Hinton & Salakhutdinov 2006); or none, the layers have the whole run.
      share: of the steps, for the layer-wise part.
    """
    machines.check_k(k)
    if fine_tuning not in FINE_TUNING:
        raise ValueError(f"fine_tuning must be one of {', '.join(FINE_TUNING)}, not {fine_tuning!r}")
    if not 0 < share < 1:
        raise ValueError(f"share must be between 0 and 1, not {share}; fine_tuning=none leaves all to the layers")
    share = 1.0 if fine_tuning == "none" else share
    return Learning(
        make=functools.partial(_task, k=k, fine_tuning=fine_tuning, share=share),
        findings=("clamped_error", "classifier_error"),
        inputs="unit",
        loss="own",
    )


def _task(problem: Problem, k: int, fine_tuning: str, share: float) -> Task:
    labels = problem.dataset.num_classes
    model = problem.model(labels)
    count = machines.count(model, problem)
    steps = lengths(problem.steps, count, share)
    phases = [machines.greedy(model, i, steps[i], k) for i in range(count - 1)]
    phases.append(_top(model, count, steps[count - 1], k, labels))
    if fine_tuning == "up_down":
        phases.append(_up_down(count, steps[-1], k, labels))
    elif fine_tuning == "backprop":
        phases.append(_backprop(model, count, steps[-1]))

    def start(key, x):
        params, state = model.init(key, x)
        return (_untied(params) if fine_tuning == "up_down" else params), state

    def logits_of(params, x):
        if fine_tuning == "backprop":
            return model.apply(params, {}, x, key=None, train=False)[0].logits
        return boltzmann.label_logits(dbn.joint(params), machines.activities(model, params, {}, x)[-2], labels)

    def evaluate(train_state, x, y, key):
        del key
        logits = logits_of(train_state.params, x)
        wrong = (jnp.argmax(logits, -1) != y) | ~jnp.all(jnp.isfinite(logits), -1)
        loss = optax.softmax_cross_entropy_with_integer_labels(logits, y)
        return {"loss": loss, "error": wrong.astype(jnp.float32)}

    def examine(train_state, key) -> Findings:
        params = train_state.params
        return clamped_findings(problem.dataset, dbn.joint(params), _generative(params), key)

    init, step = in_phases(start, phases)
    return Task(init, step, evaluate, examine=examine)


def _top(model: Model, count: int, steps: int, k: int, labels: int) -> Phase:
    """The phase in which the top machine learns images' features together with their labels."""

    def loss(params, batch):
        below = jax.lax.stop_gradient(machines.activities(model, params, {}, batch.x)[-2])
        v = jnp.concatenate([below, jax.nn.one_hot(batch.y, labels)], axis=1)
        return boltzmann.contrastive_loss(dbn.joint(params), v, batch.key, k, labels)

    learns = (dbn.layer_name(count - 1), dbn.READOUT)
    return Phase(steps, learns, descent(learns, loss))


def _backprop(model: Model, count: int, steps: int) -> Phase:
    def loss(params, batch):
        output, _ = model.apply(params, {}, batch.x, key=batch.key, train=True)
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(output.logits, batch.y))

    learns = (*(dbn.layer_name(i) for i in range(count)), dbn.READOUT)
    return Phase(steps, learns, descent(learns, loss))


def _up_down(count: int, steps: int, k: int, labels: int) -> Phase:
    """The phase in which recognition weights, no longer the generative ones transposed, learn beside them."""

    def loss(params, batch):
        return up_down_loss(params, batch.x.reshape(batch.x.shape[0], -1), batch.y, batch.key, k, labels)

    learns = (*(dbn.layer_name(i) for i in range(count)), dbn.READOUT, *(_down_name(i) for i in range(count - 1)))
    return Phase(steps, learns, descent(learns, loss), enter=_untied)


def up_down_loss(params, x: jax.Array, y: jax.Array, key: jax.Array, k: int, labels: int) -> jax.Array:
    """What the updates of the up-down algorithm descend (Hinton et al. 2006, appendix B), mean over the batch.

    Wake: states drawn upwards teach the generative weights. Top: CD-k from the wake states and the label. Sleep:
    states drawn downwards from the end of that chain teach the recognition weights.

    Args:
      params: of a DBN, with the generative kernels of the layers below the top machine beside them.
      x, y: `[B, V]` of 0..1, and `[B]`.
    """
    stack, generative, top = dbn.layers(params), _generative(params), dbn.joint(params)
    *upward, for_top, for_pen, for_sleep = jax.random.split(key, len(stack) + 2)
    wake = [x]
    for machine, drawing in zip(stack[:-1], upward):
        wake.append(boltzmann.drawn(drawing, jax.nn.sigmoid(boltzmann.up(machine, wake[-1]))))
    losses = [_surprise(wake[i + 1] @ kernel + bias[None], wake[i]) for i, (kernel, bias) in enumerate(generative)]

    v = end = jnp.concatenate([wake[-1], jax.nn.one_hot(y, labels)], axis=1)
    for i in range(k):
        end = boltzmann.gibbs(top, end, jax.random.fold_in(for_top, i), labels)
        pen = boltzmann.drawn(jax.random.fold_in(for_pen, i), end[:, :-labels])
        end = jax.lax.stop_gradient(jnp.concatenate([pen, end[:, -labels:]], axis=1))
    losses.append(jnp.mean(boltzmann.free_energy(top, v) - boltzmann.free_energy(top, end)))

    above = end[:, :-labels]
    for i, (kernel, bias) in reversed(list(enumerate(generative))):
        below = jax.lax.stop_gradient(jax.nn.sigmoid(above @ kernel + bias[None]))
        below = boltzmann.drawn(jax.random.fold_in(for_sleep, i), below) if i else below  # pixels stay probabilities
        losses.append(_surprise(boltzmann.up(stack[i], below), above))
        above = below
    return sum(losses)


def _surprise(logits: jax.Array, units: jax.Array) -> jax.Array:
    """Mean over the batch of -log p(units)."""
    return jnp.mean(jnp.sum(optax.sigmoid_binary_cross_entropy(logits, jax.lax.stop_gradient(units)), axis=1))


def _down_name(i: int) -> str:
    return f"Down_{i}"


def _untied(params):
    """The parameters with the generative kernels of all layers below the top one, the recognition ones transposed."""
    kernels = [machine.kernel.T for machine in dbn.layers(params)[:-1]]
    return {**params, **{_down_name(i): {"kernel": kernel} for i, kernel in enumerate(kernels)}}


def _generative(params) -> list[tuple[jax.Array, jax.Array]]:
    """(kernel `[H, V]`, bias `[V]`) of the layers below the top machine, from the bottom."""
    stack = dbn.layers(params)[:-1]
    own = [params.get(_down_name(i), {"kernel": machine.kernel.T})["kernel"] for i, machine in enumerate(stack)]
    return [(kernel, machine.visible) for kernel, machine in zip(own, stack)]
