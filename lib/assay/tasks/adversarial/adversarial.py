"""Adversarial learning: a generator against a discriminator, one after the other in every step."""

from collections.abc import Callable
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from assay.models import Model
from assay.spec import SpecError
from assay.tasks.adversarial.losses import AdversarialLoss
from assay.tasks.adversarial.record import RECORD, summary
from assay.tasks.adversarial.sample_scores import SCORES, SampleScores
from assay.tasks.task import Findings, Learning, Problem, Task, TrainState

PLAYERS = ("generator", "discriminator")
SAMPLES = 10_000  # generated after training, as in Goodfellow et al. 2014
SIDE = 8  # images in a row and in a column of the picture of samples


def adversarial(critic_steps: int = 1, generator_rate: float = 1.0) -> Learning:
    """Two networks against each other (Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1).

    A step updates the discriminator `critic_steps` times, each on an equal part of the batch and as many
    generated examples, and then the generator, on new codes against the discriminator as it is now.

    Metrics: loss (the discriminator's, without gradient penalty); generator_loss; discriminator_error (share
    of wrong answers on as many real as generated examples, 0.5 where they cannot be told apart);
    ranking_error (share of pairs in which the generated example has the higher logit, ties half); distance
    (root mean squared difference of a real example from the nearest of the generated ones, of which there are
    as many as the evaluated batch has examples, at most 500).
    Findings: `assay.tasks.adversarial.sample_scores`; opening_error and closing_error, the discriminator's share of
    wrong answers in training (`assay.tasks.adversarial.record`).

    Args:
      critic_steps: updates of the discriminator for one of the generator.
      generator_rate: the generator's learning rate in units of the Config's, which the discriminator has.
    """
    if critic_steps < 1:
        raise ValueError(f"critic_steps must be at least 1, not {critic_steps}")
    if not 0 < generator_rate < float("inf"):
        raise ValueError(f"generator_rate must be above 0 and finite, not {generator_rate}")
    return Learning(
        make=functools.partial(_task, critic_steps, generator_rate),
        metrics=("loss", "generator_loss", "discriminator_error", "ranking_error", "distance"),
        target="distance",
        findings=(*SCORES, *RECORD),
        inputs="unit",
        loss="non_saturating",
    )


class _Game(NamedTuple):
    """The two networks as functions; x in the units of the data, after the generator's link."""

    prior: Callable[..., jax.Array]  # (x, key) -> z
    generate: Callable[..., tuple[jax.Array, Any]]  # (params, state, z, train) -> (x, state)
    discriminate: Callable[..., tuple[jax.Array, Any]]  # (params, state, x, train) -> (logits [B], state)


def _game(model: Model, dtype: np.dtype) -> _Game:
    # The readout's link: to the range of images, which are 0..1 here; of other data the range is free.
    link = jax.nn.sigmoid if dtype == np.uint8 else lambda x: x

    def prior(x, key):
        return model.apply({}, {}, x, key=key, train=False, method="prior")[0].logits

    def generate(params, state, z, train):
        output, state = model.apply(params, state, z, key=None, train=train, method="generate")
        return link(output.logits), state

    def discriminate(params, state, x, train):
        output, state = model.apply(params, state, x, key=None, train=train, method="discriminate")
        return output.logits[:, 0], state

    return _Game(prior, generate, discriminate)


