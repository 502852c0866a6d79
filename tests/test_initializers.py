"""Initialisers: moments and distributions of the samplers, geometry of the structured ones, LSUV on MLPs.

Keys are fixed. A mean of N samples is allowed 5 standard errors, std / sqrt(N), a variance 5 times
var * sqrt((kurtosis - 1) / N), with kurtosis 3 for normal and 9/5 for uniform samples.
"""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from assay import spec
from assay.initializers import INITIALIZERS, Initializer, as_initializer, lsuv

DENSE, CONV, GROUPED = (400, 150), (3, 5, 16, 250), (3, 3, 4, 1500)  # GROUPED: 4 = in / groups
REQUIRED = {
    "constant": "constant(value=0.5)",
    "uniform": "uniform(m=0.1)",
    "normal": "normal(std=0.1)",
    "meanfield": "meanfield(sigma_w2=1.76, sigma_b2=0.05)",
}
FIXED = ("zeros", "constant", "identity")
SPECS = [REQUIRED.get(name, name) for name in INITIALIZERS]

# Spec -> (distribution, its variance for fan_in, fan_out)
SAMPLERS = {
    "uniform(m=0.3)": ("uniform", lambda fan_in, fan_out: 0.03),
    "normal(std=0.3)": ("norm", lambda fan_in, fan_out: 0.09),
    "uniform_fan_in": ("uniform", lambda fan_in, fan_out: 1 / (3 * fan_in)),
    "glorot_uniform": ("uniform", lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
    "glorot_normal": ("norm", lambda fan_in, fan_out: 2 / (fan_in + fan_out)),
    "lecun_normal": ("norm", lambda fan_in, fan_out: 1 / fan_in),
    "he_normal": ("norm", lambda fan_in, fan_out: 2 / fan_in),
    "he_uniform": ("uniform", lambda fan_in, fan_out: 2 / fan_in),
    "he_variance_misread": ("norm", lambda fan_in, fan_out: math.sqrt(2 / fan_in)),
    "meanfield(sigma_w2=1.76, sigma_b2=0.05)": ("norm", lambda fan_in, fan_out: 1.76 / fan_in),
}


def build(text: str) -> Initializer:
    return spec.build(INITIALIZERS, text, "initializer")


def draw(text: str, shape, dtype=jnp.float32, seed=0) -> np.ndarray:
    kernel = build(text).kernel(jax.random.key(seed), shape, dtype)
    assert kernel.shape == shape and kernel.dtype == dtype
    return np.asarray(kernel, np.float64)


def distribution(name: str, variance: float):
    if name == "norm":
        return scipy.stats.norm(0, math.sqrt(variance))
    return scipy.stats.uniform(-math.sqrt(3 * variance), 2 * math.sqrt(3 * variance))


def assert_moments(sample, name, variance, rounding=0.0):
    kurtosis = {"norm": 3, "uniform": 9 / 5}[name]
    assert abs(sample.mean()) < 5 * math.sqrt(variance / sample.size)
    assert sample.var() == pytest.approx(variance, rel=5 * math.sqrt((kurtosis - 1) / sample.size) + rounding)


@pytest.mark.parametrize(
    ("shape", "fans"), [(DENSE, (400, 150)), (CONV, (240, 3750)), (GROUPED, (36, 13500))]
)
@pytest.mark.parametrize("text", SAMPLERS)
def test_samplers_have_the_moments_and_distribution_of_their_docstring(text, shape, fans):
    name, variance = SAMPLERS[text][0], SAMPLERS[text][1](*fans)
    sample = draw(text, shape).ravel()
    assert_moments(sample, name, variance)
    # A Gaussian cut off at two standard deviations fails this test by far.
    assert scipy.stats.kstest(sample, distribution(name, variance).cdf).pvalue > 1e-3
    if name == "uniform":
        limit = math.sqrt(3 * variance)
        assert 0.999 * limit < np.abs(sample).max() <= limit * (1 + 1e-6)
    else:
        assert np.abs(sample).max() > 3.5 * math.sqrt(variance)


@pytest.mark.parametrize("text", SAMPLERS)
def test_bfloat16_samples_are_rounded_float32_samples(text):
    name, variance = SAMPLERS[text][0], SAMPLERS[text][1](*DENSE)
    sample = draw(text, DENSE, jnp.bfloat16)
    np.testing.assert_allclose(sample, draw(text, DENSE), rtol=2**-8)
    assert_moments(sample.ravel(), name, variance, rounding=1e-4)


@pytest.mark.parametrize("text", SPECS)
def test_kernels_are_functions_of_key_shape_and_dtype_under_jit_and_vmap(text):
    def start(key):
        initializer = build(text)
        return initializer.kernel(key, (3, 3, 4, 8), jnp.bfloat16), initializer.bias(key, (8,), jnp.float32)

    keys = jax.random.split(jax.random.key(1), 2)
    packed, solo = jax.jit(jax.vmap(start))(keys), [start(key) for key in keys]
    fixed_kernels, random_biases = text.partition("(")[0] in FIXED, text.startswith("meanfield")
    for found, first, second, fixed in zip(packed, *solo, (fixed_kernels, not random_biases)):
        assert found.dtype == first.dtype
        found, first, second = (np.asarray(array, np.float32) for array in (found, first, second))
        np.testing.assert_allclose(found, [first, second], rtol=1e-2, atol=1e-6)
        assert np.array_equal(first, second) == fixed
    assert packed[1].any() == random_biases


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
@pytest.mark.parametrize("text", SPECS)
def test_kernels_keep_shape_and_type_while_traced(text, dtype):
    keys = jax.random.split(jax.random.key(1), 3)
    for shape in [(6, 4), (3, 3, 4, 8)]:
        traced = jax.eval_shape(jax.vmap(lambda key: build(text).kernel(key, shape, dtype)), keys)
        assert traced.shape == (3, *shape) and traced.dtype == dtype


@pytest.mark.parametrize("text", SPECS)
def test_specs_are_canonical_and_the_defaults_build(text):
    assert isinstance(build(text), Initializer)
    assert spec.canonical(INITIALIZERS, text, "initializer") == spec.parse(text)


def test_zeros_and_constant():
    assert not draw("zeros", DENSE).any()
    assert (draw("constant(value=-0.25)", CONV) == -0.25).all()


def test_meanfield_biases_have_variance_sigma_b2():
    bias = build("meanfield(sigma_w2=1.0, sigma_b2=0.05)").bias(jax.random.key(0), (50_000,), jnp.float32)
    assert_moments(np.asarray(bias, np.float64), "norm", 0.05)
    assert not build("meanfield(sigma_w2=1.0, sigma_b2=0)").bias(jax.random.key(0), (9,), jnp.float32).any()


def test_the_misread_he_variance_explodes_where_he_preserves():
    x = np.random.default_rng(0).normal(size=(500, 200))
    growth = {}
    for text in ("he_normal", "he_variance_misread"):
        w = draw(text, (200, 2000))
        growth[text] = np.mean(np.maximum(x @ w, 0) ** 2) / np.mean(x**2)
    # 2000 units of 200 weights: the relative standard error of the growth is below 1 %.
    assert growth["he_normal"] == pytest.approx(1, rel=0.05)
    assert growth["he_variance_misread"] == pytest.approx(10, rel=0.05)


@pytest.mark.parametrize("shape", [(6, 6), (20, 7), (7, 20), (3, 3, 4, 8), (3, 3, 2, 40)])
@pytest.mark.parametrize(("dtype", "tolerance"), [(jnp.float32, 2e-6), (jnp.bfloat16, 2e-2)])
def test_orthogonal_columns_or_rows_are_orthonormal(shape, dtype, tolerance):
    w = draw("orthogonal", shape, dtype).reshape(-1, shape[-1])
    gram = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
    np.testing.assert_allclose(gram, np.eye(len(gram)), atol=tolerance)
    assert np.mean(w**2) == pytest.approx(1 / max(w.shape), rel=tolerance)
    np.testing.assert_allclose(draw("orthogonal(gain=3.0)", shape, dtype).reshape(w.shape), 3 * w, rtol=1e-2)


def test_orthogonal_is_uniform_over_rotations_and_reflections():
    kernel, keys = build("orthogonal").kernel, jax.random.split(jax.random.key(0), 2000)
    matrices = jax.vmap(lambda key: kernel(key, (4, 4), jnp.float32))(keys)
    # Under the Haar measure the trace has mean 0 and variance 1, the determinant is +-1 with equal odds.
    traces = np.trace(np.asarray(matrices), axis1=1, axis2=2)
    assert abs(traces.mean()) < 5 / math.sqrt(2000)
    assert traces.var() == pytest.approx(1, rel=5 * math.sqrt(2 / 2000))
    assert abs(np.linalg.det(np.asarray(matrices)).mean()) < 5 / math.sqrt(2000)


@pytest.mark.parametrize("name", ["orthogonal", "delta_orthogonal"])
def test_gain_of_the_activation_is_left_to_the_caller(name):
    plain, scaled = build(name), build(f"{name}(gain='activation')")
    assert (plain.use_gain, scaled.use_gain) == (False, True)
    np.testing.assert_array_equal(draw(name, (5, 5)), draw(f"{name}(gain='activation')", (5, 5)))


def convolve(x, kernel, groups=1):
    return np.asarray(
        jax.lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=groups
        )
    )


