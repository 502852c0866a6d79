"""The deep belief network: counts, its forward pass and its machines against NumPy."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from assay import models
from assay.models import dbn
from assay.spec import SpecError

random = np.random.default_rng(0)
KEY = jax.random.key(0)
SMALL = "dbn(widths=(4,3))"
X = jnp.asarray(random.uniform(size=(5, 3, 2, 1)), jnp.float32)


def built(spec=SMALL, outputs=2, shape=None):
    settings = {"activation": "sigmoid", "init": "meanfield(sigma_b2=1.0,sigma_w2=2.0)", "norm": "none"}
    return models.build(spec, **settings, outputs=outputs, shape=shape)


def sigmoid(z):
    return 1 / (1 + np.exp(-np.asarray(z, np.float64)))


def on_host(params):
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)


def counted(spec, outputs, x=(28, 28, 1)):
    params, state = jax.eval_shape(built(spec, outputs).init, KEY, jnp.zeros((1, *x)))
    assert not jax.tree.leaves(state)
    return sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(params))


def test_parameters_of_the_published_network():
    """Hinton et al. 2006, figure 1: 784-500-500-2000 and 10 labels; "about 1.7 million weights" (section 6)."""
    weights = 784 * 500 + 500 * 500 + (500 + 10) * 2000
    assert round(weights / 1e6, 1) == 1.7
    visible, hidden = 784 + 500 + (500 + 10), 500 + 500 + 2000
    assert counted("dbn", 10) == weights + visible + hidden == 1_666_794
    assert counted("rbm", (28, 28, 1)) == 784 * 500 + 784 + 500


@functools.cache
def started():
    model = built()
    params, _ = jax.jit(model.init)(KEY, X)
    return model, params


def test_the_forward_pass_is_of_probabilities():
    model, params = started()
    output, _ = model.apply(params, {}, X, key=None, train=False)
    (first, second), readout = dbn.layers(on_host(params)), on_host(params["Dense_0"])
    one = sigmoid(np.asarray(X, np.float64).reshape(5, -1) @ first.kernel + first.hidden)
    two = sigmoid(one @ second.kernel + second.hidden)
    expected = two @ readout["kernel"] + readout["bias"]
    np.testing.assert_allclose(output.logits, expected, rtol=1e-4, atol=1e-5)
    for found, expected in zip(output.activations.values(), (one, two), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_machines_share_what_lies_between_them():
    _, params = started()
    first, second = dbn.layers(params)
    assert (first.kernel.shape, first.visible.shape, first.hidden.shape) == ((6, 4), (6,), (4,))
    assert (second.kernel.shape, second.visible.shape, second.hidden.shape) == ((4, 3), (4,), (3,))
    joint = dbn.joint(params)
    assert joint.kernel.shape == (6, 3) and joint.hidden is second.hidden
    np.testing.assert_array_equal(joint.kernel[4:], params["Dense_0"]["kernel"].T)
    np.testing.assert_array_equal(joint.visible[4:], params["Dense_0"]["bias"])


def test_an_example_comes_out_by_the_transposed_kernels():
    model = built(outputs=(3, 2, 1), shape=(3, 2, 1))
    params, _ = model.init(KEY, X)
    output, _ = model.apply(params, {}, X, key=None, train=False)
    first, second = dbn.layers(on_host(params))
    top = np.asarray(list(output.activations.values())[-1], np.float64)
    middle = sigmoid(top @ second.kernel.T + second.visible)
    expected = middle @ first.kernel.T + first.visible
    np.testing.assert_allclose(output.logits, expected.reshape(5, 3, 2, 1), rtol=1e-4, atol=1e-5)


def test_downwards_draws_between_the_layers():
    count = 4000
    weights = [(random.normal(size=shape), random.normal(size=shape[1])) for shape in ((2, 3), (2, 2))]
    chance = np.array([0.3, 0.8])
    states = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], float)
    of = lambda p: np.prod(np.where(states, p, 1 - p), axis=-1)  # chances of the states
    middle = sum(weight * of(sigmoid(h @ weights[1][0] + weights[1][1])) for weight, h in zip(of(chance), states))
    expected = middle @ sigmoid(states @ weights[0][0] + weights[0][1])
    down = [tuple(jnp.asarray(array, jnp.float32) for array in pair) for pair in weights]
    found = dbn.downwards(down, jnp.tile(jnp.asarray(chance, jnp.float32), (count, 1)), KEY)
    np.testing.assert_allclose(found.mean(0), expected, atol=4 * np.sqrt(0.25 / count))
    assert np.unique(found[:, 0]).size <= 4  # of four states, not of their mean
    np.testing.assert_array_equal(dbn.downwards([], X[0, :, :, 0], KEY), X[0, :, :, 0])


def test_dropout_is_of_training_alone():
    model, (_, params) = built("dbn(dropout=0.5,widths=(4,3))"), started()
    plain, _ = started()
    run = lambda model, train: np.asarray(model.apply(params, {}, X, key=KEY, train=train)[0].logits)
    np.testing.assert_array_equal(run(model, False), run(plain, False))
    np.testing.assert_array_equal(run(plain, True), run(plain, False))
    assert np.any(run(model, True) != run(model, False))


@pytest.mark.parametrize("spec", ["dbn(widths=())", "dbn(widths=(500,0))", "dbn(widths=(1.5,))"])
def test_widths_that_are_none(spec):
    with pytest.raises(SpecError, match="widths must hold the sizes of one hidden layer or more, as in .500,500."):
        built(spec)
