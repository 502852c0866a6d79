"""No model has a layer or a nonlinearity that the Kit does not know of: run over every entry of MODELS.

`CASES` must name every model, so that a new one cannot be left out.
"""

import functools

from flax import linen as nn
import jax
from jax.extend import core
import jax.numpy as jnp
import numpy as np
import pytest

from assay import ops
from assay import spec as specs
from assay.activations import ACTIVATIONS, Activation
from assay.initializers import INITIALIZERS, Initializer
from assay.models import from_linen, Kit, MODELS, path
from assay.models.norm import NORMS

# Spec, shape of one input, hidden layers that its documentation counts.
CASES = {
    "mlp(depth=3,width=6)": ((5,), 3),
    "mlp(depth=3,skip=True,width=6)": ((5,), 3),
    "lenet": ((12, 12, 1), 4),
    "lenet(pooling='learned',shared=False)": ((12, 12, 1), 6),
    "strided_cnn(padding='SAME')": ((8, 8, 1), 4),
    "resnet(depth=8,width=2)": ((8, 8, 3), 7),
    "resnet(depth=8,width=2,skip=False)": ((8, 8, 3), 7),
    "resnet(depth=8,shortcut='B',width=2)": ((8, 8, 3), 7),
    "resnet_imagenet(depth=18,width=2)": ((16, 16, 1), 17),
    "preact_resnet(bottleneck=True,depth=11,width=2)": ((8, 8, 1), 10),
    "wide_resnet(depth=10,dropout=0.3,widen=1)": ((8, 8, 1), 7),
    "fixup_resnet(depth=8,width=2)": ((8, 8, 1), 7),
    "densenet(bottleneck=True,compression=0.5,depth=10,growth=2)": ((8, 8, 1), 9),
    "airbench(width=2)": ((9, 9, 1), 7),
    "alexnet(form='cifar',streams=2,width=4)": ((8, 8, 1), 7),
    "vgg(dense=6,depth=11,skip=True,width=2)": ((8, 8, 1), 10),
    "all_cnn(base='A',variant='convpool',width=2)": ((13, 13, 1), 6),
    "char_mlp(depth=2,embed=2,width=6)": ((4, 3), 2),
    "text_conv(embed=2,width=6)": ((6, 3), 2),
    "autoencoder(code=3,hidden=(6,4))": ((5,), 4),
    "conv_autoencoder(code=3,maps=(2,4))": ((6, 6, 1), 4),
    "gan(depth=2,latent=3,width=6)": ((3,), 4),
    "dcgan(depth=2,latent=3,width=4)": ((3,), 4),
    "policy_value(blocks=1,features=4,width=6)": ((4, 4, 2), 4),
    "q_network(features=(4,4),width=6)": ((6, 4, 1), 3),
    "unet(depth=1,width=4)": ((6, 4, 1), 7),
    "unet(depth=1,padding='VALID',skip=False,width=4)": ((20, 20, 1), 7),
}
MAPS = {"conv_autoencoder", "unet"}  # models that give logits to every pixel: their mean is taken
SCALARS = {"dcgan", "gan"}  # models that give one logit: it is shown with two multiples of it
SHAPES = {"conv_autoencoder": (6, 6, 3), "dcgan": (6, 6, 1), "gan": (6,)}  # what models are asked for that make whole examples
CODES = {  # the first network's readout, which has neither norm nor activation
    "autoencoder(code=3,hidden=(6,4))": ("encoder", "Dense_2"),
    "conv_autoencoder(code=3,maps=(2,4))": ("encoder", "Dense_0"),
    "dcgan(depth=2,latent=3,width=4)": ("generator", "ConvTranspose_1"),
    "gan(depth=2,latent=3,width=6)": ("generator", "Dense_2"),
}
PROJECTIONS = {  # kernels that no activation follows directly
    **dict.fromkeys(CODES, 1),
    "resnet(depth=8,shortcut='B',width=2)": 2,
    "resnet_imagenet(depth=18,width=2)": 3,
    "preact_resnet(bottleneck=True,depth=11,width=2)": 3,
    "wide_resnet(depth=10,dropout=0.3,widen=1)": 2,
    "char_mlp(depth=2,embed=2,width=6)": 1,
    "text_conv(embed=2,width=6)": 1,
}
# A norm before every activation, not after every layer: these models, and an MLP that adds pre-activations.
PRE_ACTIVATION = {"densenet", "preact_resnet", "wide_resnet"}
SUMS = "mlp(depth=3,skip=True,width=6)"
WITHOUT_NORM = {"fixup_resnet"}  # models that refuse a norm
FACTORS = {  # by which a model multiplies initial kernels, in forward order; it has scalar factors, too
    "fixup_resnet(depth=8,width=2)": (1, 3**-0.5, 0, 3**-0.5, 0, 3**-0.5, 0, 0),
}
BOLTZMANN = {"dbn", "rbm"}  # their units are logistic by definition, in both directions: no activation is varied
OUTPUTS = 3
every_case = pytest.mark.parametrize("spec", CASES)
every_model = pytest.mark.parametrize("spec", {specs.parse(spec).name: spec for spec in reversed(CASES)}.values())