@pytest.mark.parametrize("window", [(1, 1), (3, 3), (2, 4)])
def test_delta_orthogonal_keeps_the_length_of_every_pixel(window):
    x = jax.random.normal(jax.random.key(1), (2, 6, 7, 4))
    kernel = build("delta_orthogonal(gain=2.0)").kernel(jax.random.key(0), (*window, 4, 9), jnp.float32)
    assert np.count_nonzero(np.abs(np.asarray(kernel)).sum((2, 3))) == 1
    lengths = np.linalg.norm(convolve(x, kernel), axis=-1)
    np.testing.assert_allclose(lengths, 2 * np.linalg.norm(np.asarray(x), axis=-1), rtol=1e-5)


def test_delta_orthogonal_is_orthogonal_for_dense_kernels_of_any_shape():
    for shape in [(6, 4), (4, 6)]:
        np.testing.assert_array_equal(draw("delta_orthogonal", shape), draw("orthogonal", shape))


@pytest.mark.parametrize(
    ("window", "groups"), [((1, 1), 1), ((3, 3), 1), ((2, 4), 1), ((5, 3), 2), ((3, 3), 6)]
)
def test_identity_convolution_returns_its_input(window, groups):
    x = jax.random.normal(jax.random.key(1), (2, 6, 7, 6))
    shape = (*window, 6 // groups, 6)
    kernel = build(f"identity(groups={groups})").kernel(jax.random.key(0), shape, jnp.float32)
    np.testing.assert_array_equal(convolve(x, kernel, groups), x)


def test_identity_drops_surplus_inputs_and_zeroes_surplus_outputs():
    np.testing.assert_array_equal(draw("identity", (3, 3)), np.eye(3))
    np.testing.assert_array_equal(draw("identity", (2, 3)), [[1, 0, 0], [0, 1, 0]])
    np.testing.assert_array_equal(draw("identity", (3, 2)), [[1, 0], [0, 1], [0, 0]])
    x = jax.random.normal(jax.random.key(1), (1, 4, 4, 4))
    wider = convolve(x, build("identity").kernel(jax.random.key(0), (3, 3, 4, 6), jnp.float32))
    np.testing.assert_array_equal(wider, np.pad(x, [(0, 0), (0, 0), (0, 0), (0, 2)]))
    grouped = convolve(x, build("identity(groups=2)").kernel(jax.random.key(0), (3, 3, 2, 6), jnp.float32), 2)
    np.testing.assert_array_equal(grouped[..., [0, 1, 3, 4]], x)
    assert not grouped[..., [2, 5]].any()


@pytest.mark.parametrize("shape", [(200, 400), (5, 5, 8, 400)])
def test_sparse_units_have_exactly_the_weights_asked_for(shape):
    w = draw("sparse(nonzero=15, std=0.5)", shape).reshape(200, 400)
    assert (np.count_nonzero(w, axis=0) == 15).all()
    values = w[w != 0]
    assert_moments(values, "norm", 0.25)
    assert scipy.stats.kstest(values, scipy.stats.norm(0, 0.5).cdf).pvalue > 1e-3
    # Every input is chosen by 400 * 15 / 200 = 30 units on average, by a binomial number of them.
    chosen = np.count_nonzero(w, axis=1)
    assert chosen.var() == pytest.approx(30 * (1 - 15 / 200), rel=5 * math.sqrt(2 / 200))
    assert len({tuple(np.flatnonzero(unit)) for unit in w.T}) == 400


def test_sparse_units_with_few_inputs_take_them_all():
    assert np.count_nonzero(draw("sparse", (9, 30))) == 270


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("uniform(m=0)", "m must be a finite number > 0, not 0"),
        ("uniform(m=-0.1)", "m must be a finite number > 0, not -0.1"),
        ("normal(std=0)", "std must be a finite number > 0, not 0"),
        ("normal", r"argument std is missing; write normal\(std=...\)"),
        ("orthogonal(gain=0)", "gain must be a finite number > 0 or 'activation', not 0"),
        ("orthogonal(gain='relu')", "gain must be a finite number > 0 or 'activation', not 'relu'"),
        ("orthogonal(gain=True)", "gain must be of type float or str, not True"),
        ("delta_orthogonal(gain=-1.0)", "gain must be a finite number > 0 or 'activation'"),
        ("identity(groups=0)", "groups must be an integer >= 1, not 0"),
        ("sparse(nonzero=0)", "nonzero must be an integer >= 1, not 0"),
        ("sparse(std=-1)", "std must be a finite number > 0, not -1"),
        ("meanfield(sigma_w2=0, sigma_b2=0)", "sigma_w2 must be a finite number > 0"),
        ("meanfield(sigma_w2=1, sigma_b2=-1)", "sigma_b2 must be a finite number >= 0"),
        ("lsuv(tol=0)", "tol must be a finite number > 0"),
        ("lsuv(iterations=0)", "iterations must be an integer >= 1"),
        ("dirac(of='lsuv')", "of must be an initialiser that does not look at data, not lsuv"),
        ("dirac(of='orthogonal(gain=\"activation\")')", "of must have a gain of its own, not the activation's"),
        ("whitening(of='dirc')", "unknown init 'dirc'; did you mean 'dirac'?"),
        ("whitening(eps=0.0)", "eps must be a finite number > 0"),
    ],
)
def test_values_out_of_range_are_refused_in_one_line(text, message):
    with pytest.raises(spec.SpecError, match=message) as error:
        build(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("value", [math.inf, math.nan])
@pytest.mark.parametrize(
    ("name", "argument"), [("constant", "value"), ("uniform", "m"), ("normal", "std"), ("orthogonal", "gain")]
)
def test_scales_that_are_not_finite_are_refused(name, argument, value):
    with pytest.raises(ValueError, match=f"{argument} must be a finite number.*, not {value}"):
        INITIALIZERS[name](**{argument: value})


@pytest.mark.parametrize(
    ("text", "shape", "message"),
    [
        ("delta_orthogonal", (3, 3, 8, 4), "needs in <= out channels, not 8 -> 4; use orthogonal"),
        ("identity(groups=2)", (3, 3, 4, 5), "multiple of 2 output channels, not 5"),
        ("identity", (4,), r"a kernel is \(in, out\) or"),
        ("sparse", (4,), r"a kernel is \(in, out\) or"),
        ("he_variance_misread", (4,), r"a kernel is \(in, out\) or"),
        ("he_normal", (4,), r"a kernel is \(in, out\) or"),
        ("delta_orthogonal", (4,), "3D"),
    ],
)
def test_impossible_shapes_are_refused_in_one_line(text, shape, message):
    with pytest.raises(ValueError, match=message) as error:
        build(text).kernel(jax.random.key(0), shape, jnp.float32)
    assert "\n" not in str(error.value)


def test_as_initializer_takes_plain_jax_initializers():
    given = build("he_normal")
    assert as_initializer(given) is given
    plain = jax.nn.initializers.glorot_uniform()
    found = as_initializer(plain)
    expected = plain(jax.random.key(0), (4, 5), jnp.float32)
    np.testing.assert_array_equal(found.kernel(jax.random.key(0), (4, 5), jnp.float32), expected)
    assert not found.bias(jax.random.key(0), (5,), jnp.float32).any()
    assert (found.use_gain, found.adjust) == (False, None)


@pytest.mark.parametrize("value", ["he_normal", 1, None, lambda key: key, INITIALIZERS["he_normal"]])
def test_as_initializer_refuses_anything_else_in_one_line(value):
    with pytest.raises(ValueError, match=r"is an Initializer or a function of \(key, shape, dtype\)"):
        as_initializer(value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (jax.nn.initializers.he_normal, r"he_normal is a constructor; write he_normal\(\)"),
        (lambda key, shape, dtype: jnp.zeros(shape[0], dtype), r"must return shape \(4, 5\), not \(4,\)"),
    ],
)
def test_as_initializer_names_a_function_that_returns_no_kernel(value, message):
    with pytest.raises(ValueError, match=message):
        as_initializer(value).kernel(jax.random.key(0), (4, 5), jnp.float32)


