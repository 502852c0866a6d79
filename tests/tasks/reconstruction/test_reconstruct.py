"""Reconstruction and denoising: their metrics by hand, PCA as the linear optimum, and packs."""

import functools

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from assay import data, models
from assay import spec as specs
from assay.config import Config
from assay.data import batches
from assay.spec import SpecError
from assay.sweep.pack import PackedProgram
from assay.tasks import Batch, LOSSES, Problem, TASKS, TrainState
from assay.tasks.reconstruction import codes
from assay.tasks.reconstruction.reconstruct import psnr
from assay.train.canonical import canonical
from assay.train.loop import Program, program_key

DIGITS = data.load("digits")
X = jnp.asarray(DIGITS.test.x[:6], jnp.float32) / 255
KEY = jax.random.key(0)
QUICK = {"xla_backend_optimization_level": 0}  # to compile


def task_of(task, model, loss="squared_error", dataset=DIGITS):
    """`model` is a Model or a Spec."""
    settings = {"activation": "tanh", "init": "lecun_normal", "norm": "none"}

    def make(outputs):
        return models.build(model, outputs=outputs, **settings) if isinstance(model, str) else model

    problem = Problem(make, specs.build(LOSSES, loss, "loss"), dataset, 1)
    return specs.build(TASKS, task, "task").make(problem)


def answering(logits_of):
    """A model that answers `logits_of(x)`; its code is the image."""

    def apply(params, state, x, *, key, train, offsets={}, method=None):
        logits = logits_of(x) + params["shift"] if method is None else x
        return models.Output(logits, {}, {}, {}), state

    return models.Model(lambda key, x: ({"shift": jnp.float32(0)}, {}), apply)


class Plain(nn.Module):
    """Images to images, without a code."""

    def __call__(self, x):
        return x


def evaluated(task, model, **kwargs):
    state = TrainState({"shift": jnp.float32(0)}, {}, ())
    return task_of(task, model, **kwargs).evaluate(state, X, None, KEY)


def test_psnr_in_decibels():
    np.testing.assert_allclose(psnr(jnp.array([1.0, 0.01, 0.25e-2, 0.0])), [0, 20, 26.0206, 100], rtol=1e-5, atol=1e-6)


def test_metrics_of_a_shifted_image():
    metrics = evaluated("reconstruct", answering(lambda x: x + 0.1))
    np.testing.assert_allclose(metrics["loss"], 64 * 0.01, rtol=1e-4)  # of the 64 pixels
    np.testing.assert_allclose(metrics["mse"], 0.01, rtol=1e-4)
    np.testing.assert_allclose(metrics["psnr"], 20, rtol=1e-4)
    assert metrics.keys() == set(TASKS["reconstruct"]().metrics)


def test_logits_of_the_cross_entropy_are_of_probabilities():
    three_to_one = answering(lambda x: jnp.full(x.shape, jnp.log(3.0)))
    metrics = evaluated("reconstruct", three_to_one, loss="cross_entropy")
    x = np.asarray(X, np.float64)
    axes = (1, 2, 3)
    np.testing.assert_allclose(metrics["mse"], np.mean((x - 0.75) ** 2, axes), rtol=1e-5)
    np.testing.assert_allclose(metrics["loss"], -np.sum(x * np.log(0.75) + (1 - x) * np.log(0.25), axes), rtol=1e-5)


@pytest.mark.parametrize("task", ["denoise", "denoise(noise='mask')", "denoise(noise='salt_pepper',level=0.1)"])
def test_to_pass_the_noise_on_gains_nothing(task):
    metrics = evaluated(task, answering(lambda x: x))
    np.testing.assert_allclose(metrics["psnr_gain"], 0, atol=1e-5)
    assert (metrics["mse"] > 1e-3).all() and metrics.keys() == set(specs.build(TASKS, task, "task").metrics)


def test_the_gain_is_over_the_noisy_image():
    """A model that makes a grey image: its error does not depend on the noise, the gain does."""
    grey = answering(lambda x: jnp.full(x.shape, 0.5))
    soft, loud = (evaluated(f"denoise(level={level})", grey) for level in (0.05, 2.0))
    np.testing.assert_allclose(soft["mse"], np.mean((np.asarray(X) - 0.5) ** 2, (1, 2, 3)), rtol=1e-5)
    np.testing.assert_array_equal(soft["psnr"], loud["psnr"])
    assert (soft["psnr_gain"] < 0).all() and (loud["psnr_gain"] > 0).all()