def _task(critic_steps: int, generator_rate: float, problem: Problem) -> Task:
    data, loss = problem.dataset, problem.loss
    if not isinstance(loss, AdversarialLoss):
        wanted = "non_saturating, minimax, least_squares or wasserstein_gp"
        raise SpecError(f"task adversarial takes a loss of two adversaries: {wanted}")
    if data.train.y.ndim != 1 or data.train.x.dtype not in (np.uint8, np.float32):
        raise SpecError(f"task adversarial takes images or features with one class each, not {data.name}")
    model = problem.model(data.train.x.shape[1:], (1,))
    game = _game(model, data.train.x.dtype)

    def init(key, x, tx):
        try:
            z = game.prior(x, key)
        except AttributeError as error:
            raise SpecError("task adversarial takes a model of two networks, gan or dcgan") from error
        params, state = model.init(key, z)
        opt_state = {player: tx.init(params[player]) for player in PLAYERS}
        # What is recorded over the run travels with the optimisers: the model's state is the model's alone.
        return TrainState(params, state, opt_state | {"errors": jnp.zeros(problem.steps)})

    def updated(train_state, player, gradients, state, tx, rate=1.0):
        params, opt_state = train_state.params, train_state.opt_state
        updates, mine = tx.update(gradients, opt_state[player], params[player])
        moved = optax.apply_updates(params[player], jax.tree.map(lambda update: rate * update, updates))
        return TrainState(params | {player: moved}, state, opt_state | {player: mine})

    def discriminator_step(train_state, part, tx):
        real, key = part
        code_key, line_key = jax.random.split(key)
        params, z = train_state.params, game.prior(real, code_key)
        fake, state = game.generate(params, train_state.state, z, True)

        def objective(mine):
            everyone = params | {"discriminator": mine}
            real_logits, after = game.discriminate(everyone, state, real, True)
            fake_logits, after = game.discriminate(everyone, after, fake, True)
            value = jnp.mean(loss.discriminator(real_logits, fake_logits))
            if loss.penalty:
                logits = lambda x: game.discriminate(everyone, state, x, True)[0]
                value += loss.penalty * gradient_penalty(logits, real, fake, line_key)
            return value, (after, jnp.mean(_wrong(real_logits, fake_logits, loss.boundary)))

        (value, (state, wrong)), gradients = jax.value_and_grad(objective, has_aux=True)(params["discriminator"])
        return updated(train_state, "discriminator", gradients, state, tx), (value, wrong)

    def generator_step(train_state, z, tx):
        def objective(mine):
            everyone = train_state.params | {"generator": mine}
            fake, state = game.generate(everyone, train_state.state, z, True)
            logits, state = game.discriminate(everyone, state, fake, True)
            return jnp.mean(loss.generator(logits)), state

        (value, state), gradients = jax.value_and_grad(objective, has_aux=True)(train_state.params["generator"])
        return updated(train_state, "generator", gradients, state, tx, generator_rate), value

    def step(train_state, batch, tx):
        size, left = divmod(len(batch.x), critic_steps)
        if left or not size:
            parts = f"critic_steps={critic_steps} equal parts"
            raise SpecError(f"a batch of {len(batch.x)} does not divide into {parts}")
        real = batch.x.reshape(critic_steps, size, *batch.x.shape[1:])
        *keys, last = jax.random.split(batch.key, critic_steps + 1)
        train_state, (values, wrong) = jax.lax.scan(
            functools.partial(discriminator_step, tx=tx), train_state, (real, jnp.stack(keys))
        )
        train_state, value = generator_step(train_state, game.prior(real[0], last), tx)
        errors = train_state.opt_state["errors"].at[batch.step].set(jnp.mean(wrong), mode="drop")
        train_state = train_state._replace(opt_state=train_state.opt_state | {"errors": errors})
        return train_state, jnp.mean(values) + value  # the sum: if either diverges, the run does

    def evaluate(train_state, x, y, key):
        del y
        params, state = train_state.params, train_state.state
        fake, _ = game.generate(params, state, game.prior(x, key), False)
        real_logits, fake_logits = (game.discriminate(params, state, part, False)[0] for part in (x, fake))
        return {
            "loss": loss.discriminator(real_logits, fake_logits),
            "generator_loss": loss.generator(fake_logits),
            "discriminator_error": _wrong(real_logits, fake_logits, loss.boundary),
            "ranking_error": 1 - _share(real_logits > fake_logits, real_logits == fake_logits),
            "distance": _nearest(x, fake),
        }

    @jax.jit
    def generated(train_state, key):
        def some(key):
            like = jnp.zeros((500, 1))
            return game.generate(train_state.params, train_state.state, game.prior(like, key), False)[0]

        parts = jax.lax.map(some, jax.random.split(key, SAMPLES // 500))
        return parts.reshape(SAMPLES, *parts.shape[2:])

    scores = functools.cache(lambda: SampleScores(data))

    def examine(train_state, key):
        samples = np.asarray(generated(train_state, key))
        metrics, text, nearest = scores().of(samples)
        record, words = summary(np.asarray(train_state.opt_state["errors"]))
        return Findings(metrics | record, _pictures(samples, nearest), {"Samples": text, "Discriminator": words})

    return Task(init, step, evaluate, None, examine)


def gradient_penalty(
    logits: Callable[[jax.Array], jax.Array], real: jax.Array, fake: jax.Array, key: jax.Array
) -> jax.Array:
    """Mean of (|gradient| - 1)^2 of a critic at a random point of each pair (Gulrajani et al. 2017, eq. 3).

    Args:
      logits: `[B, ...] -> [B]`, each of its own example alone.
      real, fake: `[B, ...]`.
    """
    share = jax.random.uniform(key, (len(real),) + (1,) * (real.ndim - 1))
    gradients = jax.grad(lambda x: jnp.sum(logits(x)))(share * real + (1 - share) * fake)
    squares = jnp.sum(jnp.square(gradients).reshape(len(real), -1), axis=1)
    # The root has no derivative at 0, where a critic that ignores its input is.
    return jnp.mean(jnp.square(jnp.sqrt(squares + 1e-12) - 1))


def _wrong(real_logits: jax.Array, fake_logits: jax.Array, boundary: float) -> jax.Array:
    # Undefined logits are wrong answers.
    right = (real_logits > boundary).astype(jnp.float32) + (fake_logits <= boundary).astype(jnp.float32)
    return 1 - right / 2


def _share(above: jax.Array, equal: jax.Array) -> jax.Array:
    return above.astype(jnp.float32) + equal.astype(jnp.float32) / 2


def _nearest(x: jax.Array, fake: jax.Array) -> jax.Array:
    x, fake = x.reshape(len(x), -1), fake.reshape(len(fake), -1)
    squares = jnp.sum(x * x, 1)[:, None] - 2 * x @ fake.T + jnp.sum(fake * fake, 1)[None]
    return jnp.sqrt(jnp.maximum(jnp.min(squares, axis=1), 0) / x.shape[1])


def _pictures(samples: np.ndarray, nearest: np.ndarray) -> dict[str, np.ndarray]:
    """A grid of samples, and its first row above the nearest training images; none if they are no images."""
    if samples.ndim != 4 or samples.shape[-1] not in (1, 3):
        return {}
    images = np.rint(255 * np.clip(samples[: SIDE * SIDE], 0, 1)).astype(np.uint8)
    grid = images.reshape(SIDE, SIDE, *images.shape[1:])
    below = np.rint(255 * nearest[:SIDE]).astype(np.uint8)
    return {"Samples": grid, "Samples and the training image nearest to each": np.stack([grid[0], below])}
