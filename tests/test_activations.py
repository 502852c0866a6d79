"""Activations against NumPy formulas, finite differences, quadrature and published moments."""

import math
import subprocess
import sys

from hypothesis import given, settings, strategies
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.special
import scipy.stats

from assay import spec
from assay.activations import (
    ACTIVATIONS,
    Activation,
    as_activation,
    elu,
    leaky_relu,
    maxout,
    moments,
    prelu,
    relu,
)

_LAMBDA, _ALPHA = 1.0507009873554805, 1.6732632423543772

# Spec -> (formula in float64, kinks)
FORMULAS = {
    "linear": (lambda x: x, ()),
    "thresholded_linear": (lambda x: np.minimum(np.maximum(x, 0), 1), (0, 1)),
    "sigmoid": (scipy.special.expit, ()),
    "tanh": (np.tanh, ()),
    "lecun_tanh": (lambda x: 1.7159 * np.tanh(2 * x / 3), ()),
    "softsign": (lambda x: x / (1 + np.abs(x)), ()),
    "relu": (lambda x: np.maximum(x, 0), (0,)),
    "leaky_relu": (lambda x: np.where(x > 0, x, 0.01 * x), (0,)),
    "leaky_relu(alpha=0.3)": (lambda x: np.where(x > 0, x, 0.3 * x), (0,)),
    "elu": (lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), ()),
    "elu(alpha=0.5)": (lambda x: np.where(x > 0, x, 0.5 * np.expm1(np.minimum(x, 0))), (0,)),
    "selu": (lambda x: _LAMBDA * np.where(x > 0, x, _ALPHA * np.expm1(np.minimum(x, 0))), (0,)),
    "softplus": (lambda x: np.logaddexp(x, 0), ()),
    "gelu": (lambda x: x * scipy.special.ndtr(x), ()),
    "silu": (lambda x: x * scipy.special.expit(x), ()),
}
ELEMENTWISE = [*FORMULAS, "threshold"]
# The derivative chosen where the formula has none.
AT_KINKS = {
    "thresholded_linear": {0: 0.5, 1: 0.5},
    "relu": {0: 0},
    "leaky_relu": {0: 1},
    "leaky_relu(alpha=0.3)": {0: 1},
    "elu(alpha=0.5)": {0: 0.5},
    "selu": {0: _LAMBDA * _ALPHA},
}
# Gains that the source defines.
SOURCE_GAINS = ("lecun_tanh", "selu")


def build(text: str) -> Activation:
    return spec.build(ACTIVATIONS, text, "activation")


def slope(fn, x):
    return jax.vmap(jax.grad(fn))(x)


def finite_difference(formula, x, step=1e-5):
    """Fourth-order central differences."""
    near, far = formula(x + step) - formula(x - step), formula(x + 2 * step) - formula(x - 2 * step)
    return (8 * near - far) / (12 * step)


def test_every_entry_has_a_formula_or_a_test_of_its_own():
    tested = {spec.parse(text).name for text in ELEMENTWISE} | {"prelu", "maxout"}
    assert tested == set(ACTIVATIONS)
    for name in ACTIVATIONS:
        assert isinstance(build(name), Activation)


@pytest.mark.parametrize("text", FORMULAS)
def test_values_and_derivatives_match_the_formula(text):
    formula, kinks = FORMULAS[text]
    x = np.concatenate([np.linspace(-8, 8, 321) + 0.003, [-30, 30, -1e-3, 1e-3, 1 - 1e-3, 1 + 1e-3]])
    with jax.enable_x64(True):
        fn = build(text).fn
        np.testing.assert_allclose(fn(jnp.asarray(x)), formula(x), rtol=1e-13, atol=1e-15)
        expected = finite_difference(formula, x)
        np.testing.assert_allclose(slope(fn, jnp.asarray(x)), expected, rtol=1e-7, atol=1e-9)
        for kink in kinks:
            left, right = (formula(np.float64(kink) + h) - formula(np.float64(kink)) for h in (-1e-7, 1e-7))
            chosen = float(jax.grad(fn)(jnp.float64(kink)))
            assert chosen == pytest.approx(AT_KINKS[text][kink])
            assert min(-left, right) / 1e-7 - 1e-6 <= chosen <= max(-left, right) / 1e-7 + 1e-6


