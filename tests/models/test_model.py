"""The adapter that makes two pure functions of any linen module, and `build` from Specs."""

import math
import sys
import types

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from assay import models
from assay.activations import Activation
from assay.models import from_linen, Kit, path
from assay.spec import SpecError

X = jnp.asarray(np.random.default_rng(0).normal(size=(6, 4)), jnp.float32)
KEY = jax.random.key(0)


class Plain(nn.Module):
    """A user's network: no kit, no outputs, no train."""

    @nn.compact
    def __call__(self, x):
        return nn.Dense(3, name="last")(nn.relu(nn.Dense(5, name="first")(x)))


class Block(nn.Module):
    kit: Kit

    @nn.compact
    def __call__(self, x, train):
        return self.kit.normalise_act(self.kit.dense(5)(x), train)


class Nested(nn.Module):
    """Takes all that there is: kit, outputs, train; layers two modules deep; dropout and batch statistics."""

    kit: Kit
    outputs: int
    blocks: int = 2

    def setup(self):
        self.body = [Block(self.kit) for _ in range(self.blocks)]
        self.dropout = nn.Dropout(0.5)
        self.readout = self.kit.readout(self.outputs)

    def __call__(self, x, train):
        for block in self.body:
            x = block(x, train)
        return self.readout(self.dropout(x, deterministic=not train))


def from_function(kit, outputs, blocks: int = 1):
    return Nested(kit, outputs, blocks)


def nothing(kit, outputs):
    return None


class Own(nn.Module):
    """Neither nn.Dense nor nn.Conv."""

    @nn.compact
    def __call__(self, x):
        return x @ self.param("matrix", nn.initializers.ones, (4, 3), jnp.float32)


class Parameterless(nn.Module):
    @nn.compact
    def __call__(self, x):
        return x[:, :3]


class Remat(nn.Module):
    """A lifted transformation around a part of the layers."""

    kit: Kit
    outputs: int

    @nn.compact
    def __call__(self, x, train):
        x = nn.remat(Block, static_argnums=(2,))(self.kit)(x, train)
        x = self.kit.act(self.kit.dense(5)(x))
        return self.kit.readout(self.outputs)(x)


class Layer(nn.Module):
    @nn.compact
    def __call__(self, x, _):
        return nn.Dense(4)(x), None


class Scanned(nn.Module):
    outputs: int

    @nn.compact
    def __call__(self, x):
        layers = nn.scan(Layer, variable_axes={"params": 0}, split_rngs={"params": True}, length=3)
        x, _ = layers()(x, None)
        return nn.Dense(self.outputs)(x)


class Tuple(Plain):
    @nn.compact
    def __call__(self, x):
        return x, x


class Masked(Plain):
    @nn.compact
    def __call__(self, x, mask):
        return x


@pytest.fixture(autouse=True, scope="module")
def importable():
    """This file's modules under a name that a Spec can have."""
    module = types.ModuleType("users_models")
    for value in (Plain, Nested, Own, Parameterless, Remat, Scanned, Tuple, Masked, from_function, nothing):
        setattr(module, value.__name__, value)
    sys.modules["users_models"] = module
    yield
    del sys.modules["users_models"]


def build(name, *, activation="tanh", init="lecun_normal", norm="none", outputs=3):
    spec = name if ":" in name or name.partition("(")[0] in models.MODELS else f"users_models:{name}"
    return models.build(spec, activation=activation, init=init, norm=norm, outputs=outputs)


def run(model, x=X, train=False, key=None, **kwargs):
    params, state = model.init(KEY, x)
    return params, state, *model.apply(params, state, x, key=key, train=train, **kwargs)


def test_a_users_module_without_kit_runs_as_it_is():
    params, state, output, after = run(build("Plain"))
    by_hand = np.maximum(X @ params["first"]["kernel"], 0) @ params["last"]["kernel"]
    np.testing.assert_allclose(output.logits, by_hand, rtol=1e-5, atol=1e-6)
    assert [path(name) for name in sorted(output.linear)] == [("first",), ("last",)]
    np.testing.assert_allclose(output.linear[max(output.linear)], output.logits)
    assert output.activations == output.preactivations == {} and state == after == {}
    assert not models.takes_kit("users_models:Plain") and models.default_norm("users_models:Plain") == "none"


@pytest.mark.parametrize("spec, blocks", [("Nested(blocks=3)", 3), ("from_function", 1)])
def test_a_users_class_or_function_gets_kit_and_outputs(spec, blocks):
    model = build(spec, norm="batch_norm", outputs=7)
    params, state, output, _ = run(model)
    assert output.logits.shape == (6, 7)
    assert models.takes_kit(f"users_models:{spec}")
    assert [path(name) for name in sorted(output.activations)] == [(f"body_{i}", "Activate_0") for i in range(blocks)]
    linear = [path(name) for name in sorted(output.linear)]
    assert linear == [(f"body_{i}", "Dense_0") for i in range(blocks)] + [("readout",)]
    for where in linear:  # the path leads to the layer's kernel
        here = params
        for part in where:
            here = here[part]
        assert here["kernel"].ndim == 2