WIDTHS = (20, 48, 48, 48, 10)


def mlp(initializer: Initializer, key, dtype=jnp.float32):
    keys = jax.random.split(key, len(WIDTHS))
    layers = zip(keys, WIDTHS[:-1], WIDTHS[1:])
    return {f"dense_{i}": {"kernel": initializer.kernel(k, (m, n), dtype), "bias": jnp.zeros(n, dtype)}
            for i, (k, m, n) in enumerate(layers)}  # fmt: skip


def runner(activation, x):
    def preactivations(params):
        found, h = [], x
        for name in sorted(params):
            z = h @ params[name]["kernel"] + params[name]["bias"][None]
            found.append(((name, "kernel"), z))
            h = activation(z)
        return found

    return preactivations


def inputs(dtype=jnp.float32):
    return (3 * jax.random.normal(jax.random.key(5), (256, WIDTHS[0])) + 1).astype(dtype)


def algorithm_1(kernels, activation, x, tol, iterations):
    """Mishkin & Matas 2016, algorithm 1, in NumPy for the MLP above."""
    done, h = [], np.asarray(x, np.float64)
    for w in kernels:
        w = np.asarray(w, np.float64)
        for _ in range(iterations):
            if abs(np.var(h @ w) - 1) < tol:
                break
            w = w / np.std(h @ w)
        h = activation(h @ w)
        done.append(w)
    return done