def test_kinks_are_all_listed():
    assert set(AT_KINKS) == {text for text, (_, kinks) in FORMULAS.items() if kinks}


def test_threshold_steps_and_passes_gradients_straight_through():
    fn = build("threshold").fn
    x = jnp.array([-1e4, -0.1, -0.0, 0.0, 1e-30, 0.7, 1e4])
    np.testing.assert_array_equal(fn(x), [0, 0, 1, 1, 1, 1, 1])
    np.testing.assert_array_equal(slope(fn, x), np.ones(7))


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("text", ELEMENTWISE)
def test_large_inputs_stay_finite_and_keep_their_type(text, dtype):
    fn = build(text).fn
    x = jnp.asarray([-1e4, -1e3, -90, -20, -1, 0, 1, 20, 90, 1e3, 1e4], dtype)
    y, dy = jax.jit(fn)(x), jax.jit(lambda x: slope(fn, x))(x)
    assert y.dtype == dy.dtype == dtype
    tolerance = 1e-5 if dtype == jnp.float32 else 0.02
    exact = np.asarray(x, np.float64)
    if text == "threshold":
        np.testing.assert_array_equal(np.asarray(dy, np.float64), 1)
    else:
        formula, kinks = FORMULAS[text]
        np.testing.assert_allclose(np.asarray(y, np.float64), formula(exact), rtol=tolerance, atol=1e-7)
        # Differences of this step see the bend of elu and softsign at 0 as well as the kinks.
        smooth = ~np.isin(exact, (0, *kinks))
        found, expected = np.asarray(dy, np.float64)[smooth], finite_difference(formula, exact, 1e-3)[smooth]
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=1e-6)
    assert np.isfinite(np.asarray(y, np.float64)).all() and np.isfinite(np.asarray(dy, np.float64)).all()


def test_softsign_gradient_keeps_its_relative_accuracy_in_bfloat16():
    x = jnp.asarray([1, 10, 100, 1e3, 1e4], jnp.bfloat16)
    exact = (1 + np.asarray(x, np.float64)) ** -2
    np.testing.assert_allclose(np.asarray(slope(build("softsign").fn, x), np.float64), exact, rtol=0.02)


def expectation(integrand):
    def weighted(z):
        return integrand(z) * scipy.stats.norm.pdf(z)

    return sum(scipy.integrate.quad(weighted, *ends)[0] for ends in [(-9, -1), (-1, 0), (0, 1), (1, 9)])


@pytest.mark.parametrize("text", [text for text in FORMULAS if text not in SOURCE_GAINS])
def test_gain_is_the_inverse_root_of_the_mean_square_slope(text):
    formula, _ = FORMULAS[text]
    square = expectation(lambda z: finite_difference(formula, z, 1e-4) ** 2)
    # Differences across a kink are wrong on an interval of 4e-4.
    assert build(text).gain == pytest.approx(square**-0.5, rel=5e-4)


@pytest.mark.parametrize("text", [text for text in ELEMENTWISE if text not in SOURCE_GAINS])
def test_gain_agrees_with_the_quadrature_for_plain_functions(text):
    with jax.enable_x64(True):
        activation = build(text)
        assert as_activation(activation.fn).gain == pytest.approx(activation.gain, rel=1e-9)


@pytest.mark.parametrize("text", SOURCE_GAINS)
def test_gain_one_where_the_source_pairs_the_function_with_variance_one_over_fan_in(text):
    assert build(text).gain == 1


