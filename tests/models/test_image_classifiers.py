"""The published image classifiers: parameters, shapes, shortcuts, dropout, refusals; and that each of them learns.

Full sizes are traced alone (eval_shape), never allocated.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from assay import models
from assay.spec import SpecError

IMAGENET, CIFAR, MNIST = (224, 224, 3), (32, 32, 3), (28, 28, 1)


@functools.cache
def started(spec, shape, outputs):
    """The model, its parameters and state as shapes, and one example."""
    model, x = build(spec, outputs=outputs), jax.ShapeDtypeStruct((1, *shape), jnp.float32)
    return model, *jax.eval_shape(model.init, jax.random.key(0), x), x


def count(spec, shape, outputs=10):
    """Number of parameters."""
    return sum(leaf.size for leaf in jax.tree.leaves(started(spec, shape, outputs)[1]))


def stages(spec, shape, outputs=10):
    """Shapes of the activations in forward order, an example each."""
    model, *arguments = started(spec, shape, outputs)
    output, _ = jax.eval_shape(lambda p, s, x: model.apply(p, s, x, key=None, train=False), *arguments)
    assert output.logits.shape == (1, outputs)
    return [output.activations[name].shape[1:] for name in sorted(output.activations)]


def build(spec, *, outputs=10, activation="relu", init="he_normal"):
    return models.build(spec, activation=activation, init=init, norm=models.default_norm(spec), outputs=outputs)


def jit(function):
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0})  # compiles faster


def primitives(jaxpr):
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for inner in jax.tree.leaves(equation.params, is_leaf=lambda value: hasattr(value, "jaxpr")):
            if hasattr(inner, "jaxpr"):
                yield from primitives(inner.jaxpr)


# Parameters.

ALL_CNN = {  # Springenberg et al. 2015, tables 1 and 2: (kernel size, inputs, outputs) of every layer, at width 96
    "A": ((5, 3, 96), (5, 96, 192), (3, 192, 192), (1, 192, 192), (1, 192, 10)),
    "B": ((5, 3, 96), (1, 96, 96), (5, 96, 192), (1, 192, 192), (3, 192, 192), (1, 192, 192), (1, 192, 10)),
    "C": ((3, 3, 96), (3, 96, 96), (3, 96, 192), (3, 192, 192), (3, 192, 192), (1, 192, 192), (1, 192, 10)),
}
IN_PLACE_OF_POOLING = ((3, 96, 96), (3, 192, 192))


@pytest.mark.parametrize(
    ("spec", "shape", "outputs", "parameters"),
    [
        ("lenet(pooling='learned')", MNIST, 10, 61_706 + 12 + 32),  # S2 and S4 of LeCun et al. 1998, figure 2
        ("lenet(shared=False)", MNIST, 10, 61_706 - 156 - 2_416 + 28**2 * 156 + 10**2 * 2_416),
        ("airbench", CIFAR, 10, 12 * 24 + 9 * (24 * 64 + 64**2 + 64 * 256 + 3 * 256**2) + 2 * (24 + 2 * 576) + 2_570),
        ("alexnet", IMAGENET, 1000, 62_378_344),
        ("alexnet", (227, 227, 3), 1000, 62_378_344),
        ("alexnet(streams=2)", IMAGENET, 1000, 60_965_224),
        ("alexnet(form='cifar',width=16)", CIFAR, 10, 2_343_530),
        ("vgg(depth=11)", IMAGENET, 1000, 132_863_336),
        ("vgg(depth=13)", IMAGENET, 1000, 133_047_848),
        ("vgg(depth=16)", IMAGENET, 1000, 138_357_544),
        ("vgg(depth=16,skip=True)", IMAGENET, 1000, 138_357_544),
        ("vgg(depth=19)", IMAGENET, 1000, 143_667_240),
        ("vgg(dense=0,depth=16)", CIFAR, 10, 138_357_544 - (7**2 * 512 + 1 + 4096 + 1 + 1000) * 4096 - 1000 + 5_130),
        ("resnet_imagenet(depth=18)", IMAGENET, 1000, 11_689_512),
        ("resnet_imagenet(depth=34)", IMAGENET, 1000, 21_797_672),
        ("resnet_imagenet(depth=50)", IMAGENET, 1000, 25_557_032),
        ("resnet_imagenet(depth=101)", IMAGENET, 1000, 44_549_160),
        ("resnet_imagenet(depth=152)", IMAGENET, 1000, 60_192_808),
        ("wide_resnet", CIFAR, 10, 36_479_194),
        ("wide_resnet(depth=40,widen=4)", CIFAR, 10, 8_949_210),
        ("preact_resnet(bottleneck=True,depth=164)", CIFAR, 10, 1_703_258),
        ("densenet", CIFAR, 10, 1_019_722),
        ("densenet(bottleneck=True,compression=0.5,depth=100)", CIFAR, 10, 769_162),
        ("densenet(bottleneck=True,compression=0.5,depth=121,form='imagenet',growth=32)", IMAGENET, 1000, 7_978_856),
        ("densenet(bottleneck=True,compression=0.5,depth=161,form='imagenet',growth=48)", IMAGENET, 1000, 28_681_000),
    ],
)
def test_published_parameter_counts(spec, shape, outputs, parameters):
    assert count(spec, shape, outputs) == parameters


@pytest.mark.parametrize("base", ALL_CNN)
@pytest.mark.parametrize("variant", ["base", "strided", "convpool", "all"])
def test_all_cnn_has_the_layers_of_its_tables(base, variant):
    layers = ALL_CNN[base] + (IN_PLACE_OF_POOLING if variant in ("convpool", "all") else ())
    expected = sum(size**2 * inputs * outputs + outputs for size, inputs, outputs in layers)
    spec = f"all_cnn(base='{base}',variant='{variant}')"
    assert count(spec, CIFAR) == expected
    shapes = stages(spec, CIFAR)
    assert shapes[-2:] == [(6, 6, 192)] * 2  # "global averaging over 6x6 spatial dimensions"
    assert len(shapes) == len(layers) - 1
    halved = [shape[0] for shape in shapes if shape[2] == 96 and shape[0] == 16]
    assert len(halved) == (variant in ("strided", "all"))  # a stride in place of the pooling


def test_fixup_has_five_scalars_a_block_in_place_of_the_norms():
    norms = 2 * (16 + 6 * 16 + 6 * 32 + 6 * 64)
    assert count("fixup_resnet", CIFAR) == 269_722 - norms + 9 * 5 + 2


@pytest.mark.parametrize(("depth", "blocks"), [(20, 3), (110, 18)])
def test_preactivation_network_of_two_layer_blocks(depth, blocks):
    """Weights of the layers, two numbers a channel of every norm, projections without norm, the readout."""
    expected, inputs = 9 * 3 * 16 + 2 * 64 + 65 * 10, 16
    for features in (16, 32, 64):
        expected += inputs * features * (inputs != features)
        for _ in range(blocks):
            expected += 9 * (inputs + features) * features + 2 * (inputs + features)
            inputs = features
    assert count(f"preact_resnet(depth={depth})", CIFAR) == expected


# Shapes.


@pytest.mark.parametrize("size", [224, 227])
def test_alexnet_stages(size):
    assert stages("alexnet", (size, size, 3), 1000) == [
        (55, 55, 96), (27, 27, 256), (13, 13, 384), (13, 13, 384), (13, 13, 256), (4096,), (4096,)
    ]  # fmt: skip


def test_alexnet_for_small_images():
    shapes = stages("alexnet(form='cifar',width=16)", CIFAR)
    assert shapes == [(32, 32, 24), (16, 16, 64), (8, 8, 96), (8, 8, 96), (8, 8, 64), (1024,), (1024,)]


def test_vgg_stages():
    blocks = ((224, 64, 2), (112, 128, 2), (56, 256, 3), (28, 512, 3), (14, 512, 3))
    expected = [(size, size, maps) for size, maps, layers in blocks for _ in range(layers)]
    assert stages("vgg(depth=16)", IMAGENET, 1000) == [*expected, (4096,), (4096,)]
    small = stages("vgg(dense=5,depth=11,width=2)", MNIST)
    assert [shape[0] for shape in small] == [28, 14, 7, 7, 4, 4, 2, 2, 5, 5]


def test_resnet_stages():
    """He et al. 2016, table 1; the stride is the 3x3 layer's."""
    expected = [(112, 112, 64)]
    for size, maps, blocks in ((56, 64, 3), (28, 128, 4), (14, 256, 6), (7, 512, 3)):
        first = (size if maps == 64 else 2 * size,) * 2
        for block in range(blocks):
            expected += [(*(first if not block else (size, size)), maps), (size, size, maps), (size, size, 4 * maps)]
    assert stages("resnet_imagenet(depth=50)", IMAGENET, 1000) == expected


