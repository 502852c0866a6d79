"""The deep belief network as a generative model of images and their labels."""

import functools

import jax
import jax.numpy as jnp
import optax

from assay.models import boltzmann
from assay.models import dbn, Model
from assay.tasks.boltzmann import machines
from assay.tasks.boltzmann.clamped import clamped_findings
from assay.tasks.boltzmann.phases import descent, in_phases, lengths, Phase
from assay.tasks.task import Findings, Learning, Problem, Task

FINE_TUNING = ("none", "up_down", "backprop")


def deep_belief(
    k: int = 1, fine_tuning: str = "up_down", share: float = 0.5, persistent: bool = False
) -> Learning:
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
      persistent: whether the top machine's chains go on from step to step (Tieleman 2008), each with its own label
        clamped, instead of beginning at the examples as in the paper. It learns what a label looks like, p(x | y),
        which is better to draw from; but not how the labels compare, so error says little until back-propagation.
    """
    machines.check_k(k)
    if fine_tuning not in FINE_TUNING:
        raise ValueError(f"fine_tuning must be one of {', '.join(FINE_TUNING)}, not {fine_tuning!r}")
    if not 0 < share < 1:
        raise ValueError(f"share must be between 0 and 1, not {share}; fine_tuning=none leaves all to the layers")
    if share != 0.5 and fine_tuning == "none":
        raise ValueError(f"fine_tuning=none leaves the whole run to the layers, so share={share} would change nothing")
    share = 1.0 if fine_tuning == "none" else share
    return Learning(
        make=functools.partial(_task, k=k, fine_tuning=fine_tuning, share=share, persistent=persistent),
        findings=("clamped_error", "classifier_error"),
        inputs="unit",
        loss="own",
    )


def _task(problem: Problem, k: int, fine_tuning: str, share: float, persistent: bool) -> Task:
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
        params, _ = model.init(key, x)
        state = {"chains": _first_chains(key, x.shape[0], dbn.joint(params), labels)} if persistent else {}
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

    def loss(params, state, batch):
        for_below, for_chains = jax.random.split(batch.key)
        # Drawn, as the units of its chains are, or the machine would learn to make blurred ones.
        below = boltzmann.drawn(for_below, machines.activities(model, params, {}, batch.x)[-2])
        v = jnp.concatenate([below, jax.nn.one_hot(batch.y, labels)], axis=1)
        top = dbn.joint(params)
        end, state = _end(top, v, state, for_chains, k, labels)
        return boltzmann.divergence(top, v, end), state

    learns = (dbn.layer_name(count - 1), dbn.READOUT)
    return Phase(steps, learns, descent(learns, loss))


def _backprop(model: Model, count: int, steps: int) -> Phase:
    def loss(params, state, batch):
        output, _ = model.apply(params, {}, batch.x, key=batch.key, train=True)
        return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(output.logits, batch.y)), state

    learns = (*(dbn.layer_name(i) for i in range(count)), dbn.READOUT)
    return Phase(steps, learns, descent(learns, loss))


def _up_down(count: int, steps: int, k: int, labels: int) -> Phase:
    """The phase in which recognition weights, no longer the generative ones transposed, learn beside them."""

    def loss(params, state, batch):
        x = batch.x.reshape(batch.x.shape[0], -1)
        return up_down_loss(params, state, x, batch.y, batch.key, k, labels)

    learns = (*(dbn.layer_name(i) for i in range(count)), dbn.READOUT, *(_down_name(i) for i in range(count - 1)))
    return Phase(steps, learns, descent(learns, loss), enter=_untied)


def up_down_loss(params, state, x: jax.Array, y: jax.Array, key: jax.Array, k: int, labels: int):
    """What the updates of the up-down algorithm descend (Hinton et al. 2006, appendix B), mean over the batch.

    Wake: states drawn upwards teach the generative weights. Top: contrastive divergence of those states and the
    label. Sleep: states drawn downwards from the end of its chains teach the recognition weights.

    Args:
      params: of a DBN, with the generative kernels of the layers below the top machine beside them.
      state: chains of the top machine, if they persist.
      x, y: `[B, V]` of 0..1, and `[B]`.

    Returns:
      (loss, state).
    """
    stack, generative, top = dbn.layers(params), _generative(params), dbn.joint(params)
    for_wake, for_top, for_sleep = jax.random.split(key, 3)
    wake = [x]
    for i, machine in enumerate(stack[:-1]):
        probability = jax.nn.sigmoid(boltzmann.up(machine, wake[-1]))
        wake.append(boltzmann.drawn(jax.random.fold_in(for_wake, i), probability))
    losses = [_surprise(wake[i + 1] @ kernel + bias[None], wake[i]) for i, (kernel, bias) in enumerate(generative)]

    v = jnp.concatenate([wake[-1], jax.nn.one_hot(y, labels)], axis=1)
    end, state = _end(top, v, state, for_top, k, labels)
    losses.append(boltzmann.divergence(top, v, end))

    above = boltzmann.drawn(for_sleep, jax.lax.stop_gradient(end[:, :-labels]))
    for i, (kernel, bias) in reversed(list(enumerate(generative))):
        below = jax.lax.stop_gradient(jax.nn.sigmoid(above @ kernel + bias[None]))
        # Pixels stay probabilities.
        below = boltzmann.drawn(jax.random.fold_in(for_sleep, i), below) if i else below
        losses.append(_surprise(boltzmann.up(stack[i], below), above))
        above = below
    return sum(losses), state


def _end(top: boltzmann.RBM, v: jax.Array, state, key: jax.Array, k: int, labels: int):
    """(for every example where a chain of the top machine ends, the state with all chains if they persist)."""
    if not state:
        return boltzmann.walk(top, v, key, k, labels), state
    chains = jax.lax.stop_gradient(boltzmann.persist(top, state["chains"], key, k, labels))
    # A chain of its own label: were labels more frequent in the batch than in the chains, their biases would drift.
    each, label = chains.shape[0] // labels, jnp.argmax(v[:, -labels:], axis=1)
    return chains[label * each + jnp.arange(v.shape[0]) % each], {"chains": chains}


def _first_chains(key: jax.Array, count: int, top: boltzmann.RBM, labels: int) -> jax.Array:
    """Noise, each unit on with probability 1/2, with labels, equally many of each: about `[count, V]`."""
    units, each = top.visible.shape[0] - labels, max(1, count // labels)
    noise = boltzmann.drawn(jax.random.fold_in(key, 1), jnp.full((labels * each, units), 0.5, jnp.float32))
    return jnp.concatenate([noise, jax.nn.one_hot(jnp.arange(labels * each) // each, labels)], axis=1)


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
