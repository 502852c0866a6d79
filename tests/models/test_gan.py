"""GAN and DCGAN: published sizes, shapes, and the spectral norm against NumPy."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from assay import models
from assay.spec import SpecError

SETTINGS = {"activation": "leaky_relu", "init": "he_normal", "norm": "none"}
KEY = jax.random.key(0)


def model_of(spec, outputs, **kwargs):
    return models.build(spec, **(SETTINGS | kwargs), outputs=outputs, shape=(1,))


def sizes(model, latent):
    params, _ = jax.eval_shape(model.init, KEY, jnp.zeros((2, latent)))
    assert set(params) == {"generator", "discriminator"}
    return {name: sum(leaf.size for leaf in jax.tree.leaves(of)) for name, of in params.items()}


def test_the_perceptrons_count():
    found = sizes(model_of("gan(width=1200)", (28, 28, 1)), 100)
    assert found["generator"] == 101 * 1200 + 1201 * 1200 + 1201 * 784
    assert found["discriminator"] == 785 * 1200 + 1201 * 1200 + 1201


def test_a_narrower_discriminator_counts():
    found = sizes(model_of("gan(critic_width=30,width=1200)", (28, 28, 1)), 100)
    assert found["generator"] == 101 * 1200 + 1201 * 1200 + 1201 * 784
    assert found["discriminator"] == 785 * 30 + 31 * 30 + 31
    found = sizes(model_of("dcgan(critic_width=4,depth=1,width=8)", (8, 8, 1)), 10)
    assert found == {"generator": 11 * 4 * 4 * 8 + 16 * 8 + 1, "discriminator": 16 * 4 + 4 + 4 * 4 * 4 + 1}


def test_the_convolutional_ones_count():
    """PyTorch's DCGAN (64 maps, 64x64x3): 3,576,704 and 2,765,568, without readout biases and the first norm of D."""
    found = sizes(model_of("dcgan(depth=4)", (64, 64, 3), norm="batch_norm"), 100)
    assert found == {"generator": 3_576_704 + 3, "discriminator": 2_765_568 + 1 + 2 * 64}


@pytest.mark.parametrize(
    "spec, shape",
    [("gan(width=4)", (5,)), ("dcgan(width=2)", (28, 26, 1)), ("dcgan(depth=3,width=1)", (32, 32, 3))],
)
def test_shapes_of_the_parts(spec, shape):
    model = model_of(spec, shape)
    params, state = jax.eval_shape(model.init, KEY, jnp.zeros((2, 100)))
    x = jnp.zeros((3, *shape))
    z = jax.eval_shape(lambda: model.apply({}, {}, x, key=KEY, train=False, method="prior")[0].logits)
    assert z.shape == (3, 100)
    run = lambda x, method: jax.eval_shape(
        lambda p, s: model.apply(p, s, x, key=None, train=False, method=method)[0], params, state
    )
    assert run(jnp.zeros((3, 100)), "generate").logits.shape == (3, *shape)
    assert run(x, "discriminate").logits.shape == (3, 1)


def test_codes_are_standard_normal_and_their_keys():
    model = model_of("gan(latent=50,width=2)", (4,))
    prior = functools.partial(model.apply, {}, {}, jnp.zeros((400, 4)), train=False, method="prior")
    draw = lambda seed: prior(key=jax.random.key(seed))[0].logits
    a = np.asarray(draw(1))
    assert abs(a.mean()) < 0.03 and abs(a.std() - 1) < 0.03
    np.testing.assert_array_equal(a, draw(1))
    assert np.any(a != draw(2))


@pytest.mark.parametrize(
    "spec, shape",
    [("gan(latent=3,spectral_norm=True,width=6)", (7,)), ("dcgan(latent=3,spectral_norm=True,width=3)", (8, 8, 1))],
)
def test_spectral_norm_divides_kernels_by_their_singular_value(spec, shape):
    """After many iterations, the discriminator is the plain one with kernels W / sigma_1(W)."""
    model, plain = model_of(spec, shape), model_of(spec.replace("spectral_norm=True,", ""), shape)
    random = np.random.default_rng(0)
    draw = lambda leaf: jnp.asarray(random.normal(size=leaf.shape), jnp.float32)
    x = draw(jnp.zeros((5, *shape)))
    shapes = jax.eval_shape(model.init, KEY, jnp.zeros((2, 3)))
    params, state = jax.tree.map(draw, shapes)
    assert jax.tree.structure(params) == jax.tree.structure(jax.eval_shape(plain.init, KEY, jnp.zeros((2, 3)))[0])
    sigmas = {}

    def divided(where, leaf):
        if leaf.ndim < 2:
            return leaf
        matrix = np.asarray(leaf, np.float64).reshape(-1, leaf.shape[-1])
        largest = sigmas[where[0].key] = np.linalg.svd(matrix, compute_uv=False)[0]
        return leaf / np.float32(largest)

    @functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
    def run(params, expected_params, state):
        normed = functools.partial(model.apply, params, key=None, method="discriminate")
        after = jax.lax.fori_loop(0, 300, lambda _, state: normed(state, x, train=True)[1], state)
        output, untouched = normed(after, x, train=False)
        assert untouched is after
        assert len(output.linear) == 3  # the layers are observed behind the norm
        expected, _ = plain.apply(expected_params, {}, x, key=None, train=False, method="discriminate")
        return after, output.logits, expected.logits

    expected_params = params | {
        "discriminator": jax.tree_util.tree_map_with_path(divided, params["discriminator"])
    }
    after, found, expected = run(params, expected_params, state)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    kept = {name: leaf for stats in after["batch_stats"]["discriminator"].values() for name, leaf in stats.items()}
    assert len(sigmas) == 3
    for layer, sigma in sigmas.items():
        np.testing.assert_allclose(kept[f"{layer}/kernel/sigma"], sigma, rtol=1e-4)


def test_spectral_norm_stands_for_the_discriminators_normalisation():
    model = model_of("dcgan(spectral_norm=True,width=2)", (8, 8, 1), norm="batch_norm")
    params, _ = jax.eval_shape(model.init, KEY, jnp.zeros((2, 100)))
    assert any("Norm" in name for name in params["generator"])
    assert not any("Norm" in name for name in params["discriminator"])


@pytest.mark.parametrize(
    "spec, outputs, message",
    [
        ("gan", 10, "makes examples, not classes or values; train it with --task=adversarial"),
        ("gan(latent=0)", (4,), "latent, width, depth and critic_width must be at least 1, not 0, 256, 2 and 256"),
        ("dcgan(critic_width=0)", (4,), "critic_width must be at least 1, not 100, 64, 2 and 0"),
    ],
)
def test_what_they_refuse(spec, outputs, message):
    with pytest.raises(SpecError, match=message):
        model_of(spec, outputs)


def test_a_convolutional_one_makes_images():
    with pytest.raises(ValueError, match="makes images .H, W, C., not .5.; gan makes any shape"):
        jax.eval_shape(model_of("dcgan", (5,)).init, KEY, jnp.zeros((2, 100)))