def test_wide_stages():
    shapes = stages("wide_resnet(depth=16,widen=2)", CIFAR)
    assert shapes == [(32, 32, 16)] + [(32, 32, 32)] * 4 + [(16, 16, 64)] * 4 + [(8, 8, 128)] * 4


def test_every_dense_layer_adds_its_maps():
    """Twelve layers of 12 maps a block; a transition keeps all of them, the last activation sees 448."""
    expected, maps = [], 16
    for size in (32, 16, 8):
        expected += [(size, size, maps + 12 * layer) for layer in range(13)]
        maps += 12 * 12
    assert stages("densenet", CIFAR) == expected


def test_densenet_121_stages():
    """Huang et al. 2017, table 1: what a transition of theta = 0.5 leaves, and the end."""
    spec = "densenet(bottleneck=True,compression=0.5,depth=121,form='imagenet',growth=32)"
    shapes = stages(spec, IMAGENET, 1000)
    assert shapes[0] == (112, 112, 64) and len(shapes) == 121
    entered = [after for shape, after in zip(shapes, shapes[1:]) if shape[0] != after[0]]
    assert entered == [(56, 56, 64), (28, 28, 128), (14, 14, 256), (7, 7, 512)]
    assert shapes[-1] == (7, 7, 1024)


# What the arguments mean.