@pytest.mark.parametrize(
    ("activation", "reference"), [(jnp.tanh, np.tanh), (jax.nn.relu, lambda z: np.maximum(z, 0))]
)
def test_lsuv_gives_every_layer_unit_variance(activation, reference):
    initializer, preactivations = lsuv(tol=0.02), runner(activation, inputs())
    before = mlp(initializer, jax.random.key(0))
    assert any(abs(np.var(z) - 1) > 0.2 for _, z in preactivations(before))
    after = jax.jit(lambda params: initializer.adjust(preactivations, params, None))(before)
    assert all(abs(np.var(z) - 1) < 0.02 for _, z in preactivations(after))
    expected = algorithm_1([before[name]["kernel"] for name in sorted(before)], reference, inputs(), 0.02, 10)
    for name, kernel in zip(sorted(after), expected):
        np.testing.assert_allclose(after[name]["kernel"], kernel, rtol=1e-4, atol=1e-7)
        np.testing.assert_array_equal(after[name]["bias"], before[name]["bias"])


@pytest.mark.parametrize(
    ("before", "after"), [(0.85, 1), (0.95, 0.95), (1.05, 1.05), (1.15, 1), (1e-8, 1), (1e8, 1)]
)
def test_lsuv_leaves_layers_within_tolerance_alone(before, after):
    sample = jax.random.normal(jax.random.key(0), (1000,))
    sample = sample / jnp.std(sample)

    def preactivations(params):
        return [(("kernel",), sample * params["kernel"])]

    found = lsuv(tol=0.1).adjust(preactivations, {"kernel": jnp.float32(math.sqrt(before))}, None)
    assert float(found["kernel"]) == pytest.approx(math.sqrt(after), rel=1e-5)


