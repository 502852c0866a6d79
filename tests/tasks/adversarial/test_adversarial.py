"""Adversarial learning: losses against formulas, the gradient penalty, alternating steps, packs."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from assay import models
from assay import spec as specs
from assay.config import Config
from assay.data import batches, load
from assay.spec import SpecError
from assay.sweep.pack import PackedProgram
from assay.tasks import Batch, LOSSES, Problem, TASKS
from assay.tasks.adversarial.adversarial import gradient_penalty
from assay.train.canonical import canonical
from assay.train.loop import Program, program_key

random = np.random.default_rng(0)
REAL, FAKE = (random.normal(size=9).astype(np.float32) * 3 for _ in range(2))
KEY = jax.random.key(0)
MODEL = "gan(depth=1,latent=3,width=5)"
SETTINGS = {"activation": "tanh", "init": "lecun_normal", "norm": "none"}


def task_of(task="adversarial", model=MODEL, loss="non_saturating", dataset="digits", **kwargs):
    made = lambda outputs, shape=None: models.build(model, **(SETTINGS | kwargs), outputs=outputs, shape=shape)
    problem = Problem(made, specs.build(LOSSES, loss, "loss"), load(dataset), 1)
    return specs.build(TASKS, task, "task").make(problem)


# Losses.


def sigmoid(x):
    return 1 / (1 + np.exp(-np.asarray(x, np.float64)))


FORMULAS = {
    "non_saturating": (
        lambda r, f: -np.log(sigmoid(r)) - np.log(1 - sigmoid(f)),
        lambda f: -np.log(sigmoid(f)),
    ),
    "minimax": (
        lambda r, f: -np.log(sigmoid(r)) - np.log(1 - sigmoid(f)),
        lambda f: np.log(1 - sigmoid(f)),
    ),
    "least_squares": (lambda r, f: ((r - 1) ** 2 + f**2) / 2, lambda f: (f - 1) ** 2 / 2),
    "wasserstein_gp": (lambda r, f: f - r, lambda f: -f),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_losses_are_their_formulas(name):
    loss, (discriminator, generator) = specs.build(LOSSES, name, "loss"), FORMULAS[name]
    found = loss.discriminator(jnp.asarray(REAL), jnp.asarray(FAKE))
    np.testing.assert_allclose(found, discriminator(REAL, FAKE), rtol=1e-5)
    np.testing.assert_allclose(loss.generator(jnp.asarray(FAKE)), generator(FAKE), rtol=1e-5)
    assert loss.penalty == (10 if name == "wasserstein_gp" else 0)
    # The generator gains by higher logits, the discriminator by higher real and lower generated ones.
    middle = jnp.float32(0.25)
    assert jax.grad(loss.generator)(middle) < 0
    by_real, by_fake = jax.grad(loss.discriminator, argnums=(0, 1))(middle, middle)
    assert by_real < 0 < by_fake


def test_large_logits_stay_finite():
    for name in ("non_saturating", "minimax"):
        loss = specs.build(LOSSES, name, "loss")
        for logits in (jnp.float32(1e4), jnp.float32(-1e4)):
            assert np.isfinite(loss.discriminator(logits, logits)) and np.isfinite(loss.generator(logits))


@pytest.mark.parametrize("penalty", ["0.0", "-1.0"])
def test_a_penalty_that_is_none_is_refused(penalty):
    with pytest.raises(SpecError, match="penalty must be above 0 and finite"):
        specs.build(LOSSES, f"wasserstein_gp(penalty={penalty})", "loss")


def test_losses_are_for_their_tasks():
    with pytest.raises(SpecError, match="this task takes a loss of .logits, targets."):
        task_of("classify", "mlp", "least_squares")
    for loss in ("cross_entropy", "own"):
        with pytest.raises(SpecError, match="task adversarial takes a loss of two adversaries: non_saturating, "):
            task_of(loss=loss)


# The gradient penalty.


def test_the_penalty_of_a_linear_critic_is_of_its_slope():
    real, fake = (jnp.asarray(random.normal(size=(6, 2, 2)), jnp.float32) for _ in range(2))
    slope = jnp.asarray([[3.0, 0.0], [0.0, 4.0]])
    linear = lambda x: jnp.sum(x * slope[None], axis=(1, 2))
    np.testing.assert_allclose(gradient_penalty(linear, real, fake, KEY), (5 - 1) ** 2, rtol=1e-5)
    flat = lambda slope: gradient_penalty(lambda x: slope * jnp.sum(x, axis=(1, 2)), real, fake, KEY)
    value, gradient = jax.value_and_grad(flat)(jnp.float32(0))
    np.testing.assert_allclose(value, 1, rtol=1e-5)
    assert np.isfinite(gradient)


def test_the_penalty_against_finite_differences():
    real, fake = random.normal(size=(4, 3)), random.normal(size=(4, 3))
    weights = random.normal(size=3)
    critic = lambda x: np.sin(x @ weights) + (x**2).sum(-1)
    share = np.asarray(jax.random.uniform(KEY, (4, 1)), np.float64)
    points, h = share * real + (1 - share) * fake, 1e-5
    gradients = np.stack([(critic(points + h * e) - critic(points - h * e)) / (2 * h) for e in np.eye(3)], -1)
    expected = np.mean((np.linalg.norm(gradients, axis=-1) - 1) ** 2)
    w = jnp.asarray(weights, jnp.float32)
    found = gradient_penalty(
        lambda x: jnp.sin(x @ w) + jnp.sum(x * x, -1),
        jnp.asarray(real, jnp.float32), jnp.asarray(fake, jnp.float32), KEY,
    )  # fmt: skip
    np.testing.assert_allclose(found, expected, rtol=1e-4)


# Steps.

X = jnp.asarray(random.uniform(size=(12, 8, 8, 1)), jnp.float32)
BATCH = Batch(X, jnp.zeros(12, jnp.int32), jax.random.key(1), jnp.int32(0))


@functools.cache
def stepped(task="adversarial", loss="non_saturating", norm="none", tx=optax.sgd(0.1)):
    task = task_of(task, loss=loss, norm=norm)

    @functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})
    def run():
        before = task.init(KEY, X, tx)
        return before, *task.step(before, BATCH, tx)

    return run()


def moved(before, after, player):
    return jax.tree.map(lambda a, b: np.asarray(b) - np.asarray(a), before.params[player], after.params[player])


@pytest.mark.parametrize("loss", FORMULAS)
def test_a_step_moves_every_kernel_of_both(loss):
    before, after, value = stepped(loss=loss)
    assert np.isfinite(value)
    for player in ("generator", "discriminator"):
        layers = moved(before, after, player).values()
        # A critic's last bias is its level, which nothing pulls at.
        assert all(np.any(layer["kernel"] != 0) for layer in layers), player
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(after))
    assert jax.tree.structure(before) == jax.tree.structure(after)


def test_a_step_by_hand():
    """The discriminator's gradient at the old generator, then the generator's against the new discriminator."""
    before, after, value = stepped()
    first, last = jax.random.split(BATCH.key, 2)
    model = models.build(MODEL, **SETTINGS, outputs=(8, 8, 1), shape=(1,))
    draw = lambda key: model.apply({}, {}, X, key=key, train=False, method="prior")[0].logits
    z, later = draw(jax.random.split(first)[0]), draw(last)

    def network(of, x):
        x = jnp.tanh(x.reshape(12, -1) @ of["Dense_0"]["kernel"] + of["Dense_0"]["bias"][None])
        return x @ of["Dense_1"]["kernel"] + of["Dense_1"]["bias"][None]

    made = lambda of, z: jax.nn.sigmoid(network(of, z))
    generator, discriminator = before.params["generator"], before.params["discriminator"]

    def discriminators(of):
        real, fake = network(of, X), network(of, made(generator, z))
        return -jnp.mean(jnp.log(jax.nn.sigmoid(real)) + jnp.log(1 - jax.nn.sigmoid(fake)))

    down = lambda loss, of: jax.tree.map(lambda p, g: p - np.float32(0.1) * g, of, jax.grad(loss)(of))
    new = down(discriminators, discriminator)
    generators = lambda of: -jnp.mean(jnp.log(jax.nn.sigmoid(network(new, made(of, later)))))
    close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6)
    jax.tree.map(close, after.params["discriminator"], new)
    jax.tree.map(close, after.params["generator"], down(generators, generator))
    close(value, discriminators(discriminator) + generators(generator))


def test_the_generator_has_its_own_rate():
    before, after, _ = stepped()
    _, faster, _ = stepped("adversarial(generator_rate=3.0)")
    close = functools.partial(np.testing.assert_allclose, rtol=1e-3, atol=1e-6)
    mine, three = moved(before, after, "generator"), moved(before, faster, "generator")
    jax.tree.map(lambda a, b: close(3 * a, b), mine, three)
    jax.tree.map(close, after.params["discriminator"], faster.params["discriminator"])


def test_a_critic_takes_its_steps_on_parts_of_the_batch():
    tx = optax.scale_by_schedule(lambda count: -0.1)
    _, after, _ = stepped("adversarial(critic_steps=3)", tx=tx)
    count = lambda player: int(after.opt_state[player].count)
    assert (count("discriminator"), count("generator")) == (3, 1)
    with pytest.raises(SpecError, match="a batch of 12 does not divide into critic_steps=5 equal parts"):
        stepped("adversarial(critic_steps=5)")


def test_statistics_of_both_move_in_training():
    before, after, _ = stepped(norm="batch_norm")
    changed = jax.tree.map(lambda a, b: bool(np.any(a != b)), before.state, after.state)["batch_stats"]
    assert set(changed) == {"generator", "discriminator"} and all(jax.tree.leaves(changed))


def test_a_step_records_the_answers_before_it():
    """Against the discriminator's answers to the batch and to as many generated examples, by hand."""
    task = task_of()
    before = task.init(KEY, X, optax.sgd(0.1))
    before = before._replace(opt_state=before.opt_state | {"errors": jnp.full(3, jnp.nan)})
    after = jax.jit(lambda state: task.step(state, BATCH._replace(step=jnp.int32(1)), optax.sgd(0.1))[0])(before)
    model = models.build(MODEL, **SETTINGS, outputs=X.shape[1:], shape=(1,))
    part, _ = jax.random.split(BATCH.key, 2)  # of the one critic step, and of the generator's
    run = lambda x, method, key=None: model.apply(before.params, {}, x, key=key, train=False, method=method)[0].logits
    z = run(X, "prior", jax.random.split(part)[0])
    logits = [np.asarray(run(x, "discriminate")) for x in (X, jax.nn.sigmoid(run(z, "generate")))]
    expected = (np.mean(logits[0] <= 0) + np.mean(logits[1] > 0)) / 2
    assert 0 < expected < 1
    np.testing.assert_allclose(after.opt_state["errors"], [np.nan, expected, np.nan], rtol=1e-6)


