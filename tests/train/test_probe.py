"""Layer statistics against forward and backward passes written out in NumPy, and against planted faults."""

import functools
import types

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from assay import models, spec as specs
from assay.activations import ACTIVATIONS
from assay.initializers import Initializer
from assay.models import from_linen, Kit, MODELS
from assay.models.norm import NORMS
from assay.tasks import Batch, LOSSES, Problem, TASKS
from assay.train.optim import OPTIMIZERS, SCHEDULES, transformation
from assay.train.probe import layer_names, statistics, SUMMARY, summary

LAYER = ("activation_mean", "activation_std", "saturated", "dead", "gradient_std", "gradient_ratio")
KERNEL = ("weight_gradient_norm", "update_ratio")
LR = 0.25

random = np.random.default_rng(0)
X = random.normal(size=(16, 4)).astype(np.float32)
Y = random.integers(0, 3, 16).astype(np.int32)


def drawn():
    """Kernels and biases from NumPy: a sampler takes longer to compile than the rest of these tests."""
    numbers = np.random.default_rng(1)
    sampler = lambda key, shape, dtype: jnp.asarray(0.8 * numbers.normal(size=shape), dtype)
    return Initializer(sampler, bias=sampler)


def task_of(model):
    # Of the data, classification asks for the number of classes and whether examples are points of the plane.
    data = types.SimpleNamespace(num_classes=3, train=types.SimpleNamespace(x=X))
    return TASKS["classify"]().make(Problem(lambda outputs: model, LOSSES["cross_entropy"](), data, 1))


def measured(model, activation, x=X, y=Y, edit=lambda params: params):
    """(statistics, names, signals, parameters) of one step of gradient descent."""
    task = task_of(model)
    tx = transformation(OPTIMIZERS["sgd"](), SCHEDULES["constant"](), 10, LR, None)
    batch = Batch(jnp.asarray(x), jnp.asarray(y), jax.random.key(7), jnp.int32(0))

    @functools.partial(jax.jit, compiler_options={"xla_backend_optimization_level": 0})  # compiles faster
    def all_of():
        before = task.init(jax.random.key(0), batch.x, tx)
        before = before._replace(params=edit(before.params))
        after, _ = task.step(before, batch, tx)
        signals = task.signals(before, batch)
        return statistics(signals, before.params, after.params, activation), signals, before.params

    found, signals, params = all_of()
    return jax.tree.map(np.asarray, found), layer_names(signals), signals, params


def network(spec, activation, norm="none", init=None, dtype=jnp.float32):
    kit = Kit(activation, init or drawn(), specs.build(NORMS, norm, "norm"), dtype)
    return from_linen(specs.build(MODELS, spec, "model", kit=kit, outputs=3), (3,))


def lengths(found):
    return {key: len(value) for key, value in found.items()}


def backpropagated(params, f, slope, depth):
    """Pre-activations, activations, their gradients and the kernels' of the mean cross-entropy, in float64."""
    kernels = [np.asarray(params[f"Dense_{i}"]["kernel"], np.float64) for i in range(depth + 1)]
    biases = [np.asarray(params[f"Dense_{i}"]["bias"], np.float64) for i in range(depth + 1)]
    inputs, z = [X.astype(np.float64)], []
    for kernel, bias in zip(kernels, biases):
        z.append(inputs[-1] @ kernel + bias)
        inputs.append(f(z[-1]))
    p = np.exp(z[-1] - z[-1].max(1, keepdims=True))
    delta = (p / p.sum(1, keepdims=True) - np.eye(3)[Y]) / len(Y)
    dz, dw = [], []
    for i in reversed(range(depth + 1)):
        dw.insert(0, inputs[i].T @ delta)
        if i:
            delta = delta @ kernels[i].T * slope(z[i - 1])
            dz.insert(0, delta)
    return z[:-1], inputs[1:-1], dz, dw, kernels


@pytest.mark.parametrize(
    "name, f, slope",
    [
        ("tanh", np.tanh, lambda z: 1 - np.tanh(z) ** 2),
        ("relu", lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(float)),
        ("sigmoid", lambda z: 1 / (1 + np.exp(-z)), lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2),
    ],
)
def test_every_statistic_against_numpy(name, f, slope):
    depth = 3
    activation = ACTIVATIONS[name]()
    found, names, _, params = measured(network(f"mlp(depth={depth},width=6)", activation), activation)
    z, a, dz, dw, kernels = backpropagated(params, f, slope, depth)
    steepest = {"tanh": 1, "relu": 1, "sigmoid": 0.25}[name]
    flat = [np.abs(slope(layer)) < 0.1 * steepest for layer in z]
    assert any(layer.any() for layer in flat)  # the case has something to find
    std = np.array([layer.std() for layer in dz])
    expected = {
        "activation_mean": [layer.mean() for layer in a],
        "activation_std": [layer.std() for layer in a],
        "saturated": [layer.mean() for layer in flat],
        "dead": [layer.all(0).mean() for layer in flat],
        "gradient_std": std,
        "gradient_ratio": [*(std[:-1] ** 2 / std[1:] ** 2), np.nan],
        "weight_gradient_norm": [np.linalg.norm(g) for g in dw],
        "update_ratio": [LR * np.linalg.norm(g) / np.linalg.norm(w) for g, w in zip(dw, kernels)],
    }
    assert set(found) == set(expected) == {*LAYER, *KERNEL}
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], value, rtol=1e-3, atol=1e-6, err_msg=key)
    assert names == {"layer": [f"Activate_{i}" for i in range(3)], "kernel": [f"Dense_{i}" for i in range(4)]}