def test_lsuv_maps_over_keys_and_keeps_bfloat16():
    initializer = lsuv()
    keys = jax.random.split(jax.random.key(3), 2)
    members = [mlp(initializer, key) for key in keys]
    adjust = jax.jit(lambda params: initializer.adjust(runner(jnp.tanh, inputs()), params, None))
    packed = jax.vmap(adjust)(jax.tree.map(lambda *leaves: jnp.stack(leaves), *members))
    for i, member in enumerate(members):
        own = jax.tree.map(lambda leaf: leaf[i], packed)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6), own, adjust(member))

    preactivations = runner(jnp.tanh, inputs(jnp.bfloat16))
    params = initializer.adjust(preactivations, mlp(initializer, keys[0], jnp.bfloat16), None)
    assert all(leaf.dtype == jnp.bfloat16 for leaf in jax.tree.leaves(params))
    assert all(abs(np.var(np.asarray(z, np.float32)) - 1) < 0.1 for _, z in preactivations(params))


def test_lsuv_stops_at_its_iterations_and_passes_over_dead_layers():
    fixed = 2 * jax.random.normal(jax.random.key(0), (1000,))
    fixed = fixed / jnp.std(fixed) * 2

    def preactivations(params):
        return [
            (("stubborn",), fixed + 0 * params["stubborn"][0]),
            (("dead",), 0 * params["dead"]),
            (("diverged",), params["diverged"] * jnp.inf),
            (("last",), fixed * params["last"][0]),
        ]

    params = {name: jnp.full(2, 16.0) for name in ("stubborn", "dead", "diverged", "last")}
    after = lsuv(iterations=3).adjust(preactivations, params, None)
    expected = {"stubborn": 2.0, "dead": 16.0, "diverged": 16.0, "last": 0.5}
    for name, value in expected.items():
        np.testing.assert_allclose(after[name], np.full(2, value), rtol=1e-5)