def test_unshared_weights_generalise_shared_ones():
    """LeNet's own kernels, copied to every position, give LeNet's logits."""
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 12, 14, 1)), jnp.float32)
    shared, local = (build(f"lenet(shared={value})", activation="tanh") for value in (True, False))
    params, state = jit(shared.init)(jax.random.key(0), x)
    shapes = jax.eval_shape(local.init, jax.random.key(0), x)[0]
    copied = {**params}
    for layer in range(2):
        wanted, own = shapes[f"ConvLocal_{layer}"], copied.pop(f"Conv_{layer}")
        kernel = own["kernel"].reshape(1, 1, -1, own["kernel"].shape[-1])
        copied[f"ConvLocal_{layer}"] = {
            "kernel": jnp.broadcast_to(kernel, wanted["kernel"].shape),
            "bias": jnp.broadcast_to(own["bias"].reshape(1, 1, -1), wanted["bias"].shape),
        }
    run = lambda model, params: jit(lambda p: model.apply(p, state, x, key=None, train=False)[0].logits)(params)
    np.testing.assert_allclose(run(local, copied), run(shared, params), rtol=1e-4, atol=1e-5)


def test_vgg_with_shortcuts_passes_the_image_on():
    """Zero kernels: with shortcuts the maxima of the image remain, in its own channels; without them nothing."""
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 8, 8, 3)), jnp.float32)
    for skip in (True, False):
        model = build(f"vgg(dense=0,depth=11,skip={skip},width=3)", outputs=5, init="zeros")
        shapes = jax.eval_shape(model.init, jax.random.key(0), x)
        params, state = jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), shapes)
        params = {**params, "Dense_0": {**params["Dense_0"], "kernel": jnp.eye(24, 5)}}
        logits = jit(lambda p: model.apply(p, state, x, key=None, train=False)[0].logits)(params)
        expected = np.concatenate([np.maximum(np.asarray(x).max((1, 2)), 0), np.zeros((2, 2))], 1)
        np.testing.assert_allclose(logits, expected if skip else np.zeros((2, 5)), rtol=1e-6)