def test_a_step_learns_the_clean_image_from_a_noisy_one():
    task, tx = task_of("denoise", "autoencoder(hidden=(),code=3)"), optax.sgd(0.01)
    before = jax.jit(lambda: task.init(KEY, X, tx))()
    step = jax.jit(functools.partial(task.step, tx=tx))
    run = lambda key, x=X: step(before, Batch(x, jnp.zeros(6, jnp.int32), key, jnp.int32(0)))
    (after, loss), (_, again), (_, other) = run(KEY), run(KEY), run(jax.random.key(1))
    assert loss == again != other  # its noise is the key's
    for_noise, _ = jax.random.split(KEY)
    seen = jnp.clip(X + 0.3 * jax.random.normal(for_noise, X.shape), 0, 1)

    def expected(params):
        encoder, decoder = (params[name]["Dense_0"] for name in ("encoder", "decoder"))
        code = seen.reshape(6, -1) @ encoder["kernel"] + encoder["bias"][None]
        made = code @ decoder["kernel"] + decoder["bias"][None]
        return jnp.mean(jnp.sum((made - X.reshape(6, -1)) ** 2, 1))

    value, gradients = jax.jit(jax.value_and_grad(expected))(before.params)
    np.testing.assert_allclose(loss, value, rtol=1e-5)
    wanted = jax.tree.map(lambda p, g: p - np.float32(0.01) * g, before.params, gradients)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5), after.params, wanted)


def test_principal_components_are_a_linear_autoencoder():
    """With their directions as kernels, it has PCA's error and subspace; turned, its angle says so."""
    task = task_of("reconstruct", "autoencoder(hidden=(),code=5)")
    components = codes.Components(DIGITS.train.x, DIGITS.test.x, 5)
    v, mean = components.directions, DIGITS.train.x.reshape(1100, 64).mean(0) / 255

    def findings(v):
        encoder = {"Dense_0": {"kernel": v.T, "bias": -mean @ v.T}}
        params = {"encoder": encoder, "decoder": {"Dense_0": {"kernel": v, "bias": mean}}}
        params = jax.tree.map(lambda leaf: jnp.asarray(leaf, jnp.float32), params)
        return task.examine(TrainState(params, {}, ()), KEY)

    found = findings(v)
    assert found.metrics.keys() == set(TASKS["reconstruct"]().findings)
    np.testing.assert_allclose(found.metrics["mse_to_pca"], 1, rtol=1e-4)
    assert found.metrics["subspace_angle"] < 0.1
    assert 0 < found.metrics["pixel_retrieval_error"] < found.metrics["code_retrieval_error"] < 0.5
    grid = found.pictures["original, reconstruction"]
    assert grid.shape == (2, 10, 8, 8, 1) and grid.dtype == np.uint8
    np.testing.assert_array_equal(grid[0], DIGITS.test.x[:10])
    np.testing.assert_allclose(grid[1].mean(), grid[0].mean(), rtol=0.2)
    turned = v.copy()
    turned[0] = np.cos(0.3) * v[0] + np.sin(0.3) * np.linalg.svd(v)[2][-1]
    worse = findings(turned).metrics
    np.testing.assert_allclose(worse["subspace_angle"], np.degrees(0.3), rtol=1e-3)
    assert worse["mse_to_pca"] > 1.001


@pytest.mark.parametrize("task", ["reconstruct", "denoise"])
def test_what_has_no_code_or_no_pixels_is_refused(task):
    for model in ("mlp", models.from_linen(Plain(), (8, 8, 1))):
        with pytest.raises(SpecError, match="takes a model with the parts encode and decode, as autoencoder has"):
            task_of(task, model)
    with pytest.raises(SpecError, match=r"takes images, uint8 \[H, W, 1 or 3\], and xor has float32 \[2\]"):
        task_of(task, "autoencoder", dataset=data.load("xor"))


@pytest.mark.parametrize(
    "task, line",
    [
        ("denoise(noise='salt')", "unknown noise 'salt'; did you mean 'salt_pepper'?"),
        ("denoise(level=0.0)", "level must be above 0"),
        ("denoise(noise='mask',level=1.5)", "at most 1 unless noise is 'gaussian', not 1.5"),
    ],
)
def test_one_clear_line_for_a_wrong_noise(task, line):
    with pytest.raises(SpecError, match=line):
        specs.build(TASKS, task, "task")


@pytest.mark.parametrize(
    "task, model",
    [("reconstruct", "autoencoder(hidden=(6,),code=2)"), ("denoise", "conv_autoencoder(maps=(2,),code=2)")],
)
def test_a_packed_trial_is_the_solo_trial(task, model):
    base = Config(task=task, dataset="digits", model=model, lr=0.001, batch_size=100, epochs=0.3, evals=1, probe=())
    configs = [canonical(base), canonical(Config(**{**vars(base), "seed": 1, "lr": 0.002}))]
    packed = PackedProgram(Program(program_key(configs[0]), DIGITS), "map", batches.put_on_device(DIGITS), QUICK)

    def results(configs):
        carry = packed.advance(packed.start(configs), packed.trials(configs), 0, 3)
        final = packed.finish(carry)
        return [
            {name: final[name][i] for name in final}
            | dict(packed.program.examine(packed.train_state(carry, i), config.seed).metrics)
            for i, config in enumerate(configs)
        ]

    together, apart = results(configs), [results([config])[0] for config in configs]
    for ours, solo in zip(together, apart):
        assert ours.keys() == solo.keys()
        for name, value in solo.items():
            np.testing.assert_array_equal(ours[name], value, err_msg=name)
    assert together[0]["test_mse"] != together[1]["test_mse"]
