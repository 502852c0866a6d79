"""Next-character prediction: text as windows, each with the character that follows."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from assay.data import Dataset
from assay.data.text import decode
from assay.spec import SpecError
from assay.tasks.losses import per_example
from assay.tasks.supervised import supervised
from assay.tasks.task import Findings, Learning, Problem, Task

_CONTINUED = 240  # characters of a continuation


def next_token(temperature: float = 1.0) -> Learning:
    """Learns the distribution of the character after a window, by minimising the mean of the loss over a batch.

    Metrics: loss; bits, -log2 of the probability of the right character; error, 0 or 1. After training, the test
    split's bits under character and pair frequencies of the training split, and the test split's first window
    continued by the likeliest characters (greedy) and by drawn ones (sampled), each with its `repetition`.

    Args:
      temperature: logits are divided by it before a character is drawn.
    """
    if not 0 < temperature < math.inf:
        raise ValueError(f"temperature must be above 0 and finite, not {temperature}")
    return Learning(
        make=lambda problem: _task(problem, temperature),
        metrics=("loss", "bits", "error"),
        target="bits",
        findings=("unigram_bits", "bigram_bits", "greedy_repetition", "sampled_repetition"),
    )


def _task(problem: Problem, temperature: float) -> Task:
    dataset = problem.dataset
    if not dataset.symbols or dataset.train.x.ndim != 2:
        raise SpecError(f"next_token learns text, such as tiny_shakespeare(window=8), not {dataset.name}")
    model, loss = problem.model(dataset.num_classes), per_example(problem.loss)

    def objective(params, state, batch, offsets):
        output, state = model.apply(params, state, batch.x, key=batch.key, train=True, offsets=offsets)
        return jnp.mean(loss(output.logits, batch.y)), (output, state)

    def predict(train_state, x):
        return model.apply(train_state.params, train_state.state, x, key=None, train=False)[0].logits  # [B, V]

    def evaluate(train_state, x, y, key):
        del key
        logits = predict(train_state, x)
        log_p = jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1)[:, 0]
        wrong = (jnp.argmax(logits, -1) != y) | ~jnp.isfinite(log_p)
        return {"loss": loss(logits, y), "bits": -log_p / math.log(2), "error": wrong.astype(jnp.float32)}

    @jax.jit
    def continuations(train_state, window, key):
        def follow(windows, key):
            logits = predict(train_state, windows)  # [2, V]
            drawn = jax.random.categorical(key, logits[1] / temperature)
            chosen = jnp.stack([jnp.argmax(logits[0]), drawn]).astype(windows.dtype)
            return jnp.concatenate([windows[:, 1:], chosen[:, None]], axis=1), chosen

        return jax.lax.scan(follow, jnp.stack([window, window]), jax.random.split(key, _CONTINUED))[1].T

    def examine(train_state, key):
        window = dataset.test.x[0]
        texts = dict(zip(("greedy", "sampled"), np.asarray(continuations(train_state, window, key))))
        repeated = {f"{way}_repetition": repetition(ids) for way, ids in texts.items()}
        return Findings(
            metrics={"unigram_bits": unigram_bits(dataset), "bigram_bits": bigram_bits(dataset)} | repeated,
            texts={way: decode(window, dataset.symbols) + decode(ids, dataset.symbols) for way, ids in texts.items()},
        )

    init, step, signals = supervised(model, objective)
    return Task(init, step, evaluate, signals, examine)


def repetition(ids: np.ndarray, length: int = 8) -> float:
    """Share of the windows of a text, `[N]`, that have occurred in it before: near 1 for a text that goes in a loop."""
    windows = np.lib.stride_tricks.sliding_window_view(ids, length)
    return 1 - len(np.unique(windows, axis=0)) / len(windows)


def unigram_bits(dataset: Dataset) -> float:
    """Mean -log2 p(y) over the test split, where p = (count + 1) / (total + V) in the training split."""
    counts = 1 + np.bincount(dataset.train.y, minlength=dataset.num_classes)
    return float(-np.log2(counts / counts.sum())[dataset.test.y].mean())


def bigram_bits(dataset: Dataset) -> float:
    """Mean -log2 p(y | last character of x) over the test split, from the training split's pairs, 1 added to each."""
    size = dataset.num_classes
    pairs = np.bincount(dataset.train.x[:, -1] * size + dataset.train.y, minlength=size * size).reshape(size, size)
    log_p = np.log2((pairs + 1) / (pairs + 1).sum(axis=1, keepdims=True))
    return float(-log_p[dataset.test.x[:, -1], dataset.test.y].mean())