def test_metrics_of_networks_that_answer_alike():
    task = task_of(init="zeros")
    state = task.init(KEY, X, optax.sgd(0.1))
    metrics = jax.jit(task.evaluate)(state, X, BATCH.y, KEY)
    np.testing.assert_allclose(metrics["loss"], 2 * np.log(2), rtol=1e-6)
    np.testing.assert_allclose(metrics["generator_loss"], np.log(2), rtol=1e-6)
    np.testing.assert_array_equal(metrics["discriminator_error"], 0.5)
    np.testing.assert_array_equal(metrics["ranking_error"], 0.5)
    # Every generated image is the sigmoid of 0.
    expected = np.sqrt(np.mean((np.asarray(X) - 0.5) ** 2, axis=(1, 2, 3)))
    np.testing.assert_allclose(metrics["distance"], expected, rtol=1e-4)
    sick = state._replace(params=jax.tree.map(lambda leaf: leaf * np.nan, state.params))
    metrics = jax.jit(task.evaluate)(sick, X, BATCH.y, KEY)
    np.testing.assert_array_equal(metrics["discriminator_error"], 1)
    np.testing.assert_array_equal(metrics["ranking_error"], 1)


@pytest.mark.parametrize(
    "task, message",
    [
        ("adversarial(critic_steps=0)", "critic_steps must be at least 1"),
        ("adversarial(generator_rate=0.0)", "generator_rate must"),
    ],
)
def test_arguments_out_of_range(task, message):
    with pytest.raises(SpecError, match=message):
        specs.build(TASKS, task, "task")


