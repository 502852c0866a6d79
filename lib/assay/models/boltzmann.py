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
    """Independent units, each 1 with its probability and else 0; shape unchanged."""
    return (jax.random.uniform(key, probability.shape) < probability).astype(probability.dtype)


def free_energy(rbm: RBM, v: jax.Array) -> jax.Array:
    """F(v) = -log sum_h exp(-E(v, h)), `[B, V]` -> `[B]`; real-valued v count as means of binary ones."""
    return -v @ rbm.visible - jnp.sum(jax.nn.softplus(up(rbm, v)), axis=1)


def gibbs(rbm: RBM, v: jax.Array, key: jax.Array, labels: int = 0) -> jax.Array:
    """Draws hidden units given v and gives the visible units' probabilities given those: `[B, V]` -> `[B, V]`."""
    hidden = drawn(key, jax.nn.sigmoid(up(rbm, v)))
    return probabilities(down(rbm, hidden), labels)


def contrastive_loss(rbm: RBM, v: jax.Array, key: jax.Array, k: int, labels: int = 0) -> jax.Array:
    """Mean over the batch `[B, V]` of F(v) - F(v after k Gibbs steps); its gradient is that of CD-k.

    As in Hinton 2010 (A practical guide to training restricted Boltzmann machines, section 3) hidden units are
    drawn, visible ones and the last hidden ones taken as probabilities.
    """
    end = v
    for i in range(k):
        end = gibbs(rbm, end, jax.random.fold_in(key, i), labels)
    return jnp.mean(free_energy(rbm, v) - free_energy(rbm, jax.lax.stop_gradient(end)))


def chain(rbm: RBM, v: jax.Array, key: jax.Array, steps: int, labels: jax.Array | None = None) -> jax.Array:
    """A Gibbs chain that draws all units: v `[B, V]` (probabilities) to the probabilities after its last step.

    Args:
      steps: at least 1.
      labels: one-hot `[B, labels]`, which stay as they are, behind the visible units of v (V without labels).
    """
    count = 0 if labels is None else labels.shape[1]

    def step(i, v):
        for_visible, for_hidden = jax.random.split(jax.random.fold_in(key, i))
        seen = drawn(for_visible, v)
        seen = seen if labels is None else jnp.concatenate([seen, labels], axis=1)
        return gibbs(rbm, seen, for_hidden, count)[:, : v.shape[1]]

    return jax.lax.fori_loop(0, steps, step, v)


def label_logits(rbm: RBM, v: jax.Array, labels: int) -> jax.Array:
    """Log-probabilities, up to a constant, of every label given the other visible units: `[B, V - labels]` -> `[B, labels]`.

    Exact: minus the free energies of v with each label (Hinton et al. 2006, section 6.1).
    """
    kernel, own = rbm.kernel[:-labels], rbm.kernel[-labels:]
    common = v @ kernel + rbm.hidden[None]  # [B, H]
    hidden = jax.nn.softplus(common[:, None] + own[None])  # [B, labels, H]
    return rbm.visible[None, -labels:] + jnp.sum(hidden, axis=-1)