# Primitives that are not linear in their inputs; multiplication and division are left to the numerical check.
NONLINEAR = set(
    "abs acos asin atan atan2 cbrt ceil clamp cos cosh erf erf_inv erfc exp exp2 expm1 floor ge gt integer_pow le lgamma "
    "log log1p logistic lt max min pow reduce_max reduce_min reduce_precision rem round rsqrt select_n sign sin sinh "
    "sort sqrt square tan tanh argmax argmin cummax cummin cumprod reduce_prod reduce_window_max select_and_scatter_add".split()
)


def model_of(spec, activation="tanh", init="lecun_normal", norm="none", dtype=jnp.float32):
    """A model by its Spec; activation and init also as values, which have no Spec."""
    activation = specs.build(ACTIVATIONS, activation, "activation") if isinstance(activation, str) else activation
    init = specs.build(INITIALIZERS, init, "init") if isinstance(init, str) else init
    kit = Kit(activation, init, specs.build(NORMS, norm, "norm"), dtype)
    module = specs.build(MODELS, spec, "model", kit=kit, outputs=SHAPES.get(specs.parse(spec).name, OUTPUTS))
    if specs.parse(spec).name not in MAPS | SCALARS:
        return from_linen(module, (OUTPUTS,))
    scalar = specs.parse(spec).name in SCALARS
    model = from_linen(module, (1,) if scalar else (None, None, OUTPUTS))

    def apply(*args, **kwargs):
        output, state = model.apply(*args, **kwargs)
        logits = output.logits * jnp.array([[1.0, -2.0, 0.5]]) if scalar else output.logits.mean((1, 2))
        return output._replace(logits=logits), state

    return model._replace(apply=apply)


def batch(spec, size=4):
    return jnp.asarray(np.random.default_rng(0).normal(size=(size, *CASES[spec][0])), jnp.float32)


def jit(function):
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0})  # compiles faster


def started(spec, activation="tanh", norm="none"):
    """The model with drawn kernels and biases; NumPy draws them faster than a sampler compiles."""
    model, random = model_of(spec, activation, norm=norm), np.random.default_rng(1)
    params, state = jax.eval_shape(model.init, jax.random.key(0), batch(spec))

    def draw(where, leaf):
        name = where[-1].key
        if name == "kernel":
            return jnp.asarray(random.normal(size=leaf.shape) / np.sqrt(np.prod(leaf.shape[:-1])), leaf.dtype)
        if name == "bias":
            return jnp.asarray(random.normal(size=leaf.shape) / 4, leaf.dtype)
        return jnp.full(leaf.shape, {"alpha": 0.25, "scale": 1.0, "mean": 0.0, "var": 1.0}[name], leaf.dtype)

    return model, *jax.tree_util.tree_map_with_path(draw, (params, state))


def leaves(params):
    found = jax.tree_util.tree_flatten_with_path(params)[0]
    return {tuple(entry.key for entry in where): leaf for where, leaf in found}


def traced(model, x, train=False, **kwargs):
    """(params, Output) of shapes and dtypes."""
    params, state = jax.eval_shape(model.init, jax.random.key(0), x)
    key = jax.random.key(1) if train else None
    apply = functools.partial(model.apply, key=key, train=train, **kwargs)
    return params, jax.eval_shape(apply, params, state, x)[0]