def test_fixup_begins_with_blocks_that_pass_their_input_on():
    """Every block ends as its shortcut, the logits are 0, and a block's first layer has 1/sqrt(L) of its scale."""
    model = build("fixup_resnet(depth=14,width=4)", init="he_normal")
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, 8, 8, 3)), jnp.float32)
    params, state = jit(model.init)(jax.random.key(0), x)
    output = jit(lambda p: model.apply(p, state, x, key=None, train=False)[0])(params)
    ends = [np.asarray(output.activations[name]) for name in sorted(output.activations)][::2]
    for before, after in zip(ends, ends[1:]):
        stride = before.shape[1] // after.shape[1]
        np.testing.assert_array_equal(after[..., : before.shape[-1]], before[:, ::stride, ::stride])
        np.testing.assert_array_equal(after[..., before.shape[-1] :], 0)
    np.testing.assert_array_equal(output.logits, 0)
    kernel = params["Conv_9"]["kernel"]  # of the fifth of six blocks
    assert kernel.shape == (3, 3, 8, 16)
    assert np.square(kernel).mean() == pytest.approx(2 / (9 * 8) / 6, rel=0.15)


@pytest.mark.parametrize(
    ("spec", "shape", "masks"),
    [
        ("alexnet(form='cifar',width=2)", (8, 8, 1), 2),
        ("vgg(dense=4,depth=11,width=1)", (8, 8, 1), 2),
        ("vgg(dense=0,depth=11,width=1)", (8, 8, 1), 0),
        ("all_cnn(width=2)", (9, 9, 1), 3),
        ("all_cnn(input_dropout=0.0,width=2)", (9, 9, 1), 2),
        ("wide_resnet(depth=10,widen=1)", (8, 8, 1), 0),
        ("wide_resnet(depth=10,dropout=0.3,widen=1)", (8, 8, 1), 3),
        ("densenet(depth=10,dropout=0.2,growth=1)", (8, 8, 1), 8),
    ],
)
def test_dropout_stands_where_the_papers_have_it(spec, shape, masks):
    model, x = build(spec), jax.ShapeDtypeStruct((2, *shape), jnp.float32)
    params, state = jax.eval_shape(model.init, jax.random.key(0), x)
    for train in (True, False):
        run = lambda p, s, x: model.apply(p, s, x, key=jax.random.key(0), train=train)[0].logits
        found = list(primitives(jax.make_jaxpr(run)(params, state, x).jaxpr))
        assert found.count("random_bits") == (masks if train else 0)


@pytest.mark.parametrize(
    ("spec", "line"),
    [
        ("lenet(pooling='max')", "pooling must be 'mean' or 'learned', not 'max'"),
        ("airbench(width=0)", "width must be at least 1, not 0"),
        ("alexnet(form='mnist')", "form must be 'imagenet' or 'cifar', not 'mnist'"),
        ("alexnet(streams=3)", "streams must be 1 or 2, not 3"),
        ("alexnet(streams=2,width=2)", "width must be a positive multiple of 4, not 2"),
        ("alexnet(dropout=1.5)", r"dropout must be in \[0, 1\), not 1.5"),
        ("vgg(depth=12)", "depth must be 11, 13, 16 or 19, not 12"),
        ("vgg(dense=-1)", "width must be at least 1 and dense at least 0, not 64 and -1"),
        ("all_cnn(base='D')", "base must be 'A', 'B' or 'C', not 'D'"),
        ("all_cnn(variant='pool')", "variant must be one of 'base', 'strided', 'convpool', 'all', not 'pool'"),
        ("all_cnn(input_dropout=-0.1)", r"input_dropout must be in \[0, 1\), not -0.1"),
        ("resnet_imagenet(depth=20)", r"depth must be one of 18, 34, 50, 101, 152, not 20; resnet takes 6n\+2"),
        ("preact_resnet(depth=21)", r"depth must be 6n\+2 with bottleneck=False, not 21"),
        ("preact_resnet(bottleneck=True,depth=14)", r"depth must be 9n\+2 with bottleneck=True, not 14"),
        ("wide_resnet(depth=20)", r"depth must be 6n\+4 \(10, 16, 22, 28, 40, ...\), not 20"),
        ("wide_resnet(widen=0)", "widen must be at least 1, not 0"),
        ("fixup_resnet(depth=9)", r"depth must be 6n\+2 \(8, 14, 20, 32, ...\), not 9"),
        ("densenet(depth=41)", r"depth must be 3n\+4 with bottleneck=False, not 41"),
        ("densenet(bottleneck=True,depth=43)", r"depth must be 6n\+4 with bottleneck=True, not 43"),
        ("densenet(depth=121,form='imagenet')", "has bottleneck=True and a depth of 121, 161, 169, 201, not 121"),
        ("densenet(compression=0.0)", "compression must be above 0 and at most 1, not 0.0"),
        ("densenet(growth=0)", "growth must be at least 1, not 0"),
    ],
)
def test_one_clear_line_for_a_wrong_spec(spec, line):
    with pytest.raises(SpecError, match=line) as refusal:
        build(spec)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("spec", "least", "line"),
    [
        ("alexnet(width=2)", 64, r"64x64 pixels, not 63x63; write alexnet\(form='cifar'\)"),
        ("airbench(width=1)", 9, "9x9 pixels, not 8x8"),
        ("all_cnn(width=2)", 9, "9x9 pixels, not 8x8"),
        ("densenet(depth=7,growth=1)", 4, "4x4 pixels, not 3x3"),
    ],
)
def test_smallest_images(spec, least, line):
    stages(spec, (least, least, 1))
    with pytest.raises(ValueError, match=line):
        stages(spec, (least - 1, least - 1, 1))


