"""What initialisations do to a signal on its way through a network, against the variance each layer should give it."""

import math

import jax
import numpy as np

from assay.claims.exact import Figure
from assay.theory import mean_field
from experiments.exact.networks import factor, function, signals, started

WIDTH = 256


def selu_fixed_point() -> list[Figure]:
    """Klambauer et al. 2017: weights of variance 1 / n and mean 0 keep activations at mean 0 and variance 1, and draw
    them there."""
    selu = function("selu")
    with jax.enable_x64(True):
        z, weights = np.polynomial.legendre.leggauss(200)
        # In two parts that meet at the kink; beyond 12 the density is below 1e-31.
        z, weights = np.concatenate([6 * z - 6, 6 * z + 6]), np.tile(6 * weights, 2)
        density = weights * np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        values = np.asarray(selu(jax.numpy.asarray(z)))
    mean, second = density @ values, density @ values**2
    far = signals(64, 512, "selu", "lecun_normal", seeds=2, start=(0.5, 1.5))
    relu = signals(64, 128, "relu", "lecun_normal", seeds=1, start=(0.5, 1.5))
    return [
        Figure("mean of selu(z), z ~ N(0, 1), by integration", 0, float(mean), 1e-7),
        Figure("variance of selu(z), by integration", 1, float(second - mean**2), 1e-6),
        Figure(
            "mean after 64 layers of 512 units, from inputs of mean 0.5 and standard deviation 1.5",
            0,
            float(far.mean[:, -1].mean()),
            0.05,
        ),
        Figure("variance after 64 layers", 1, float(far.variance[:, -1].mean()), 0.15),
        Figure(
            "mean and variance after the first layer", None, [float(of[:, 0].mean()) for of in (far.mean, far.variance)]
        ),
        Figure(
            "variance of ReLU's activations after 64 layers of 128 units with such weights",
            None,
            float(relu.variance[:, -1].mean()),
        ),
    ]


def naive_scales() -> list[Figure]:
    """U(-m, m) and N(0, s^2) for any size n: a linear layer multiplies the variance by n m^2 / 3 or n s^2."""
    n, figures = WIDTH, []
    cases = [
        ("uniform(m=0.05)", 0.05**2 / 3),
        ("uniform(m=0.2)", 0.2**2 / 3),
        ("normal(std=0.01)", 1e-4),
        ("normal(std=0.1)", 1e-2),
    ]
    for init, variance in cases:
        for activation, share in (("linear", 1), ("relu", 1 / 2)):
            found = factor(signals(8, n, activation, init).preactivation, 0, 7)
            cited = n * variance * share
            figures.append(
                Figure(f"factor on the variance per layer of {n}, {init}, {activation}", cited, found, 0.06 * cited)
            )
    tanh = signals(8, n, "tanh", "normal(std=0.01)")
    decay = math.sqrt(float(tanh.preactivation[:, 7].mean() / tanh.preactivation[:, 0].mean()))
    return [
        *figures,
        Figure(
            "small weights: with tanh and N(0, 0.01^2) the signal after 8 layers is below 1 % of that after one",
            True,
            decay < 0.01,
        ),
        Figure("standard deviation after 8 layers over that after one", None, decay),
        Figure("width at which N(0, 0.01^2) would keep a ReLU signal: 2 / s^2", None, 2 / 0.01**2),
    ]


def uniform_fan_in() -> list[Figure]:
    """U(+-1 / sqrt n): each weight has variance 1 / (3 n)."""
    linear = signals(8, WIDTH, "linear", "uniform_fan_in")
    relu = signals(8, WIDTH, "relu", "uniform_fan_in")
    return [
        Figure("factor on the variance per layer, linear", 1 / 3, factor(linear.preactivation, 0, 7), 0.01),
        Figure("factor on the variance per layer, ReLU", 1 / 6, factor(relu.preactivation, 0, 7), 0.01),
        Figure("factor on the gradient's variance per layer, linear", 1 / 3, factor(linear.gradient, 7, 0) ** -1, 0.01),
        Figure("factor on the gradient's variance per layer, ReLU", 1 / 6, factor(relu.gradient, 7, 0) ** -1, 0.01),
    ]


def he_against_glorot() -> list[Figure]:
    """ReLU halves the second moment, which He's factor 2 makes good; with Glorot's 1 / n, 2^(-L/2) is left."""
    figures = []
    for depth, cited in ((22, 4.9e-4), (30, 3.1e-5)):
        he, glorot = (
            started(f"mlp(depth={depth},width=128)", "relu", f"{init}_normal", 128, 1) for init in ("he", "glorot")
        )
        x = np.random.default_rng(0).normal(size=(32, 128))
        last = f"{depth - 1:04d}.Activate_{depth - 1}"
        stds = [float(np.std(net.output(x).preactivations[last])) for net in (glorot, he)]
        figures.append(
            Figure(
                f"standard deviation at layer {depth}, Glorot over He, same draws",
                cited,
                stds[0] / stds[1],
                0.02 * cited,
            )
        )
        figures.append(
            Figure(f"that is 2^(-{depth}/2)", 2 ** (-depth / 2), stds[0] / stds[1], 1e-4 * 2 ** (-depth / 2))
        )
    kept = factor(signals(22, WIDTH, "relu", "he_normal").preactivation, 0, 21)
    misread = factor(signals(8, WIDTH, "relu", "he_variance_misread").preactivation, 0, 7)
    return [
        *figures,
        Figure("factor on the variance per layer, He", 1, kept, 0.05),
        Figure(
            "the same if sqrt(2 / n) is read as the variance: sqrt(n / 2), n = 256",
            math.sqrt(WIDTH / 2),
            misread,
            0.06 * math.sqrt(WIDTH / 2),
        ),
    ]


def saturation() -> list[Figure]:
    """Weights that are too large push tanh's inputs out of its range: its slope is below 0.1 where |z| > 1.8184."""
    limit, figures = math.atanh(math.sqrt(0.9)), []
    for sigma_w2 in (1.5, 4.0, 25.0):
        init = f"meanfield(sigma_w2={sigma_w2:g},sigma_b2=0)"
        net = started("mlp(depth=12,width=400)", "tanh", init, 400, 1)
        z = np.asarray(net.output(np.random.default_rng(0).normal(size=(50, 400))).preactivations["0011.Activate_11"])
        q = mean_field.variance(jax.numpy.tanh, sigma_w2, 0.0)
        theory = math.erfc(limit / math.sqrt(2 * q))
        figures.append(
            Figure(
                f"share of saturated units in layer 12, weights of variance {sigma_w2:g} / n",
                theory,
                float(np.mean(np.abs(z) > limit)),
                0.02,
            )
        )
    return [
        *figures,
        Figure("larger weights saturate more", True, bool(np.all(np.diff([f.obtained for f in figures]) > 0))),
    ]


ROWS = {
    "C7": selu_fixed_point,
    "C11": naive_scales,
    "C12": uniform_fan_in,
    "C14": he_against_glorot,
    "C15": saturation,
}