def test_apply_is_pure_and_only_training_moves_batch_statistics():
    model = build("Nested", norm="batch_norm(momentum=0.75)")
    params, state = model.init(KEY, X)
    copies = jax.tree.map(np.array, (params, state))
    key = jax.random.key(5)
    trained = model.apply(params, state, X, key=key, train=True)
    again = model.apply(params, state, X, key=key, train=True)
    evaluated, same = model.apply(params, state, X, key=None, train=False)
    jax.tree.map(np.testing.assert_array_equal, trained, again)  # no hidden state
    jax.tree.map(np.testing.assert_array_equal, (params, state), copies)  # arguments untouched
    assert same is state
    assert jax.tree.structure(trained[1]) == jax.tree.structure(state)
    first = np.asarray(X @ params["body_0"]["Dense_0"]["kernel"])
    moved = trained[1]["batch_stats"]["body_0"]["BatchNorm_0"]
    np.testing.assert_allclose(moved["mean"], 0.25 * first.mean(0), rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(moved["var"], 0.75 + 0.25 * first.var(0), rtol=1e-4)
    # Running statistics, not the batch's: an example's logits depend on no other.
    alone, _ = model.apply(params, state, X[:1], key=None, train=False)
    np.testing.assert_allclose(alone.logits, evaluated.logits[:1], rtol=1e-5, atol=1e-6)


def test_dropout_follows_the_key_and_is_off_in_evaluation():
    model = build("Nested")
    params, state = model.init(KEY, X)
    draws = [model.apply(params, state, X, key=jax.random.key(k), train=True)[0].logits for k in (1, 1, 2)]
    np.testing.assert_array_equal(draws[0], draws[1])
    assert np.any(draws[0] != draws[2])
    off = [model.apply(params, state, X, key=k, train=False)[0].logits for k in (None, jax.random.key(1))]
    np.testing.assert_array_equal(*off)
    many = jax.vmap(lambda k: model.apply(params, state, X, key=k, train=True)[0].logits)(jax.random.split(KEY, 4000))
    np.testing.assert_allclose(many.mean(0), off[0], atol=6 * float(many.std(0).max()) / math.sqrt(4000))


def test_the_gradient_by_offsets_is_the_signal_at_each_preactivation():
    """Against central differences, in a random direction for each layer."""
    model = build("mlp(depth=3,width=5)")
    params, state, output, _ = run(model)

    @jax.jit
    def loss(offsets):
        logits = model.apply(params, state, X, key=None, train=True, offsets=offsets)[0].logits
        return jnp.sum(jnp.square(logits - 1))

    zeros = jax.tree.map(jnp.zeros_like, output.preactivations)
    gradients = jax.grad(loss)(zeros)
    assert list(gradients) == list(output.preactivations) and len(gradients) == 3
    random, h = np.random.default_rng(3), 1e-2
    for name, gradient in gradients.items():
        direction = jnp.asarray(random.normal(size=gradient.shape), jnp.float32)
        slope = (loss({name: h * direction}) - loss({name: -h * direction})) / (2 * h)
        np.testing.assert_allclose(jnp.vdot(gradient, direction), slope, rtol=5e-3, atol=1e-2)
    shifted = model.apply(params, state, X, key=None, train=False, offsets={min(zeros): jnp.full((6, 5), 2.0)})[0]
    np.testing.assert_allclose(shifted.preactivations[min(zeros)], output.preactivations[min(zeros)] + 2, rtol=1e-6)
    np.testing.assert_array_equal(shifted.linear[min(output.linear)], output.linear[min(output.linear)])


def test_maxout_and_prelu_networks_against_numpy():
    params, _, output, _ = run(build("mlp(depth=1,width=5)", activation="maxout(pieces=3)"))
    z = np.asarray(X @ params["Dense_0"]["kernel"]).reshape(6, 3, 5)  # [B, pieces, features]
    np.testing.assert_allclose(output.logits, z.max(1) @ params["Dense_1"]["kernel"], rtol=1e-5, atol=1e-6)
    params, _, output, _ = run(build("mlp(depth=1,width=5)", activation="prelu(alpha=0.5)"))
    z = np.asarray(X @ params["Dense_0"]["kernel"])
    np.testing.assert_array_equal(params["Activate_0"]["coefficients"]["alpha"], np.full(5, 0.5))
    np.testing.assert_allclose(
        output.logits, np.where(z > 0, z, z / 2) @ params["Dense_1"]["kernel"], rtol=1e-5, atol=1e-6
    )


def test_a_users_activation_function_and_initializer():
    kit = Kit(Activation(lambda x: x**3, 1.0), models.as_initializer(nn.initializers.ones))
    params, _, output, _ = run(from_linen(models.MODELS["mlp"](kit, 2, depth=1, width=3), (2,)))
    expected = 3 * np.asarray(X).sum(1, keepdims=True) ** 3
    np.testing.assert_allclose(output.logits, np.repeat(expected, 2, 1), rtol=1e-5)


@pytest.mark.parametrize("spec", ["mlp(depth=4,width=32)", "Nested(blocks=4)"])
def test_lsuv_gives_every_linear_output_unit_variance(spec):
    x = jnp.asarray(np.random.default_rng(1).normal(size=(64, 20)) * 3, jnp.float32)
    model = build(spec, init="lsuv(tol=0.02)")
    params, state = jax.jit(model.init)(KEY, x)
    output, _ = model.apply(params, state, x, key=None, train=False)
    assert len(output.linear) == 5
    for name, z in output.linear.items():
        assert abs(float(jnp.var(z)) - 1) < 0.02, name
    before, _ = build(spec, init="orthogonal").init(KEY, x)
    assert jax.tree.structure(before) == jax.tree.structure(params)
    assert all(np.any(a != b) for a, b in zip(jax.tree.leaves(before), jax.tree.leaves(params)) if a.ndim == 2)


def test_lsuv_of_a_convolutional_network():
    x = jnp.asarray(np.random.default_rng(1).uniform(size=(16, 12, 12, 1)), jnp.float32)
    model = build("lenet", init="lsuv")
    params, state = jax.jit(model.init)(KEY, x)
    output, _ = jax.jit(lambda p: model.apply(p, state, x, key=None, train=False))(params)
    np.testing.assert_allclose([jnp.var(z) for z in output.linear.values()], 1, atol=0.1)


def test_layers_of_no_known_kind_and_no_parameters_at_all():
    params, state, output, _ = run(build("Own"))
    assert output.linear == {} and list(params) == ["matrix"]
    params, state, output, _ = run(build("Parameterless"))
    assert params == state == {}
    np.testing.assert_array_equal(output.logits, X[:, :3])


def test_a_single_layer_is_a_model():
    params, _, output, _ = run(build("flax.linen:Dense(features=3)"))
    assert [path(name) for name in output.linear] == [()] and set(params) == {"kernel", "bias"}


def test_layers_in_lifted_transformations_run_unobserved():
    """Their values belong to an inner trace and cannot leave it; jit and grad would fail on a leaked one."""
    for spec, seen in (("Remat", [("Dense_0",), ("Dense_1",)]), ("Scanned", [("Dense_0",)])):
        model = build(spec)
        params, state = model.init(KEY, X)

        def loss(params):
            output, _ = model.apply(params, state, X, key=KEY, train=True)
            return jnp.sum(output.logits), output

        gradients, output = jax.jit(jax.grad(loss, has_aux=True))(params)
        assert [path(name) for name in sorted(output.linear)] == seen
        assert all(np.any(leaf != 0) for leaf in jax.tree.leaves(gradients))


def test_logits_of_another_shape_are_refused_at_once():
    with pytest.raises(ValueError, match=r"^Plain must return logits of shape \(6, 10\), not \(6, 3\)$"):
        build("Plain", outputs=10).init(KEY, X)
    with pytest.raises(ValueError, match=r"^Tuple must return logits of shape \(6, 3\), not tuple$"):
        build("Tuple").init(KEY, X)


@pytest.mark.parametrize(
    "spec, line",
    [
        ("Masked", r"Masked.__call__ must take \(self, x\) or \(self, x, train\), not \(self, x, mask\)"),
        ("nothing", "model users_models:nothing must be a flax.linen module, not NoneType"),
        ("Missing", "unknown model 'Missing'"),
        ("nowhere:Plain", "cannot import 'nowhere'"),
        ("Nested(blocks='two')", "argument blocks must be of type int, not 'two'"),
    ],
)
def test_one_clear_line_for_what_is_no_model(spec, line):
    with pytest.raises(SpecError, match=line) as refusal:
        build(spec)
    assert "\n" not in str(refusal.value)


def test_shortcuts_of_a_multilayer_perceptron():
    params, _, output, _ = run(build("mlp(depth=3,skip=True,width=5)"))
    names = [f"Dense_{i}" for i in range(4)]
    layer = lambda x, name: x @ np.asarray(params[name]["kernel"]) + np.asarray(params[name]["bias"])
    z = layer(np.asarray(X).reshape(len(X), -1), names[0])
    for name in names[1:3]:
        z = (z + layer(np.tanh(z), name)) / np.sqrt(2)
    np.testing.assert_allclose(output.logits, layer(np.tanh(z), names[3]), rtol=1e-4, atol=1e-5)
    with pytest.raises(SpecError, match="growth must be 1, not 2"):
        build("mlp(growth=2.0,skip=True)")


@pytest.mark.skipif(jax.__version_info__ < (0, 12), reason="older compilers drop the barrier on a CPU")
def test_shortcuts_cost_no_layer_twice():
    def operations(spec):
        model = build(spec)
        params, state = model.init(KEY, X)
        loss = lambda params: model.apply(params, state, X, key=KEY, train=True)[0].logits.sum()
        step = jax.jit(lambda params: jax.tree.map(jnp.subtract, params, jax.grad(loss)(params)))
        return step.lower(params).compile().cost_analysis()["flops"]

    plain, summed = operations("mlp(depth=24,width=8)"), operations("mlp(depth=24,skip=True,width=8)")
    assert plain < summed < 1.2 * plain  # 4.2 without the barrier