# Learning.


@pytest.mark.parametrize(
    ("spec", "shape", "rate"),
    [
        ("lenet(pooling='learned',shared=False)", (12, 12, 1), 0.05),
        ("airbench(width=4)", (9, 9, 1), 0.05),
        ("alexnet(dropout=0.0,form='cifar',streams=2,width=4)", (8, 8, 1), 0.05),
        ("vgg(dense=8,depth=11,dropout=0.0,skip=True,width=4)", (8, 8, 1), 0.05),
        ("all_cnn(base='A',dropout=0.0,input_dropout=0.0,width=8)", (9, 9, 1), 0.05),
        ("resnet_imagenet(depth=18,width=2)", (32, 32, 1), 0.05),
        ("preact_resnet(bottleneck=True,depth=11,width=2)", (8, 8, 1), 0.05),
        ("wide_resnet(depth=10,widen=1)", (8, 8, 1), 0.05),
        ("fixup_resnet(depth=8,width=4)", (8, 8, 1), 0.35),
        ("densenet(bottleneck=True,compression=0.5,depth=10,growth=2)", (8, 8, 1), 0.05),
    ],
)
def test_a_few_steps_lower_the_loss(spec, shape, rate):
    random = np.random.default_rng(0)
    x, y = jnp.asarray(random.normal(size=(12, *shape)), jnp.float32), jnp.arange(12) % 3
    model = build(spec, outputs=3)

    @jit
    def losses(key):
        params, state = model.init(key, x)

        def step(params, _):
            def loss(params):
                logits = model.apply(params, state, x, key=key, train=True)[0].logits
                return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], 1))

            value, gradients = jax.value_and_grad(loss)(params)
            return jax.tree.map(lambda p, g: p - rate * g, params, gradients), value

        return jax.lax.scan(step, params, length=15)[1]

    values = losses(jax.random.key(0))
    assert values[-1] < 0.95 * values[0], values


def test_a_fixed_first_layer_has_no_gradient_and_the_same_answer():
    x = jnp.asarray(np.random.default_rng(0).normal(size=(4, 9, 9, 1)), jnp.float32)
    free, fixed = (build(f"airbench(fixed={value},width=2)", outputs=3) for value in (False, True))
    params, state = jax.jit(free.init)(jax.random.key(0), x)

    def gradient(model):
        def loss(params):
            return jnp.sum(jnp.square(model.apply(params, state, x, key=None, train=True)[0].logits))

        return jax.jit(jax.value_and_grad(loss))(params)

    (value, gradients), (same, of_fixed) = gradient(free), gradient(fixed)
    assert value == same
    assert np.any(gradients["Conv_0"]["kernel"]) and not np.any(of_fixed["Conv_0"]["kernel"])
    del gradients["Conv_0"]["kernel"], of_fixed["Conv_0"]["kernel"]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), gradients, of_fixed)