@pytest.mark.parametrize(
    ("name", "square", "slope_square", "forward_gain"),
    [
        ("relu", 0.5, 0.5, 1.4142),
        ("tanh", 0.3943, 0.4644, 1.5925),
        ("softsign", 0.1830, 0.2277, 2.3375),
        ("elu", 0.6449, 0.6681, 1.2452),
        ("sigmoid", 0.2934, 0.0448, 1.8462),
        ("softplus", 0.9212, 0.2934, 1.0419),
        ("selu", 1.0, 1.0716, 1.0),
    ],
)
def test_moments_match_the_published_table(name, square, slope_square, forward_gain):
    found = moments(build(name).fn)
    assert found.square == pytest.approx(square, abs=6e-5)
    assert found.slope_square == pytest.approx(slope_square, abs=6e-5)
    # The table's third column is 1 / sqrt(E[f^2]), not the gain defined here.
    assert found.square**-0.5 == pytest.approx(forward_gain, abs=6e-5)


def test_selu_has_mean_zero_and_variance_one_as_its_fixed_point():
    formula, _ = FORMULAS["selu"]
    assert expectation(formula) == pytest.approx(0, abs=1e-7)
    assert expectation(lambda z: formula(z) ** 2) == pytest.approx(1, abs=1e-7)


@given(kink=strategies.floats(-3, 3))
@settings(deadline=None, max_examples=10)
def test_quadrature_bounds_its_error_at_kinks_anywhere(kink):
    found = moments(lambda x: jax.nn.relu(x - jnp.asarray(kink, x.dtype))).slope_square
    assert found == pytest.approx(scipy.stats.norm.sf(kink), abs=3e-3)


def test_prelu_learns_one_slope_a_channel():
    activation = prelu(alpha=0.1)
    params = activation.init(3)
    assert params.keys() == {"alpha"} and params["alpha"].dtype == jnp.float32
    np.testing.assert_array_equal(params["alpha"], np.full(3, 0.1, np.float32))
    assert activation.gain == pytest.approx(math.sqrt(2 / 1.01))
    x = np.random.default_rng(0).normal(size=(4, 2, 2, 3))
    alpha = np.array([0.0, 0.3, -0.5])
    with jax.enable_x64(True):
        params = {"alpha": jnp.asarray(alpha)}
        y = activation.fn(jnp.asarray(x), params)
        np.testing.assert_allclose(y, np.maximum(x, 0) + alpha * np.minimum(x, 0))
        gradient = jax.grad(lambda p: jnp.sum(activation.fn(jnp.asarray(x), p)))(params)["alpha"]
        np.testing.assert_allclose(gradient, np.minimum(x, 0).sum((0, 1, 2)))
        found = jax.grad(lambda x: jnp.sum(activation.fn(x, params)))(jnp.asarray(x))
        np.testing.assert_allclose(found, np.where(x > 0, 1, np.broadcast_to(alpha, x.shape)))


def test_prelu_keeps_bfloat16_under_float32_parameters_and_large_inputs():
    activation = prelu()
    x = jnp.asarray([[-1e4, 0, 1e4]], jnp.bfloat16)
    y, pull = jax.vjp(activation.fn, x, activation.init(3))
    dx, dparams = pull(jnp.ones_like(y))
    assert (y.dtype, dx.dtype, dparams["alpha"].dtype) == (jnp.bfloat16, jnp.bfloat16, jnp.float32)
    np.testing.assert_allclose(np.asarray(y, np.float32), [[-2496, 0, 9984]])
    np.testing.assert_allclose(np.asarray(dparams["alpha"]), [-9984, 0, 0])


@given(pieces=strategies.integers(1, 4), features=strategies.integers(1, 3), seed=strategies.integers(0, 99))
@settings(deadline=None, max_examples=10)
def test_maxout_takes_the_largest_piece_and_sends_the_gradient_there(pieces, features, seed):
    x = np.random.default_rng(seed).normal(size=(2, pieces, features)).astype(np.float32)
    activation = maxout(pieces)
    flat = jnp.asarray(x.reshape(2, pieces * features))
    assert activation.pieces == pieces
    np.testing.assert_array_equal(activation.fn(flat), x.max(1))
    gradient = jax.grad(lambda x: jnp.sum(activation.fn(x)))(flat)
    np.testing.assert_array_equal(gradient.reshape(x.shape), x == x.max(1, keepdims=True))


