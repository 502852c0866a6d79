"""Formulas of neurons, losses, activations and initialisers, against their definitions written out in NumPy."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from assay import models
from assay import spec as specs
from assay.activations import ACTIVATIONS, as_activation
from assay.claims.exact import Figure
from assay.initializers import as_initializer, INITIALIZERS
from assay.tasks import LOSSES

Z = np.linspace(-6, 6, 2401)


def cross_entropy() -> list[Figure]:
    """The deck's listing: probabilities by exponentials over their sum, the mean of -log of the right one's."""
    random = np.random.default_rng(0)
    logits, labels = random.normal(size=(64, 10)), random.integers(0, 10, 64)
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    listing = -np.log(probabilities[np.arange(64), labels]).mean()
    ours = float(jnp.mean(LOSSES["cross_entropy"]()(jnp.asarray(logits, jnp.float32), jnp.asarray(labels))))
    at_start = float(jnp.mean(LOSSES["cross_entropy"]()(jnp.zeros((64, 10)), jnp.asarray(labels))))
    return [
        Figure("mean loss of 64 random answers, listing against the trained loss", round(listing, 5), ours, 1e-5),
        Figure("loss of equal logits for 10 classes, ln 10", 2.3026, at_start, 5e-5),
    ]


def _mlp(depth: int, width: int = 5):
    x = jnp.asarray(np.random.default_rng(1).normal(size=(3, 4)), jnp.float32)
    model = models.build(
        f"mlp(depth={depth},width={width})", activation="tanh", init="glorot_uniform", norm="none", outputs=2
    )
    params, state = model.init(jax.random.key(0), x)
    output = model.apply(params, state, x, key=None, train=False)[0]
    layers = [
        (np.asarray(params[f"Dense_{i}"]["kernel"]), np.asarray(params[f"Dense_{i}"]["bias"])) for i in range(depth + 1)
    ]
    return np.asarray(x), layers, output


def neuron() -> list[Figure]:
    x, layers, output = _mlp(depth=1)
    w, b = layers[0]
    one_by_one = [[math.tanh(sum(w[i, j] * row[i] for i in range(4)) + b[j]) for j in range(5)] for row in x]
    hidden = np.asarray(next(iter(output.activations.values())))
    return [
        Figure("largest difference of a layer from its neurons f(w^T x + b), one by one", 0, float(np.abs(hidden - one_by_one).max()), 1e-6),
        Figure("of the vector form f(x W + b)", 0, float(np.abs(hidden - np.tanh(x @ w + b)).max()), 1e-6),
    ]  # fmt: skip


def composition() -> list[Figure]:
    x, layers, output = _mlp(depth=2)
    f1, f2 = (lambda x, w=w, b=b: np.tanh(x @ w + b) for w, b in layers[:2])
    f3 = lambda x: x @ layers[2][0] + layers[2][1]
    return [
        Figure("largest difference of the network from f3(f2(f1(x)))", 0, float(np.abs(f3(f2(f1(x))) - output.logits).max()), 1e-5),
        Figure("hidden layers of three layers", 2, len(output.activations)),
        Figure("depth: layers with weights", 3, len(output.linear)),
        Figure("width: units of a hidden layer", 5, next(iter(output.activations.values())).shape[1]),
    ]  # fmt: skip


def activations() -> list[Figure]:
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    negative = np.expm1(np.minimum(Z, 0))
    formulas = {
        "tanh": (np.exp(Z) - np.exp(-Z)) / (np.exp(Z) + np.exp(-Z)),
        "softsign": Z / (1 + np.abs(Z)),
        "leaky_relu(alpha=0.01)": np.maximum(Z, 0.01 * Z),
        "elu": np.where(Z > 0, Z, negative),
        "softplus": np.log(1 + np.exp(Z)),
        "selu": scale * np.where(Z > 0, Z, alpha * negative),
    }
    values, slopes = [], []
    for text, expected in formulas.items():
        fn = specs.build(ACTIVATIONS, text, "activation", as_activation).fn
        z = jnp.asarray(Z, jnp.float32)
        values.append(np.abs(np.asarray(fn(z)) - expected).max())
        slope = np.asarray(jax.vmap(jax.grad(fn))(z))[1:-1]
        numeric = (expected[2:] - expected[:-2]) / (Z[2:] - Z[:-2])
        slopes.append(np.abs(slope - numeric)[np.abs(Z[1:-1]) > 0.01].max())  # not across the kink
    widths = [_width(formulas[name]) for name in ("tanh", "softsign")]
    return [
        Figure(f"largest difference from the formulas on [-6, 6] ({', '.join(formulas)})", 0, float(max(values)), 1e-5),
        Figure("of the derivatives from central differences", 0, float(max(slopes)), 1e-4),
        Figure("softsign saturates later than tanh: |z| at 95 % of the limit is larger", True, widths[1] > widths[0]),
        Figure("|z| at 95 % of the limit: tanh, softsign (not below 6)", None, widths),
    ]


def _width(values: np.ndarray) -> float:
    reached = Z[(Z > 0) & (values > 0.95)]
    return float(reached[0]) if len(reached) else math.inf


def initialisers() -> list[Figure]:
    """Variances of 400 x 300 samples; that of U(-a, a) is a^2 / 3."""
    n, m = 400, 300

    def variance(text: str) -> float:
        kernel = specs.build(INITIALIZERS, text, "init", as_initializer).kernel
        return float(jnp.var(kernel(jax.random.key(0), (n, m), jnp.float32)))

    he, misread = variance("he_normal"), variance("he_variance_misread")
    return [
        Figure("n times the variance of U(+-1/sqrt n): 1/3", 1 / 3, n * variance("uniform_fan_in"), 0.01),
        Figure("(n + m) / 2 times the variance of U(+-sqrt(6 / (n + m))): 1", 1, (n + m) / 2 * variance("glorot_uniform"), 0.03),
        Figure(
            "He's variance, printed as N(0, sqrt(2 / n)) beside N(0, s^2), n = 400",
            math.sqrt(2 / n),
            he,
            0.002,
            by_the_source=misread,
            mistake="sqrt(2 / n) is the standard deviation",
        ),
        Figure("n / 2 times the variance that He et al. mean: 1", 1, n / 2 * he, 0.03),
    ]  # fmt: skip


ROWS = {
    "A23": cross_entropy,
    "A24": neuron,
    "A27": activations,
    "A28": initialisers,
    "A29": composition,
}