def test_lsuv_names_a_kernel_that_is_not_there():
    with pytest.raises(ValueError, match=r"no kernel at \('b', 'kernel'\)"):
        lsuv().adjust(lambda params: [(("b", "kernel"), params["a"])], {"a": jnp.ones(3)}, None)


# Partial identity and whitening.


@pytest.mark.parametrize(("inputs", "outputs"), [(3, 8), (4, 4), (6, 2)])
def test_dirac_hands_its_input_on_and_draws_the_rest(inputs, outputs):
    shape, common = (3, 3, inputs, outputs), min(inputs, outputs)
    kernel = draw("dirac(of='he_normal')", shape)
    x = jax.random.normal(jax.random.key(1), (2, 5, 5, inputs))
    np.testing.assert_array_equal(convolve(x, jnp.asarray(kernel, jnp.float32))[..., :common], x[..., :common])
    np.testing.assert_array_equal(kernel[..., common:], draw("he_normal", shape)[..., common:])
    np.testing.assert_array_equal(draw("dirac", (30, 20)), draw("uniform_fan_in", (30, 20)))


def whitened(x, outputs, eps=1e-6):
    kernel = jnp.full((2, 2, x.shape[-1], outputs), 7.0)
    params = {"first": {"kernel": kernel}, "bias": jnp.zeros(3)}
    adjust = jax.jit(lambda x: build(f"whitening(eps={eps})").adjust(lambda params: [(("first", "kernel"), x)], params, x))
    after = adjust(x)
    np.testing.assert_array_equal(after["bias"], params["bias"])
    return after["first"]["kernel"]


def correlated(shape=(40, 8, 7, 3)):
    x = np.random.default_rng(0).normal(size=shape) @ np.array([[1, 0.5, 0], [0, 1, 0.5], [0, 0, 1]])
    return jnp.asarray(x + np.roll(x, 1, axis=2) + 0.3, jnp.float32)  # neighbours and channels alike, a mean


def test_whitening_makes_the_first_layers_outputs_uncorrelated_of_unit_power():
    x = correlated()
    out = jax.lax.conv_general_dilated(x, whitened(x, 24), (1, 1), "VALID", dimension_numbers=("NHWC", "HWIO", "NHWC"))
    out = np.asarray(out, np.float64).reshape(-1, 24)
    np.testing.assert_allclose(out[:, :12], -out[:, 12:], atol=1e-5)
    np.testing.assert_allclose(out[:, :12].T @ out[:, :12] / len(out), np.eye(12), atol=2e-3)


def test_whitening_takes_the_leading_axes_and_leaves_further_filters():
    x, patches = correlated(), []
    for i in range(2):
        for j in range(2):
            patches.append(np.asarray(x, np.float64)[:, i : i + 7, j : j + 6])
    flat = np.stack(patches, axis=3).reshape(-1, 12)
    values, vectors = np.linalg.eigh(flat.T @ flat / len(flat))
    few, many = (np.asarray(whitened(x, outputs, eps=0.1)).reshape(12, -1) for outputs in (4, 26))
    for found in (few[:, :2], -few[:, 2:], many[:, :2], -many[:, 12:14]):
        cosines = np.abs(np.sum(vectors[:, ::-1][:, :2] * found, axis=0) * np.sqrt(values[::-1][:2] + 0.1))
        np.testing.assert_allclose(cosines, 1, atol=1e-3)
    np.testing.assert_array_equal(many[:, 24:], 7)


def test_whitening_needs_a_convolution_of_images():
    with pytest.raises(ValueError, match="needs a first layer that convolves images"):
        params = {"kernel": jnp.ones((4, 3))}
        build("whitening").adjust(lambda params: [(("kernel",), None)], params, jnp.ones((2, 4)))