def test_the_cases_name_every_model():
    assert {specs.parse(spec).name for spec in CASES} == set(MODELS) - BOLTZMANN
    assert set(PROJECTIONS) <= set(CASES)


# 1. Kernels and biases come from the initialiser.


def filled(value):
    return lambda key, shape, dtype: jnp.full(shape, value, dtype)


def assert_all_from_initializer(model, x, factors=None):
    params, _ = jit(model.init)(jax.random.key(0), x)
    found = leaves(params)
    assert {where[-1] for where in found} <= {"kernel", "bias", *(["scale"] if factors else [])}, "another parameter"
    _, output = traced(model, x)
    kernels = [path(name) for name in sorted(output.linear)]
    assert set(kernels) == {where[:-1] for where in found if where[-1] == "kernel"}, "a layer that is not observed"
    expected = {(*where, "kernel"): np.float32(7) * np.float32(f) for where, f in zip(kernels, factors or [1] * len(kernels))}
    for where, leaf in found.items():
        wanted = expected[where] if where[-1] == "kernel" else {"bias": -3, "scale": 1}[where[-1]]
        np.testing.assert_array_equal(leaf, wanted, err_msg=str(where))


@every_case
def test_every_kernel_and_bias_is_the_initializers(spec):
    model = model_of(spec, init=Initializer(filled(7.0), bias=filled(-3.0)))
    assert_all_from_initializer(model, batch(spec), FACTORS.get(spec))


@every_case
def test_every_kernel_is_multiplied_by_the_gain_if_asked(spec):
    init = Initializer(filled(1.0), use_gain=True)
    model = model_of(spec, Activation(jnp.tanh, gain=2.5), init)
    params, output = jit(model.init)(jax.random.key(0), batch(spec))[0], traced(model, batch(spec))[1]
    for name, factor in zip(sorted(output.linear), FACTORS.get(spec) or [1] * len(output.linear)):
        np.testing.assert_array_equal(leaves(params)[(*path(name), "kernel")], np.float32(2.5) * np.float32(factor))


# 2. Without the Kit's activation and norm, a model is affine.


def primitives(jaxpr):
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for value in jax.tree.leaves(equation.params, is_leaf=lambda v: isinstance(v, (core.Jaxpr, core.ClosedJaxpr))):
            if isinstance(value, (core.Jaxpr, core.ClosedJaxpr)):
                yield from primitives(getattr(value, "jaxpr", value))


def assert_affine(model, params, state, x):
    def logits(x):
        return model.apply(params, state, x, key=None, train=False)[0].logits

    hidden = NONLINEAR & set(primitives(jax.make_jaxpr(logits)(x).jaxpr))
    assert not hidden, f"nonlinear primitives {sorted(hidden)}"
    # Weights that sum to 1 and reach beyond the segment: an affine map commutes with them.
    u, v = 40 * x[:1], -30 * x[1:2]
    fu, fv, mixed = jit(logits)(jnp.concatenate([u, v, 2.5 * u - 1.5 * v]))
    np.testing.assert_allclose(mixed, 2.5 * fu - 1.5 * fv, rtol=1e-3, atol=1e-4 * float(jnp.abs(fu).max()))
    assert float(jnp.abs(fu - fv).max()) > 1e-2  # it does depend on x


@every_case
def test_a_linear_activation_makes_the_model_affine(spec, monkeypatch):
    monkeypatch.setattr(ops, "max_pool", ops.avg_pool)  # the one nonlinearity that a network may have beside the Kit's
    assert_affine(*started(spec, activation="linear"), batch(spec))


# 3. The activation is applied once after every hidden layer.


@every_case
def test_one_activation_for_each_hidden_layer_and_each_matters(spec):
    x, (_, hidden) = batch(spec), CASES[spec]
    _, params, state = started(spec)
    calls = []

    @jit
    def logits(sick):
        calls.clear()

        def fn(x):
            calls.append(x.shape)
            return jnp.where(sick == len(calls) - 1, jnp.nan, jnp.tanh(x))

        output, _ = model_of(spec, Activation(fn, 1.0)).apply(params, state, x, key=None, train=False)
        assert len(calls) == len(output.activations) == len(output.preactivations) == hidden
        assert [a.shape for _, a in sorted(output.activations.items())] == calls  # in forward order
        return output.logits

    for layer in range(hidden):
        assert np.isnan(logits(layer)).all(), f"the model does not depend on activation {layer}"
    assert np.isfinite(logits(-1)).all()


