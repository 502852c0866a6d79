"""Mean-field theory against published values, SciPy's quadrature, closed forms and wide networks."""

import math

from hypothesis import given, settings, strategies
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate

from assay import models
from assay.activations import ACTIVATIONS
from assay.theory import mean_field


@pytest.mark.parametrize(
    "sigma_w2,chi,depth",
    [
        (1.0, 0.759, 3.6),
        (1.3, 0.880, 7.8),
        (1.5, 0.939, 15.8),
        (2.0, 1.048, 21.5),
        (2.5, 1.134, 8.0),
        (4.0, 1.342, 3.4),
    ],
)
def test_tanh_at_sigma_b2_0_05(sigma_w2, chi, depth):
    """Schoenholz et al. 2017; the figures of references.md, computed independently."""
    found = mean_field.chi(jnp.tanh, sigma_w2, 0.05)
    assert found == pytest.approx(chi, abs=6e-4)
    assert mean_field.gradient_depth(found) == pytest.approx(depth, abs=0.06)


def test_edge_of_chaos():
    assert mean_field.critical_sigma_w2(jnp.tanh, 0.05) == pytest.approx(1.76, abs=0.005)
    assert mean_field.chi(jnp.tanh, 1.76, 0.05) == pytest.approx(0.9998, abs=1e-4)
    critical = mean_field.critical_sigma_w2(jax.nn.soft_sign, 0.1)
    assert mean_field.chi(jax.nn.soft_sign, critical, 0.1) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    "name,square,slope_square",
    [
        ("relu", 0.5, 0.5),
        ("tanh", 0.3943, 0.4644),
        ("softsign", 0.1830, 0.2277),
        ("elu", 0.6449, 0.6681),
        ("sigmoid", 0.2934, 0.0448),
        ("softplus", 0.9212, 0.2934),
    ],
)
def test_published_moments(name, square, slope_square):
    fn = ACTIVATIONS[name]().fn
    assert mean_field.square(fn, 1.0) == pytest.approx(square, abs=6e-5)
    assert mean_field.slope_square(fn, 1.0) == pytest.approx(slope_square, abs=6e-5)


def test_expectations_against_scipy():
    q, c = 0.7, 0.4
    density = lambda z: math.exp(-z * z / (2 * q)) / math.sqrt(2 * math.pi * q)
    assert mean_field.square(jnp.tanh, q) == pytest.approx(
        integrate.quad(lambda z: math.tanh(z) ** 2 * density(z), -9, 9)[0], rel=1e-5
    )
    conditional = lambda z: integrate.quad(
        lambda w: (
            math.tanh(w)
            * math.exp(-((w - c * z) ** 2) / (2 * q * (1 - c * c)))
            / math.sqrt(2 * math.pi * q * (1 - c * c))
        ),
        -9,
        9,
    )[0]
    expected = integrate.quad(lambda z: math.tanh(z) * conditional(z) * density(z), -9, 9)[0]
    assert mean_field._product(jnp.tanh, q, c) == pytest.approx(expected, rel=1e-5)


def test_relu_s_closed_forms():
    """q = sigma_w2 q / 2 + sigma_b2, chi = sigma_w2 / 2; the correlation map of Cho & Saul 2009."""
    assert mean_field.variance(jax.nn.relu, 1.5, 0.1) == pytest.approx(0.4, rel=1e-5)
    assert mean_field.chi(jax.nn.relu, 1.5, 0.1) == pytest.approx(0.75, rel=1e-5)
    assert mean_field.variance(jax.nn.relu, 2.2, 0.1) == math.inf
    c = 0.3
    expected = (math.sqrt(1 - c * c) + (math.pi - math.acos(c)) * c) / (2 * math.pi)
    assert mean_field._product(jax.nn.relu, 1.0, c) == pytest.approx(
        expected, rel=2e-3
    )  # Gauss-Hermite across a kink


@settings(max_examples=6, deadline=None)
@given(strategies.floats(0.6, 4.0), strategies.floats(0.02, 0.4))
def test_fixed_points_are_fixed(sigma_w2, sigma_b2):
    q = mean_field.variance(jnp.tanh, sigma_w2, sigma_b2)
    assert sigma_w2 * mean_field.square(jnp.tanh, q) + sigma_b2 == pytest.approx(q, rel=1e-5)
    chi, c = mean_field.chi(jnp.tanh, sigma_w2, sigma_b2), mean_field.correlation(jnp.tanh, sigma_w2, sigma_b2)
    assert (c == 1) == (chi <= 1)
    if c < 0.999:
        assert (sigma_w2 * mean_field._product(jnp.tanh, q, c) + sigma_b2) / q == pytest.approx(c, abs=1e-4)
        assert mean_field.correlation_depth(jnp.tanh, sigma_w2, sigma_b2) > mean_field.gradient_depth(chi) / 2


def test_a_wide_network_follows_the_theory():
    init = "meanfield(sigma_w2=2.5,sigma_b2=0.05)"
    model = models.build("mlp(depth=12,width=400)", activation="tanh", init=init, norm="none", outputs=1)
    random = np.random.default_rng(0).normal(size=(2, 100))
    x = jnp.asarray(np.stack([random[0], 0.8 * random[0] + 0.6 * random[1]]), jnp.float32)
    output = model.apply(*model.init(jax.random.key(0), x), x, key=None, train=False)[0]
    z = np.asarray(output.preactivations[max(output.preactivations)])
    q = mean_field.variance(jnp.tanh, 2.5, 0.05)
    assert np.mean(z**2) == pytest.approx(q, rel=0.15)
    assert np.mean(z[0] * z[1]) / q == pytest.approx(mean_field.correlation(jnp.tanh, 2.5, 0.05), abs=0.15)


def test_no_fixed_point_is_said():
    with pytest.raises(ValueError, match="no fixed point of the variance at sigma_w2 = 1, sigma_b2 = 0"):
        mean_field.variance(jnp.tanh, 1.0, 0.0)
    assert mean_field.gradient_depth(1.0) == math.inf