def test_planted_dead_units_are_counted():
    activation = ACTIVATIONS["relu"]()

    def bury(params):
        bias = jnp.where(jnp.arange(8) < 3, -100.0, 100.0)  # three dead, five always active
        return {**params, "Dense_1": {**params["Dense_1"], "bias": bias}}

    found, *_ = measured(network("mlp(depth=2,width=8)", activation), activation, edit=bury)
    assert found["dead"][1] == found["saturated"][1] == np.float32(3 / 8)
    assert found["saturated"][0] > found["dead"][0]  # half of all pairs, hardly a whole unit


def test_planted_dead_channels_of_a_convolution():
    activation = ACTIVATIONS["relu"]()
    x = random.normal(size=(5, 8, 8, 1)).astype(np.float32)

    def bury(params):
        return {**params, "Conv_1": {**params["Conv_1"], "bias": jnp.full(32, 100.0).at[:8].set(-1000.0)}}

    found, *_ = measured(network("strided_cnn(padding='SAME')", activation), activation, x, Y[:5], bury)
    assert found["dead"][1] == 8 / 32


def test_saturated_tanh_units_are_planted_by_large_kernels():
    activation = ACTIVATIONS["tanh"]()
    grow = lambda params: {**params, "Dense_0": jax.tree.map(lambda leaf: 1e3 * leaf, params["Dense_0"])}
    found, *_ = measured(network("mlp(depth=2,width=8)", activation), activation, edit=grow)
    assert found["saturated"][0] > 0.98
    linear = ACTIVATIONS["linear"]()
    found, *_ = measured(network("mlp(depth=2,width=8)", linear), linear, edit=grow)
    np.testing.assert_array_equal(found["saturated"], 0)


def test_a_prelu_channel_is_judged_by_its_own_slopes():
    activation = ACTIVATIONS["prelu"]()

    def set_slopes(params):
        # One steep channel must not make the others look flat; one flat on its negative side only.
        return {**params, "Activate_0": {"coefficients": {"alpha": jnp.array([50.0, 1.0, 1.0, 0.0])}}}

    found, _, signals, _ = measured(network("mlp(depth=1,width=4)", activation), activation, edit=set_slopes)
    z = np.asarray(signals.output.preactivations[min(signals.output.preactivations)])
    expected = np.stack([z[:, 0] > 0, z[:, 0] > np.inf, z[:, 0] > np.inf, z[:, 3] < 0], 1)
    np.testing.assert_allclose(found["saturated"][0], expected.mean())


@pytest.mark.parametrize("scale", [0.1, 30.0])
def test_vanishing_and_exploding_gradients_are_measured_to_the_end(scale):
    """25 layers W = scale I: the signal changes by `scale` a layer, far beyond where float32 squares are 0 or inf."""
    activation = ACTIVATIONS["linear"]()
    init = Initializer(lambda key, shape, dtype: scale * jnp.eye(*shape, dtype=dtype))

    def readout(params):
        kernel = jnp.asarray(np.random.default_rng(2).normal(size=(3, 3)), jnp.float32)
        kernel *= 1e-12 if scale > 1 else 1e-8
        return {**params, "Dense_25": {"kernel": kernel, "bias": jnp.zeros(3)}}

    model = network("mlp(depth=25,width=3)", activation, init=init)
    found, *_ = measured(model, activation, x=X[:, :3] * (1e-22 if scale > 1 else 1), edit=readout)
    np.testing.assert_allclose(found["gradient_ratio"][:-1], scale**2, rtol=1e-3)
    ratios = found["gradient_std"][:-1] / found["gradient_std"][1:]
    np.testing.assert_allclose(ratios, scale, rtol=1e-3)
    assert np.all(found["weight_gradient_norm"] > 0) and np.isfinite(found["weight_gradient_norm"]).all()
    assert not (1e-15 < found["gradient_std"][0] < 1e15)


