"""The restricted Boltzmann machine against the enumeration of all its states."""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from assay.models import boltzmann
from assay.models.boltzmann import RBM

UNITS, LABELS, HIDDEN = 4, 3, 3
random = np.random.default_rng(0)
W, A, B = random.normal(size=(UNITS + LABELS, HIDDEN)), random.normal(size=UNITS + LABELS), random.normal(size=HIDDEN)
MACHINE = RBM(*(jnp.asarray(array, jnp.float32) for array in (W, A, B)))
KEY = jax.random.key(0)


def states(count):
    return np.array(list(itertools.product([0.0, 1.0], repeat=count)))


ALL_H = states(HIDDEN)
ALL_V = np.concatenate(  # units, then one label on
    [np.repeat(states(UNITS), LABELS, axis=0), np.tile(np.eye(LABELS), (2**UNITS, 1))], axis=1
)
ENERGY = -(ALL_V @ A)[:, None] - (ALL_H @ B)[None] - ALL_V @ W @ ALL_H.T  # [states of v, states of h]
JOINT = np.exp(-ENERGY) / np.exp(-ENERGY).sum()
BY_LABEL = JOINT.sum(1).reshape(-1, LABELS)  # p(units, label)


def as_jax(array):
    return jnp.asarray(array, jnp.float32)


def frequencies(v):
    """Of all states of the units, in the order of `states`."""
    return np.bincount((np.asarray(v) @ 2 ** np.arange(UNITS)[::-1]).astype(int), minlength=2**UNITS) / len(v)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def test_free_energy_is_of_the_sum_over_hidden_states():
    expected = -np.log(np.exp(-ENERGY).sum(1))
    np.testing.assert_allclose(boltzmann.free_energy(MACHINE, as_jax(ALL_V)), expected, rtol=1e-5)


def test_conditionals_of_all_units():
    hidden = JOINT @ ALL_H / JOINT.sum(1, keepdims=True)
    found = boltzmann.probabilities(boltzmann.up(MACHINE, as_jax(ALL_V)))
    np.testing.assert_allclose(found, hidden, rtol=1e-5)
    visible = JOINT.T @ ALL_V / JOINT.sum(0)[:, None]
    found = boltzmann.probabilities(boltzmann.down(MACHINE, as_jax(ALL_H)), LABELS)
    np.testing.assert_allclose(found, visible, rtol=1e-5)


def test_label_logits_are_the_posterior():
    posterior = BY_LABEL / BY_LABEL.sum(1, keepdims=True)
    found = jax.nn.softmax(boltzmann.label_logits(MACHINE, as_jax(states(UNITS)), LABELS))
    np.testing.assert_allclose(found, posterior, rtol=1e-5)


def test_labels_join_a_machine():
    below, labels = RBM(MACHINE.kernel[:UNITS], MACHINE.visible[:UNITS], MACHINE.hidden), MACHINE.kernel[UNITS:]
    joined = boltzmann.with_labels(below, labels.T, MACHINE.visible[UNITS:])
    jax.tree.map(np.testing.assert_array_equal, joined, MACHINE)


def test_divergence_descends_the_log_likelihood():
    """With ends that are the model's own distribution, its gradient is that of -log p (Hinton 2002, eq. 5)."""
    counts = random.multinomial(200, JOINT.sum(1))
    ends = ALL_V[np.repeat(np.arange(len(ALL_V)), counts)]
    data = ALL_V[random.integers(0, len(ALL_V), 200)]
    gradient = jax.grad(boltzmann.divergence)(MACHINE, as_jax(data), as_jax(ends))

    def moments(v):  # of v h, v and h with h given v
        h = sigmoid(v @ W + B)
        return v.T @ h / len(v), v.mean(0), h.mean(0)

    for found, seen, made in zip(gradient, moments(data), moments(ends)):
        np.testing.assert_allclose(found, made - seen, rtol=1e-4, atol=1e-6)


jit = functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})


def test_a_walk_by_hand():
    v = as_jax(ALL_V[:5])
    found = boltzmann.walk(MACHINE, v, KEY, 2, LABELS)
    expected = np.asarray(v, np.float64)
    for i in range(2):
        uniform = np.asarray(jax.random.uniform(jax.random.fold_in(KEY, i), (5, HIDDEN)))
        hidden = uniform < sigmoid(expected @ W + B)
        logits = hidden @ W.T + A
        labels = np.exp(logits[:, UNITS:])
        expected = np.concatenate([sigmoid(logits[:, :UNITS]), labels / labels.sum(1, keepdims=True)], axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-5)


COUNT = 6000
NEAR = 4 * np.sqrt(0.25 / COUNT)  # four standard errors of a mean


@jit
def persisted(machine, v):
    """(12 steps on, what a chain makes of the same)."""
    labels = v.shape[1] - UNITS
    step = lambda i, v: boltzmann.persist(machine, v, jax.random.fold_in(KEY, i), 2, labels)
    return jax.lax.fori_loop(0, 6, step, v), boltzmann.chain(machine, v, KEY, 12, labels)


def test_chains_reach_what_their_label_looks_like():
    label = 1
    begin = np.concatenate([np.ones((COUNT, UNITS)), np.tile(np.eye(LABELS)[label], (COUNT, 1))], axis=1)
    end, free = map(np.asarray, persisted(MACHINE, as_jax(begin)))
    for found in (end, free):
        np.testing.assert_array_equal(found[:, UNITS:], begin[:, UNITS:])
    expected = BY_LABEL[:, label] / BY_LABEL[:, label].sum()
    assert set(np.unique(end)) == {0, 1}
    np.testing.assert_allclose(frequencies(end[:, :UNITS]), expected, atol=NEAR)
    assert np.all((free[:, :UNITS] > 0) & (free[:, :UNITS] < 1))
    np.testing.assert_allclose(free[:, :UNITS].mean(0), expected @ states(UNITS), atol=NEAR)


def test_chains_without_labels_reach_the_distribution():
    machine = RBM(MACHINE.kernel[:UNITS], MACHINE.visible[:UNITS], MACHINE.hidden)
    end, free = persisted(machine, jnp.ones((COUNT, UNITS), jnp.float32))
    energy = -(states(UNITS) @ A[:UNITS])[:, None] - (ALL_H @ B)[None] - states(UNITS) @ W[:UNITS] @ ALL_H.T
    expected = np.exp(-energy).sum(1) / np.exp(-energy).sum()
    np.testing.assert_allclose(frequencies(end), expected, atol=NEAR)
    np.testing.assert_allclose(np.asarray(free).mean(0), expected @ states(UNITS), atol=NEAR)


@pytest.mark.parametrize("chance", [0.0, 0.3, 1.0])
def test_units_are_drawn_by_their_chance(chance):
    drawn = np.asarray(boltzmann.drawn(KEY, jnp.full((100, 100), chance, jnp.float32)))
    assert drawn.dtype == np.float32 and set(np.unique(drawn)) <= {0, 1}
    assert abs(drawn.mean() - chance) < 4 * np.sqrt(chance * (1 - chance) / 10000) + 1e-9
