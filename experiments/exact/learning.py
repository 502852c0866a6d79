"""What a training step does, and what the losses are: written out beside the library's."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from scipy import stats

from assay.claims.exact import Figure
from assay.config import Config
from assay.data import batches, load
from assay.tasks import LOSSES
from assay.train.canonical import canonical
from assay.train.loop import Program, trial_arrays
from experiments.exact.networks import started


def minibatch_descent() -> list[Figure]:
    """The loop in four steps, in NumPy: draw a batch; run forward; propagate back; step against the gradient."""
    config = canonical(
        Config(model="mlp(depth=1,width=16)", lr=0.1, batch_size=50, epochs=3, evals=1, probe=(), seed=3)
    )
    data = load("digits")
    program, trial, on_device = Program(config, data), trial_arrays(config), batches.put_on_device(data)
    begun = jax.jit(program.start(config.init))(trial, on_device)
    ended = jax.jit(program.advance)(begun, trial, on_device, 0, program.steps)
    first, last = (
        jax.tree.map(lambda leaf: np.asarray(leaf, float), carry.train_state.params) for carry in (begun, ended)
    )
    w1, b1, w2, b2 = (first[layer][part].copy() for layer in ("Dense_0", "Dense_1") for part in ("kernel", "bias"))
    x_all = ((data.train.x / 255 - data.mean) / data.std).reshape(len(data.train.y), -1)
    for step in range(program.steps):
        epoch, place = divmod(step, program.steps_per_epoch)
        order = np.asarray(batches.epoch_order(config.seed, epoch, len(data.train.y)))
        index = order[50 * place : 50 * (place + 1)]
        x, y = x_all[index], np.eye(10)[data.train.y[index]]  # 1. draw a batch
        h = np.tanh(x @ w1 + b1)  # 2. run forward
        p = np.exp(h @ w2 + b2)
        p /= p.sum(axis=1, keepdims=True)
        d2 = (p - y) / len(x)  # 3. propagate back
        d1 = (d2 @ w2.T) * (1 - h * h)
        for weights, gradient in ((w1, x.T @ d1), (b1, d1.sum(axis=0)), (w2, h.T @ d2), (b2, d2.sum(axis=0))):
            weights -= 0.1 * gradient  # 4. step against the gradient
    theirs = [last[layer][part] for layer in ("Dense_0", "Dense_1") for part in ("kernel", "bias")]
    gap = max(np.abs(a - b).max() for a, b in zip((w1, b1, w2, b2), theirs))
    moved = float(np.abs(last["Dense_0"]["kernel"] - first["Dense_0"]["kernel"]).max())
    return [
        Figure(
            f"largest difference of a parameter after {program.steps} steps of the loop and of the library's trainer",
            0,
            float(gap),
            1e-4,
        ),
        Figure("largest change of a parameter meanwhile is above 0.1", True, moved > 0.1),
    ]


def noise_and_loss() -> list[Figure]:
    """Minus the log-likelihood of Gaussian noise is the squared error, of Laplace noise the absolute one, but for
    constants; each estimates best under its own noise."""
    random = np.random.default_rng(0)
    answer, target = random.normal(size=(50, 1)), random.normal(size=(50, 1))
    squared, absolute = (
        np.asarray(LOSSES[f"{name}_error"]()(jnp.asarray(answer, jnp.float32), jnp.asarray(target, jnp.float32)), float)
        for name in ("squared", "absolute")
    )
    gauss = -stats.norm.logpdf(target, answer, 0.7)[:, 0]
    laplace = -stats.laplace.logpdf(target, answer, 0.7)[:, 0]
    n, repeats = 1001, 4000
    spreads = {}
    for name, draw in (("Gaussian", random.normal), ("Laplace", random.laplace)):
        samples = draw(size=(repeats, n))
        spreads[name] = float(np.var(samples.mean(axis=1)) / np.var(np.median(samples, axis=1)))
    return [
        Figure(
            "largest deviation of 2 s^2 (-log N(y; f, s^2)) - squared error from a constant",
            0,
            float(np.ptp(2 * 0.49 * gauss - squared)),
            1e-5,
        ),
        Figure("of b (-log Laplace(y; f, b)) - absolute error", 0, float(np.ptp(0.7 * laplace - absolute)), 1e-5),
        Figure(
            "the minimiser of the squared error is the mean",
            0,
            _least("squared_error", target) - float(target.mean()),
            2e-3,
        ),
        Figure(
            "of the absolute error the median",
            0,
            _least("absolute_error", target[:49]) - float(np.median(target[:49])),
            2e-3,
        ),
        Figure(
            "variance of the mean over that of the median of 1,001 numbers, Gaussian noise: near 2 / pi",
            2 / math.pi,
            spreads["Gaussian"],
            0.05,
        ),
        Figure("Laplace noise: near 2", 2.0, spreads["Laplace"], 0.2),
    ]


def _least(loss: str, target: np.ndarray) -> float:
    """The constant answer with the least mean loss, on a grid of 1e-3."""
    answers = np.arange(-2, 2, 1e-3, dtype=np.float32)
    of = LOSSES[loss]()
    mean = jax.vmap(lambda a: jnp.mean(of(jnp.full(target.shape, a), jnp.asarray(target, jnp.float32))))(
        jnp.asarray(answers)
    )
    return float(answers[np.argmin(mean)])


def class_probabilities() -> list[Figure]:
    """Where the cross-entropy is least, softmax gives a class's share among equal inputs; it is their entropy."""
    posterior = np.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8], [0.3, 0.4, 0.3], [0.05, 0.9, 0.05], [0.6, 0.05, 0.35]])
    counts = np.round(20 * posterior).astype(int)  # 20 examples of each of five inputs, in exactly these shares
    kinds, labels = np.indices(counts.shape).reshape(2, -1)
    x, y = np.repeat(np.eye(5)[kinds], counts[kinds, labels], axis=0), np.repeat(labels, counts[kinds, labels])
    net = started("mlp(depth=1,width=32)", "tanh", "glorot_uniform", 5, 3)
    learnt = {}
    for name, lr in (("cross_entropy", 1.0), ("squared_error", 0.1)):
        of = LOSSES[name]()
        loss = lambda params: jnp.mean(of(net.output(x, params).logits, jnp.asarray(y)))
        step = lambda _, params: jax.tree.map(lambda p, g: p - lr * g, params, jax.grad(loss)(params))
        params = jax.jit(lambda params: jax.lax.fori_loop(0, 20_000, step, params))(net.params)
        learnt[name] = net.output(np.eye(5), params).logits, float(loss(params))
    probabilities = np.asarray(jax.nn.softmax(learnt["cross_entropy"][0]))
    entropy = -float(np.mean(np.sum(posterior * np.log(posterior), axis=1)))
    return [
        Figure(
            "largest difference of softmax from the classes' shares, cross-entropy",
            0,
            float(np.abs(probabilities - posterior).max()),
            0.005,
        ),
        Figure("least cross-entropy: the entropy of the shares", entropy, learnt["cross_entropy"][1], 0.002),
        Figure(
            "largest difference of the outputs themselves, squared error",
            None,
            float(np.abs(learnt["squared_error"][0] - posterior).max()),
        ),
    ]


ROWS = {"B13": minibatch_descent, "B15": noise_and_loss, "B17": class_probabilities}