def test_maxout_gain_is_one_whatever_the_pieces_and_ties_share_the_gradient():
    x = jax.random.normal(jax.random.key(0), (1000, 4))
    gradient = jax.vmap(jax.grad(lambda x: maxout(4).fn(x)[0]))(x)
    assert float(jnp.mean(jnp.sum(gradient**2, axis=-1))) == maxout(4).gain == 1
    np.testing.assert_array_equal(jax.grad(lambda x: maxout(2).fn(x)[0])(jnp.zeros(2)), [0.5, 0.5])
    large = jnp.asarray([[-1e4, 1e4]], jnp.bfloat16)
    assert maxout(2).fn(large).dtype == jnp.bfloat16 and float(maxout(2).fn(large)[0, 0]) == 9984


def test_maxout_refuses_channels_it_cannot_divide():
    with pytest.raises(ValueError, match="multiple of 3 channels, not 4"):
        maxout(3).fn(jnp.zeros((2, 4)))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("leaky_relu(alpha=-0.1)", "alpha must be a finite number >= 0, not -0.1"),
        ("elu(alpha=0)", "alpha must be a finite number > 0"),
        ("elu(alpha=-1.0)", "alpha must be a finite number > 0"),
        ("maxout(pieces=0)", "pieces must be an integer >= 1, not 0"),
        ("maxout(pieces=2.0)", "pieces must be of type int"),
    ],
)
def test_values_out_of_range_are_refused_in_one_line(text, message):
    with pytest.raises(spec.SpecError, match=message) as error:
        build(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", [math.inf, math.nan])
@pytest.mark.parametrize("constructor", [leaky_relu, prelu, elu])
def test_slopes_that_are_not_finite_are_refused(constructor, value):
    with pytest.raises(ValueError, match=f"alpha must be a finite number.*, not {value}"):
        constructor(alpha=value)


def test_as_activation_computes_a_gain_also_while_a_model_is_traced():
    def swish(x):
        return x * jax.nn.sigmoid(x)

    given = elu(alpha=0.5)
    assert as_activation(given) is given
    assert as_activation(swish).fn is swish
    traced = jax.jit(lambda x: x * as_activation(swish).gain)(1.0)
    assert float(traced) == pytest.approx(build("silu").gain, rel=1e-6)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("relu", "not 'relu'"),
        (3, "not 3"),
        (np.zeros(3), "an activation is an Activation or an elementwise function"),
        (float, "an activation is an Activation or an elementwise function"),
        (relu, r"write relu\(\)"),
        (lambda x, y: x, "must map one array to one like it"),
        (lambda x: str(x), "must map one array to one like it"),
        (jnp.sum, "must map one array|must be elementwise"),
        (jax.nn.softmax, "must be elementwise"),
        (jnp.cumsum, "must be elementwise"),
        (jnp.sign, r"sign has no gain: .* E\[f'\^2\] = 0.0"),
        (lambda x: jnp.log(x), r"has no gain: E\[f\^2\] = nan"),
    ],
)
def test_as_activation_refuses_anything_else_in_one_line(value, message):
    with pytest.raises(ValueError, match=message) as error:
        as_activation(value)
    assert "\n" not in str(error.value)


def test_a_users_function_is_a_spec_by_import_path(tmp_path, monkeypatch):
    code = "import jax\ndef swishy(beta: float = 1.0):\n    return lambda x: x * jax.nn.sigmoid(beta * x)\n"
    (tmp_path / "swishes.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    found = as_activation(spec.build(ACTIVATIONS, "swishes:swishy(beta=1)", "activation"))
    assert found.gain == pytest.approx(build("silu").gain, rel=1e-6)


def test_importing_and_building_computes_nothing_on_a_device():
    code = (
        "from assay.activations import ACTIVATIONS\n"
        "from assay.initializers import INITIALIZERS\n"
        "[make() for make in ACTIVATIONS.values()]\n"
        "from jax._src import xla_bridge\n"
        "assert not xla_bridge.backends_are_initialized()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": ":".join(sys.path)})