@every_case
def test_hidden_linear_layers_are_counted(spec):
    hidden = CASES[spec][1]
    _, output = traced(model_of(spec), batch(spec))
    assert len(output.linear) == hidden + PROJECTIONS.get(spec, 0) + 1
    assert list(output.linear) == sorted(output.linear) and list(output.activations) == sorted(output.activations)
    assert all(output.activations[name].shape == z.shape for name, z in output.preactivations.items())


# 4. The normalisation stands after every hidden layer, or before every activation.

NORM_SPECS = ("batch_norm(epsilon=1e-12)", "layer_norm(epsilon=1e-12)", "group_norm(epsilon=1e-12,groups=2)")


def named(names, less=()):
    found = [spec for spec in CASES if specs.parse(spec).name in names and spec not in less]
    return pytest.mark.parametrize("spec", found)


@named(PRE_ACTIVATION)
def test_a_norm_before_every_activation(spec):
    x = batch(spec)
    model, params, state = started(spec, norm=NORM_SPECS[0])
    found = leaves(params)
    with_bias = [where[:-1] for where in found if where[-1] == "bias" and (*where[:-1], "kernel") in found]
    assert with_bias == [("Dense_0",)]  # the readout alone
    shifts = {where: 0.0 for where in found if where[-1] == "bias" and where[:-1] != ("Dense_0",)}
    params = jax.tree_util.tree_map_with_path(lambda p, leaf: leaf * shifts.get(tuple(e.key for e in p), 1.0), params)
    run = jit(lambda params: model.apply(params, state, x, key=jax.random.key(3), train=True)[0].preactivations)
    for name, z in run(params).items():
        np.testing.assert_allclose(z.mean((0, 1, 2)), 0, atol=1e-4, err_msg=name)
        np.testing.assert_allclose(z.var((0, 1, 2)), 1, rtol=1e-3, err_msg=name)


@named(WITHOUT_NORM)
def test_a_model_that_stands_for_a_norm_refuses_one(spec):
    with pytest.raises(specs.SpecError, match="norm must be none"):
        model_of(spec, norm="batch_norm")


@named({specs.parse(spec).name for spec in CASES} - PRE_ACTIVATION - WITHOUT_NORM, less=[SUMS])
@pytest.mark.parametrize("norm", NORM_SPECS)
def test_a_norm_after_every_hidden_layer(spec, norm):
    x = batch(spec)
    model = model_of(spec, norm=norm)
    params, output = traced(model, x)
    found = leaves(params)
    readouts = {CODES.get(spec), path(max(output.linear))} - {None}
    normed = [name for name in sorted(output.linear) if path(name) not in readouts]
    assert len([where for where in found if where[-1] == "scale"]) == len(normed)
    with_bias = [where[:-1] for where in found if where[-1] == "bias" and (*where[:-1], "kernel") in found]
    assert len(with_bias) == len(readouts) and set(with_bias) == readouts

    if norm == NORM_SPECS[2]:
        return  # layer_norm in other groups, placed by the same code
    # A norm right after a layer undoes any factor on its kernel; tanh would not, so none hides behind another.
    _, params, state = started(spec, norm=norm)
    factors = dict(zip(normed, (4.0, 0.5, 16.0, 8.0, 0.25, 2.0, 32.0, 0.125, 64.0)))
    factors = {(*path(name), "kernel"): factor for name, factor in factors.items()}
    scaled = jax.tree_util.tree_map_with_path(lambda p, leaf: leaf * factors.get(tuple(e.key for e in p), 1.0), params)
    apply = jit(lambda params: model.apply(params, state, x, key=jax.random.key(3), train=True)[0].logits)
    before = apply(params)
    np.testing.assert_allclose(apply(scaled), before, rtol=1e-3, atol=1e-4)
    assert float(jnp.std(before)) > 0.05


