"""The restricted Boltzmann machine: its energy and its conditional distributions, as functions of its weights.

Binary visible units v and hidden units h with the energy E(v, h) = -a v - b h - v W h (Smolensky 1986; Hinton 2002).
Visible units may end in a group of `labels` of which exactly one is on: the joint machine of Hinton, Osindero & Teh
2006 (A fast learning algorithm for deep belief nets, Neural Computation 18, section 5).
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp


class RBM(NamedTuple):
    """The weights of one machine.

    Attributes:
      kernel: W `[V, H]`.
      visible: a `[V]`.
      hidden: b `[H]`.
    """

    kernel: jax.Array
    visible: jax.Array
    hidden: jax.Array


def with_labels(rbm: RBM, kernel: jax.Array, bias: jax.Array) -> RBM:
    """The machine whose visible units are those of `rbm` and then labels, with weights `[H, labels]` and biases."""
    return RBM(jnp.concatenate([rbm.kernel, kernel.T]), jnp.concatenate([rbm.visible, bias]), rbm.hidden)


def up(rbm: RBM, v: jax.Array) -> jax.Array:
    """Logits of the hidden units: `[B, V]` -> `[B, H]`."""
    return v @ rbm.kernel + rbm.hidden[None]


def down(rbm: RBM, h: jax.Array) -> jax.Array:
    """Logits of the visible units: `[B, H]` -> `[B, V]`."""
    return h @ rbm.kernel.T + rbm.visible[None]


def probabilities(logits: jax.Array, labels: int = 0) -> jax.Array:
    """What is on, given its logits: each unit for itself, but the last `labels` as one group; shape unchanged."""
    if not labels:
        return jax.nn.sigmoid(logits)
    each, group = logits[:, :-labels], logits[:, -labels:]
    return jnp.concatenate([jax.nn.sigmoid(each), jax.nn.softmax(group)], axis=1)


def drawn(key: jax.Array, probability: jax.Array) -> jax.Array:
    """Independent units, each 1 with its probability and else 0; shape unchanged, without gradient."""
    return (jax.random.uniform(key, probability.shape) < probability).astype(probability.dtype)


def free_energy(rbm: RBM, v: jax.Array) -> jax.Array:
    """F(v) = -log sum_h exp(-E(v, h)), `[B, V]` -> `[B]`; real-valued v count as means of binary ones."""
    return -v @ rbm.visible - jnp.sum(jax.nn.softplus(up(rbm, v)), axis=1)


def gibbs(rbm: RBM, v: jax.Array, key: jax.Array, labels: int = 0) -> jax.Array:
    """Draws hidden units given v and gives the visible units' probabilities given those: `[B, V]` -> `[B, V]`."""
    hidden = drawn(key, jax.nn.sigmoid(up(rbm, v)))
    return probabilities(down(rbm, hidden), labels)


def divergence(rbm: RBM, v: jax.Array, end: jax.Array) -> jax.Array:
    """Mean over the batch of F(v) - F(end), `[B, V]` both.

    Its gradient in the weights is contrastive divergence's (Hinton 2002) where `end` is what Gibbs steps from v
    reach, and persistent contrastive divergence's (Tieleman 2008) where chains that never restart reach it.
    """
    return jnp.mean(free_energy(rbm, v) - free_energy(rbm, jax.lax.stop_gradient(end)))


def walk(rbm: RBM, v: jax.Array, key: jax.Array, k: int, labels: int = 0) -> jax.Array:
    """k Gibbs steps that draw hidden units alone: the visible units' probabilities `[B, V]` at the end.

    As Hinton 2010 (A practical guide to training restricted Boltzmann machines, section 3) has it for CD-k.
    """
    for i in range(k):
        v = gibbs(rbm, v, jax.random.fold_in(key, i), labels)
    return v


def persist(rbm: RBM, v: jax.Array, key: jax.Array, k: int, labels: int = 0) -> jax.Array:
    """k Gibbs steps that draw all units, from the states v `[B, V]` to others; the last `labels` stay as they are."""
    clamped = v[:, v.shape[1] - labels :]
    for i in range(k):
        for_hidden, for_visible = jax.random.split(jax.random.fold_in(key, i))
        new = drawn(for_visible, gibbs(rbm, v, for_hidden, labels))
        v = jnp.concatenate([new[:, : v.shape[1] - labels], clamped], axis=1)
    return v


def chain(rbm: RBM, v: jax.Array, key: jax.Array, steps: int, labels: int = 0) -> jax.Array:
    """A long walk of `persist`, of at least one step; at its end probabilities of the units that are not clamped."""
    for_walk, for_end = jax.random.split(key)

    def step(i, v):
        return persist(rbm, v, jax.random.fold_in(for_walk, i), 1, labels)

    v = jax.lax.fori_loop(0, steps - 1, step, v)
    free = v.shape[1] - labels
    return jnp.concatenate([gibbs(rbm, v, for_end, labels)[:, :free], v[:, free:]], axis=1)


def label_logits(rbm: RBM, v: jax.Array, labels: int) -> jax.Array:
    """Log-probabilities, up to a constant, of every label given the other visible units: `[B, V - labels]` -> `[B, labels]`.

    Exact: minus the free energies of v with each label (Hinton et al. 2006, section 6.1).
    """
    kernel, own = rbm.kernel[:-labels], rbm.kernel[-labels:]
    common = v @ kernel + rbm.hidden[None]  # [B, H]
    hidden = jax.nn.softplus(common[:, None] + own[None])  # [B, labels, H]
    return rbm.visible[None, -labels:] + jnp.sum(hidden, axis=-1)
