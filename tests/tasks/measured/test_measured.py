"""Tasks that measure against the truth: real targets, known probabilities, the gradient of the whole training set."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.stats

from assay import data, models
from assay import spec as specs
from assay.data import AUGMENTS
from assay.data.batches import Shown
from assay.data.toys import gauss_posterior
from assay.spec import SpecError
from assay.tasks import Batch, LOSSES, Problem, TASKS

KEY = jax.random.key(0)
SHOWN = Shown(KEY, jnp.arange(3), jnp.int32(0))


def task_of(task, dataset, model="mlp(depth=0)", loss="cross_entropy", batch_size=8):
    def made(outputs):
        return models.build(model, outputs=outputs, activation="tanh", init="lecun_normal", norm="none")

    problem = Problem(made, specs.build(LOSSES, loss, "loss"), data.load(dataset), 1, batch_size)
    return specs.build(TASKS, task, "task").make(problem)


def standard(dataset, role="test"):
    split = getattr(dataset, role)
    return jnp.asarray((split.x - dataset.mean) / dataset.std), jnp.asarray(split.y)


def with_kernel(state, kernel, bias):
    layer = {"kernel": jnp.asarray(kernel, jnp.float32), "bias": jnp.asarray(bias, jnp.float32)}
    assert jax.tree.map(jnp.shape, state.params) == {"Dense_0": jax.tree.map(jnp.shape, layer)}
    return state._replace(params={"Dense_0": layer})


# Real targets.


def test_sinc_is_the_function():
    sinc = data.load("sinc(n=400)")
    assert [len(split.y) for split in (sinc.train, sinc.validation, sinc.test)] == [200, 100, 100]
    x = sinc.train.x.astype(np.float64)
    np.testing.assert_allclose(sinc.train.y, np.sin(x) / x, atol=1e-6)
    assert sinc.train.y.dtype == np.float32 and sinc.num_classes == 1 and "synthetic" in sinc.note
    assert np.abs(x).max() <= 10 and data.load("sinc(n=400)").fingerprint == sinc.fingerprint
    with pytest.raises(SpecError, match="n .* must be at least 16"):
        data.load("sinc(n=15)")


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error"])
def test_regression_steps_down_the_loss_and_measures_the_squared_error(loss):
    task, sinc = task_of("regress", "sinc(n=64)", loss=loss), data.load("sinc(n=64)")
    x, y = standard(sinc)
    state = with_kernel(task.init(KEY, x, optax.sgd(0.5)), [[2.0]], [1.0])
    residual = np.asarray(2 * x + 1 - y, np.float64)
    metrics = jax.jit(task.evaluate)(state, x, y, KEY)
    np.testing.assert_allclose(metrics["mse"], residual[:, 0] ** 2, rtol=1e-5)
    expected = residual**2 if loss == "squared_error" else np.abs(residual)
    np.testing.assert_allclose(metrics["loss"], expected[:, 0], rtol=1e-5)
    after, value = jax.jit(task.step, static_argnums=2)(state, Batch(x, y, KEY, jnp.int32(0)), optax.sgd(0.5))
    np.testing.assert_allclose(value, expected.mean(), rtol=1e-5)
    slope = 2 * residual if loss == "squared_error" else np.sign(residual)
    np.testing.assert_allclose(after.params["Dense_0"]["bias"], [1 - 0.5 * slope.mean()], rtol=1e-5)
    np.testing.assert_allclose(after.params["Dense_0"]["kernel"], [[2 - 0.5 * (slope * x).mean()]], rtol=1e-5)


def test_absolute_error_of_labels_is_of_one_hot_targets():
    logits = jnp.array([[0.2, -0.5, 2.0]])
    loss = specs.build(LOSSES, "absolute_error", "loss")
    np.testing.assert_allclose(loss(logits, jnp.array([2])), [0.2 + 0.5 + 1.0], rtol=1e-6)


@pytest.mark.parametrize(
    "task, dataset", [("regress", "xor(n=64)"), ("classify", "sinc(n=64)"), ("known_posterior", "xor(n=64)")]
)
def test_a_task_refuses_data_of_another_kind(task, dataset):
    with pytest.raises(SpecError, match="takes"):
        task_of(task, dataset)


@pytest.mark.parametrize("kind, law", [("gaussian", scipy.stats.norm), ("laplace", scipy.stats.laplace)])
def test_target_noise_has_its_law_and_leaves_x(kind, law):
    noise = specs.build(AUGMENTS, f"target_noise(kind='{kind}',std=0.5)", "augment")
    x, y = jnp.ones((4000, 1)), jnp.full((4000, 1), 3.0)
    seen, target = noise(KEY, x, y, SHOWN)
    assert seen is x and target.dtype == y.dtype
    scale = 0.5 if kind == "gaussian" else 0.5 / np.sqrt(2)  # the Laplace law's std is sqrt(2) times its scale
    assert scipy.stats.kstest(np.asarray(target[:, 0]), law(3, scale).cdf).pvalue > 0.01
    assert abs(float(target.std()) - 0.5) < 0.03


@pytest.mark.parametrize("spec, y, said", [
    ("target_noise", jnp.arange(3), "needs real targets"),
    ("target_noise(kind='cauchy')", jnp.ones((3, 1)), "kind must be"),
    ("target_noise(std=-1.0)", jnp.ones((3, 1)), "std must be"),
])  # fmt: skip
def test_wrong_target_noise(spec, y, said):
    with pytest.raises(ValueError, match=said):
        specs.build(AUGMENTS, spec, "augment")(KEY, jnp.ones((3, 1)), y, SHOWN)


# Known probabilities.


def test_the_posterior_is_bayes_rule():
    x = np.random.default_rng(0).normal(0, 4, (50, 2))
    density = [scipy.stats.multivariate_normal(mean, 4.0).pdf(x) for mean in ([-2, -2], [2, 2])]  # 0.5 + 7 * 0.5
    np.testing.assert_allclose(gauss_posterior(x, 0.5), density[1] / sum(density), rtol=1e-9)
    toy = data.load("gauss(noise=0.5,n=20000)").train
    predicted, edges = gauss_posterior(toy.x.astype(np.float64), 0.5), np.linspace(0, 1, 6)
    for low, high in zip(edges, edges[1:]):
        inside = (predicted >= low) & (predicted < high)
        assert abs(toy.y[inside].mean() - predicted[inside].mean()) < 0.06


def test_the_distance_is_to_the_true_probability():
    toy = data.load("gauss(noise=0.5,n=64)")
    task = task_of("known_posterior", "gauss(noise=0.5,n=64)")
    x, y = standard(toy)
    start = task.init(KEY, x, optax.sgd(0.1))
    # The log odds are x1 + x2 in the data's own units: variance 4 and means 2 apart from 0.
    weights = toy.std[:, None] * np.array([[-0.5, 0.5]])
    right = with_kernel(start, weights, [-toy.mean.sum() / 2, toy.mean.sum() / 2])
    metrics = jax.jit(task.evaluate)(right, x, y, KEY)
    np.testing.assert_allclose(metrics["distance"], 0, atol=1e-6)
    assert set(metrics) == {"loss", "error", "distance"}
    even = with_kernel(start, np.zeros((2, 2)), [0.0, 0.0])
    truth = gauss_posterior(toy.test.x, 0.5)
    np.testing.assert_allclose(jax.jit(task.evaluate)(even, x, y, KEY)["distance"], abs(truth - 0.5), atol=1e-6)
    squared = task_of("known_posterior", "gauss(noise=0.5,n=64)", loss="squared_error")
    wild = with_kernel(start, np.zeros((2, 2)), [0.0, 1.7])  # an output beyond 1 is taken for 1
    np.testing.assert_allclose(jax.jit(squared.evaluate)(wild, x, y, KEY)["distance"], 1 - truth, atol=1e-6)


# The gradient's noise.


@pytest.mark.parametrize("batch_size", [1, 5])
def test_gradient_variance_is_that_of_single_examples_over_the_batch_size(batch_size):
    toy = data.load("gauss(noise=0.5,n=60)")
    task = task_of("gradient_noise(draws=4000)", toy.name, batch_size=batch_size)
    x, y = (np.asarray(part) for part in standard(toy, "train"))
    rng = np.random.default_rng(0)
    kernel, bias = rng.normal(size=(2, 2)), rng.normal(size=2)
    state = with_kernel(task.init(KEY, jnp.asarray(x), optax.sgd(0.1)), kernel, bias)
    logits = x @ kernel + bias
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    of_logits = p - np.eye(2)[y]
    single = np.concatenate([(x[:, :, None] * of_logits[:, None]).reshape(len(y), -1), of_logits], 1)
    variance = ((single - single.mean(0)) ** 2).sum(1).mean()
    found = task.examine(state, jax.random.key(4)).metrics
    np.testing.assert_allclose(found["gradient_variance"], variance / batch_size, rtol=0.1)
    np.testing.assert_allclose(found["batch_gradient_variance"], batch_size * found["gradient_variance"])
    with pytest.raises(SpecError, match="draws must be"):
        specs.build(TASKS, "gradient_noise(draws=1)", "task")
