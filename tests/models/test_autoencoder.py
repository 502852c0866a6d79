"""Autoencoders: sizes, parts that make the whole, and what they refuse."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from assay import models
from assay.spec import SpecError


def built(spec, shape):
    model = models.build(spec, activation="tanh", init="lecun_normal", norm="none", outputs=shape)
    x = jnp.asarray(np.random.default_rng(0).uniform(size=(3, *shape)), jnp.float32)
    return model, x


@pytest.mark.parametrize(
    "spec, parameters",
    [
        ("autoencoder", 2_837_314),  # Hinton & Salakhutdinov's 784-1000-500-250-30 and back
        ("autoencoder(hidden=())", 784 * 30 + 30 + 30 * 784 + 784),
        ("autoencoder(hidden=(),code=6)", 784 * 6 + 6 + 6 * 784 + 784),
        ("conv_autoencoder", 112_639),
    ],
)
def test_parameter_counts_at_28x28(spec, parameters):
    model, x = built(spec, (28, 28, 1))
    params, _ = jax.eval_shape(model.init, jax.random.key(0), x)
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == parameters


def test_the_nine_layers_mirror_each_other():
    model, x = built("autoencoder", (28, 28, 1))
    params, _ = jax.eval_shape(model.init, jax.random.key(0), x)
    output, _ = jax.eval_shape(lambda p: model.apply(p, {}, x, key=None, train=False), params)
    sizes = [784] + [output.linear[name].shape[1] for name in sorted(output.linear)]
    assert sizes == [784, 1000, 500, 250, 30, 250, 500, 1000, 784]
    assert len(output.activations) == 6  # none at the code, none at the output


@pytest.mark.parametrize(
    "spec, shape, code",
    [
        ("autoencoder(hidden=(5,),code=2)", (3, 2, 1), 2),
        ("autoencoder(hidden=(),code=4)", (6,), 4),
        ("conv_autoencoder(maps=(2,3),code=5)", (7, 5, 3), 5),
        ("conv_autoencoder(maps=(2,),code=1)", (1, 4, 1), 1),
    ],
)
def test_the_parts_make_the_whole(spec, shape, code):
    model, x = built(spec, shape)

    @functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
    def both(key):
        params, state = model.init(key, x)
        run = lambda x, method=None: model.apply(params, state, x, key=None, train=False, method=method)[0].logits
        encoded = run(x, "encode")
        return run(x), encoded, run(encoded, "decode")

    whole, encoded, decoded = both(jax.random.key(0))
    assert encoded.shape == (3, code) and whole.shape == x.shape
    np.testing.assert_allclose(whole, decoded, rtol=1e-5, atol=1e-6)
    assert np.ptp(whole, axis=0).max() > 1e-4  # the code says which image it is of


@pytest.mark.parametrize(
    "spec, line",
    [
        ("autoencoder(code=0)", "code must be at least 1, not 0"),
        ("autoencoder(hidden=(10,0))", r"hidden must hold whole numbers from 1 on, as in \(16,32\), not \(10, 0\)"),
        ("autoencoder(hidden=(2.5,))", "hidden must hold whole numbers"),
        ("autoencoder(hidden=10)", "argument hidden must be of type tuple, not 10"),
        ("conv_autoencoder(maps=())", r"maps must hold at least one number, as in \(16,32\)"),
        ("conv_autoencoder(code=-1)", "code must be at least 1, not -1"),
    ],
)
def test_one_clear_line_for_a_wrong_spec(spec, line):
    with pytest.raises(SpecError, match=line):
        built(spec, (8, 8, 1))


def test_a_convolutional_one_takes_images():
    model, x = built("conv_autoencoder", (28, 28, 1))
    with pytest.raises(ValueError, match=r"takes images \[B, H, W, C\], not \[3, 784\]"):
        jax.eval_shape(model.init, jax.random.key(0), x.reshape(3, -1))