def test_another_model_is_refused():
    with pytest.raises(SpecError, match="task adversarial takes a model of two networks, gan or dcgan"):
        task_of(model="autoencoder").init(KEY, X, optax.sgd(0.1))


# Through the trainer.

BASE = canonical(
    Config(task="adversarial", model=MODEL, optimizer="momentum", lr=0.05, epochs=0.2, evals=2, batch_size=100)
)


def packed(configs, mapping):
    data = load("digits")
    program = Program(program_key(configs[0]), data)
    pack = PackedProgram(program, mapping, batches.put_on_device(data), {"xla_backend_optimization_level": 0})
    carry = pack.advance(pack.start(configs), pack.trials(configs), 0, program.steps)
    leaves = [np.asarray(leaf).reshape(len(configs), -1) for leaf in jax.tree.leaves(carry.train_state)]
    errors = np.asarray(carry.train_state.opt_state["errors"]).reshape(len(configs), -1)
    return np.concatenate(leaves, axis=1), pack.progress_of(carry)[1], errors


def packed_as_solo(**fields):
    """The record of a pack of two seeds, whose every number is that of the runs alone."""
    configs = [dataclasses.replace(BASE, **fields, seed=seed) for seed in (0, 1)]
    together = packed(configs, "map")
    for i, config in enumerate(configs):
        for alone, both in zip(packed([config], "loop"), together):
            np.testing.assert_array_equal(alone[0], both[i])
    assert np.isfinite(together[1]).all() and np.any(together[0][0] != together[0][1])
    return together[2]


def test_packed_is_solo():
    assert BASE.loss == "non_saturating"
    packed_as_solo()


def test_convolutional_ones_train_in_a_pack():
    """The discriminator learns: it finds the first images of the generator out."""
    model = "dcgan(critic_width=8,depth=1,latent=3,spectral_norm=True,width=4)"
    errors = packed_as_solo(model=model, lr=0.1, epochs=3.0, evals=1)
    assert (errors[:, 10:].mean(axis=1) < 0.2).all(), errors
    assert (errors[:, 0] > 0.4).all(), errors