# 5. Activations that need more channels or learn their shape.


@every_case
def test_maxout_has_pieces_in_every_layer(spec):
    _, plain = traced(model_of(spec), batch(spec), train=True)
    _, output = traced(model_of(spec, "maxout(pieces=3)"), batch(spec), train=True)
    for name, activation in plain.activations.items():
        assert output.activations[name].shape == activation.shape
        assert output.preactivations[name].shape == (*activation.shape[:-1], 3 * activation.shape[-1])
    assert output.logits.shape == plain.logits.shape


@every_model
def test_every_layer_learns_its_own_prelu(spec, monkeypatch):
    monkeypatch.setattr(ops, "max_pool", ops.avg_pool)  # maxima are positive: no slope below 0 would learn
    model, params, state = started(spec, activation="prelu")
    x, y = batch(spec), jnp.arange(4) % OUTPUTS

    def loss(params):
        logits = model.apply(params, state, x, key=jax.random.key(0), train=True)[0].logits
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1))

    gradients = leaves(jit(jax.grad(loss))(params))
    alphas = {where: leaf for where, leaf in leaves(params).items() if where[-1] == "alpha"}
    assert len(alphas) == CASES[spec][1]
    for where in alphas:
        assert np.any(gradients[where] != 0), where
    assert all(np.isfinite(leaf).all() for leaf in gradients.values())


# 6. bfloat16 (under strict promotion, as every test here): arithmetic only.


@every_model
@pytest.mark.parametrize("activation", ["prelu", "maxout"])
def test_bfloat16_computes_in_bfloat16_and_keeps_float32(spec, activation):
    norm = "none" if specs.parse(spec).name in WITHOUT_NORM else "batch_norm"
    model = model_of(spec, activation, norm=norm, dtype=jnp.bfloat16)
    params, output = traced(model, batch(spec), train=True)
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}
    assert output.logits.dtype == jnp.float32
    hidden = jax.tree.leaves((output.linear, output.preactivations, output.activations))
    assert {leaf.dtype for leaf in hidden} == {jnp.dtype("bfloat16")}
    _, state = jax.eval_shape(model.init, jax.random.key(0), batch(spec))
    assert {leaf.dtype for leaf in jax.tree.leaves(state)} <= {jnp.dtype("float32")}

    def loss(params, state):
        return jnp.sum(model.apply(params, state, batch(spec), key=jax.random.key(0), train=True)[0].logits)

    assert {leaf.dtype for leaf in jax.tree.leaves(jax.eval_shape(jax.grad(loss), params, state))} == {jnp.dtype("float32")}


# The sentinel sees what it is for.


class Careless(nn.Module):
    """One fault at a time, each of a kind that published code has."""

    kit: Kit
    fault: str

    @nn.compact
    def __call__(self, x, train):
        x = self.kit.dense(8)(x)
        x = nn.relu(x) if self.fault == "relu" else self.kit.act(x)
        x = nn.Dense(8)(x) if self.fault == "kernel" else self.kit.dense(8)(x)
        if self.fault == "clip":
            x = jnp.clip(x, -1e9, 1e9)  # never active on the numbers of a test
        return self.kit.readout(OUTPUTS)(self.kit.act(x))


def careless(fault, activation="linear", init="lecun_normal"):
    kit = Kit(specs.build(ACTIVATIONS, activation, "a"), specs.build(INITIALIZERS, init, "i") if isinstance(init, str) else init)
    return from_linen(Careless(kit, fault), (OUTPUTS,))


@pytest.mark.parametrize("fault", ["relu", "clip"])
def test_the_sentinel_finds_a_hidden_nonlinearity(fault):
    x = jnp.ones((4, 5))
    model = careless(fault)
    with pytest.raises(AssertionError, match="nonlinear primitives"):
        assert_affine(model, *model.init(jax.random.key(0), x), x)


def test_the_sentinel_finds_a_forgotten_kernel():
    with pytest.raises(AssertionError, match="Dense_1"):
        assert_all_from_initializer(careless("kernel", init=Initializer(filled(7.0), bias=filled(-3.0))), jnp.ones((4, 5)))