@pytest.mark.parametrize(
    "spec, activation, norm, layers, kernels",
    [
        ("mlp(depth=2,width=6)", "maxout(pieces=3)", "none", 2, 3),
        ("mlp(depth=2,width=6)", "prelu", "batch_norm", 2, 3),
        ("resnet(depth=8,shortcut='B',width=2)", "prelu", "batch_norm", 7, 10),
        ("resnet(depth=8,skip=False,width=2)", "elu", "none", 7, 8),
    ],
)
def test_statistics_of_every_kind_of_network(spec, activation, norm, layers, kernels):
    act = specs.build(ACTIVATIONS, activation, "activation")
    x = random.normal(size=(8, 4, 4, 1)).astype(np.float32)
    found, names, signals, params = measured(network(spec, act, norm), act, x, Y[:8])
    assert lengths(found) == dict.fromkeys(LAYER, layers) | dict.fromkeys(KERNEL, kernels)
    assert len(set(names["layer"])) == layers and len(set(names["kernel"])) == kernels
    for key, value in found.items():
        end = -1 if key == "gradient_ratio" else None
        assert np.isfinite(value[:end]).all(), key
    assert np.isnan(found["gradient_ratio"][-1])
    if activation.startswith("maxout"):  # in every group of three, one piece has slope 1 and two have 0
        np.testing.assert_allclose(found["saturated"], 2 / 3, rtol=1e-6)
    if norm == "none":
        # The gradient of a bias is its layer's pre-activation gradient, summed over examples and positions.
        for i, name in enumerate(sorted(signals.preactivation_gradients)):
            gradient = np.asarray(signals.preactivation_gradients[name])
            layer = names["kernel"][i]
            np.testing.assert_allclose(
                gradient.reshape(-1, gradient.shape[-1]).sum(0), signals.gradients[layer]["bias"], rtol=1e-3, atol=1e-5
            )


def test_a_bfloat16_network_is_measured_in_float32():
    activation = ACTIVATIONS["tanh"]()
    exact, *_ = measured(network("mlp(depth=2,width=32)", activation), activation)
    rounded, *_ = measured(network("mlp(depth=2,width=32)", activation, dtype=jnp.bfloat16), activation)
    for key, value in rounded.items():
        assert value.dtype == np.float32
        np.testing.assert_allclose(value, exact[key], rtol=0.1, atol=0.02, err_msg=key)


class Plain(nn.Module):
    @nn.compact
    def __call__(self, x):
        last = nn.Dense(3)  # is Dense_0, being made first
        return last(nn.relu(nn.Dense(5)(x)))


class Own(nn.Module):
    @nn.compact
    def __call__(self, x):
        return x @ self.param("matrix", nn.initializers.ones, (4, 3), jnp.float32)


@pytest.mark.parametrize(
    "model, kernels",
    [
        (from_linen(Plain(), (3,)), ["Dense_1", "Dense_0"]),
        (from_linen(nn.Dense(3), (3,)), [""]),
        (from_linen(Own(), (3,)), []),
    ],
)
def test_models_without_kit_have_kernel_statistics_only(model, kernels):
    found, names, signals, _ = measured(model, ACTIVATIONS["tanh"]())
    assert names == {"layer": [], "kernel": kernels}
    assert lengths(found) == dict.fromkeys(LAYER, 0) | dict.fromkeys(KERNEL, len(kernels))
    assert np.all(found["weight_gradient_norm"] > 0)


def test_a_network_without_hidden_layers():
    model = models.build("mlp(depth=0)", activation="tanh", init="zeros", norm="none", outputs=3)
    found, names, *_ = measured(model, ACTIVATIONS["tanh"]())
    assert names == {"layer": [], "kernel": ["Dense_0"]}
    assert np.isnan(found["update_ratio"]).all()  # |dw| / |w| of a kernel of zeros is no number
    assert np.all(found["weight_gradient_norm"] > 0)


def test_the_summary_of_a_step():
    probed = {
        "activation_std": [1.0, 0.5, 0.01],
        "gradient_std": [1e-5, 1e-3, 1e-1],
        "saturated": [0.0, 0.5, 1.0],
        "dead": [0.0, 0.0, 0.3],
    }
    found = summary(probed)
    assert found == pytest.approx({"signal_slope": 1, "gradient_slope": 2, "saturated": 0.5, "dead": 0.1})
    assert tuple(found) == SUMMARY
    exploding = summary(probed | {"gradient_std": [1e3, 1.0, 1e-1]})
    assert exploding["gradient_slope"] == pytest.approx(2)  # either way is a fault


@pytest.mark.parametrize("gradients", [[], [0.5], [0.0, 1.0], [1.0, None]])
def test_the_summary_has_no_slope_of_what_is_no_number(gradients):
    of_layers = dict.fromkeys(("activation_std", "saturated", "dead"), [])
    found = summary(of_layers | {"gradient_std": gradients})
    assert all(np.isnan(value) for value in found.values())
