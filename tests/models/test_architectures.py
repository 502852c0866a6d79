"""Sizes and shapes of the published networks, and what they refuse. Nothing is computed: eval_shape only."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from assay import models
from assay.models import path
from assay.spec import SpecError


def outline(spec, shape, *, norm="default", activation="relu", outputs=10, size=2):
    """(params, Output) as shapes."""
    norm = models.default_norm(spec) if norm == "default" else norm
    model = models.build(spec, activation=activation, init="he_normal", norm=norm, outputs=outputs)
    x = jax.ShapeDtypeStruct((size, *shape), jnp.float32)
    params, state = jax.eval_shape(model.init, jax.random.key(0), x)
    output, _ = jax.eval_shape(lambda p, s, x: model.apply(p, s, x, key=None, train=False), params, state, x)
    return params, output


def count(spec, shape, **kwargs):
    return sum(leaf.size for leaf in jax.tree.leaves(outline(spec, shape, **kwargs)[0]))


@pytest.mark.parametrize(
    "spec, shape, parameters",
    [
        ("mlp(depth=1,width=100)", (28, 28, 1), 79_510),
        ("mlp(depth=0)", (28, 28, 1), 7_850),
        ("mlp(depth=3,growth=2.0,width=46)", (28, 28, 1), 36_110 + 4_324 + 17_112 + 1_850),
        ("mlp(depth=2,growth=0.34,width=6)", (2,), 18 + 14 + 30),
        ("lenet", (28, 28, 1), 61_706),
        ("strided_cnn", (28, 28, 1), 23_882),
        ("strided_cnn", (32, 32, 3), 27_754),
        ("resnet", (32, 32, 3), 269_722),
        ("resnet(depth=32)", (32, 32, 3), 464_154),
        ("resnet(depth=44)", (32, 32, 3), 658_586),
        ("resnet(depth=56)", (32, 32, 3), 853_018),
        ("resnet(depth=20,skip=False)", (32, 32, 3), 269_722),
        ("resnet(depth=56,skip=False)", (32, 32, 3), 853_018),
        ("resnet(depth=20,skip=False,shortcut='B')", (32, 32, 3), 269_722),
    ],
)
def test_published_parameter_counts(spec, shape, parameters):
    assert count(spec, shape) == parameters


@pytest.mark.parametrize("width", [16, 4])
def test_option_b_adds_two_projections_with_their_norms(width):
    w = width
    projections = (w * 2 * w + 2 * 2 * w) + (2 * w * 4 * w + 2 * 4 * w)
    spec = f"resnet(depth=14,width={w}"
    assert count(f"{spec},shortcut='B')", (32, 32, 3)) == count(f"{spec})", (32, 32, 3)) + projections


def test_normalisation_moves_the_bias_into_its_shift():
    """A norm has two numbers a channel where the bias was one."""
    assert count("lenet", (28, 28, 1), norm="batch_norm") == 61_706 + 6 + 16 + 120 + 84
    assert count("mlp(depth=1,width=100)", (28, 28, 1), norm="layer_norm") == 79_510 + 100
    channels = 16 + 6 * 16 + 6 * 32 + 6 * 64
    assert count("resnet", (32, 32, 3), norm="none") == 269_722 - channels


def test_default_norm_is_the_papers():
    assert models.default_norm("resnet(depth=56)") == "batch_norm"
    assert {models.default_norm(name) for name in ("mlp", "lenet", "strided_cnn")} == {"none"}


def test_maxout_widens_the_layer_before_it():
    plain, _ = outline("mlp(depth=2,width=5)", (7,))
    wide, _ = outline("mlp(depth=2,width=5)", (7,), activation="maxout(pieces=3)")
    shapes = [params[f"Dense_{i}"]["kernel"].shape for params in (plain, wide) for i in range(3)]
    assert shapes == [(7, 5), (5, 5), (5, 10), (7, 15), (5, 15), (5, 10)]


@pytest.mark.parametrize("spec", ["resnet", "resnet(skip=False)", "resnet(shortcut='B')"])
def test_resnet_stages(spec):
    """He et al. 2016, the table of section 4.2: 1+2n maps of 32x32, 2n of 16x16, 2n of 8x8."""
    _, output = outline(spec, (32, 32, 3))
    shapes = [output.activations[name].shape[1:] for name in sorted(output.activations)]
    assert shapes == [(32, 32, 16)] * 7 + [(16, 16, 32)] * 6 + [(8, 8, 64)] * 6


@pytest.mark.parametrize("size, sizes", [(28, (28, 14, 7)), (15, (15, 8, 4)), (8, (8, 4, 2)), (1, (1, 1, 1))])
def test_resnet_takes_images_of_any_size(size, sizes):
    for spec in ("resnet(depth=8)", "resnet(depth=8,shortcut='B')"):
        _, output = outline(spec, (size, size, 1))
        assert [output.activations[name].shape[1] for name in sorted(output.activations)][::2] == [size, *sizes]


def test_lenet_and_strided_cnn_stages():
    _, output = outline("lenet", (28, 28, 1))
    shapes = [output.activations[name].shape[1:] for name in sorted(output.activations)]
    assert shapes == [(28, 28, 6), (10, 10, 16), (120,), (84,)]
    _, output = outline("strided_cnn", (28, 28, 1))
    shapes = [output.activations[name].shape[1:] for name in sorted(output.activations)]
    assert shapes == [(12, 12, 16), (4, 4, 32), (1, 1, 32), (32,)]


def test_smallest_images():
    for spec, least in (("lenet", 12), ("strided_cnn", 21)):
        assert outline(spec, (least, least + 3, 1))[1].logits.shape == (2, 10)
        with pytest.raises(ValueError, match=f"^images must be at least {least}x{least} pixels, not 40x{least - 1}"):
            outline(spec, (40, least - 1, 1))
    with pytest.raises(ValueError, match=r"not 8x8; write strided_cnn\(padding='SAME'\)"):
        outline("strided_cnn", (8, 8, 1))
    assert outline("strided_cnn(padding='SAME')", (8, 8, 1))[1].logits.shape == (2, 10)


@pytest.mark.parametrize("spec", ["lenet", "strided_cnn", "strided_cnn(padding='SAME')", "resnet"])
def test_convolutional_models_refuse_what_is_no_image(spec):
    with pytest.raises(ValueError, match=r"^takes images \[B, H, W, C\], not \[2, 40\]"):
        outline(spec, (40,))


@pytest.mark.parametrize(
    "spec, line",
    [
        ("resnet(depth=21)", r"depth must be 6n\+2 \(8, 14, 20, 32, ...\), not 21"),
        ("resnet(depth=2)", r"depth must be 6n\+2"),
        ("resnet(depth=-4)", r"depth must be 6n\+2"),
        ("resnet(width=0)", "width must be at least 1, not 0"),
        ("resnet(shortcut='C')", "shortcut must be 'A' or 'B', not 'C'"),
        ("resnet(skip=1)", "argument skip must be of type bool, not 1"),
        ("mlp(growth=0.001)", "growth must leave every layer a unit at least, not 0.001"),
        ("mlp(depth=-1)", "depth must be at least 0 and width at least 1, not -1 and 100"),
        ("mlp(width=0)", "depth must be at least 0 and width at least 1, not 2 and 0"),
        ("mlp(widht=3)", "unknown argument 'widht'; did you mean 'width'?"),
        ("mlp(kit=3)", "unknown argument 'kit'"),
        ("strided_cnn(padding='FULL')", "padding must be 'VALID' or 'SAME', not 'FULL'"),
        ("strided_cnn(dropout=1.0)", r"dropout must be in \[0, 1\), not 1.0"),
        ("resnett", "unknown model 'resnett'; did you mean 'resnet'?"),
    ],
)
def test_one_clear_line_for_a_wrong_spec(spec, line):
    with pytest.raises(SpecError, match=line) as refusal:
        models.build(spec, activation="relu", init="he_normal", norm="none", outputs=10)
    assert "\n" not in str(refusal.value)


def test_a_group_norm_that_does_not_divide_the_channels():
    with pytest.raises(ValueError, match="6 channels cannot be split into 8 equal groups"):
        outline("lenet", (28, 28, 1), norm="group_norm")


def test_deep_networks_keep_their_layers_in_forward_order():
    """Names are sorted as text when they pass through a jit; Dense_10 must not come before Dense_2."""
    _, output = outline("mlp(depth=12,width=2)", (3,))
    assert [path(name) for name in sorted(output.linear)] == [(f"Dense_{i}",) for i in range(13)]
    assert [path(name) for name in sorted(output.activations)] == [(f"Activate_{i}",) for i in range(12)]


def test_plain_is_the_residual_network_without_its_shortcuts():
    """Zero kernels after the stem: a residual block passes its input on, a plain one gives zero."""
    x = jnp.asarray(np.random.default_rng(0).uniform(size=(2, 8, 8, 3)), jnp.float32)
    logits = {}
    for skip in (True, False):
        spec = f"resnet(depth=8,width=3,skip={skip})"
        model = models.build(spec, activation="relu", init="zeros", norm="none", outputs=5)
        params, state = model.init(jax.random.key(0), x)
        stem, readout = params["Conv_0"]["kernel"], params["Dense_0"]["kernel"]
        params = {
            **params,
            "Conv_0": {**params["Conv_0"], "kernel": stem.at[1, 1].set(jnp.eye(3))},  # passes the pixels on
            "Dense_0": {**params["Dense_0"], "kernel": readout.at[:5].set(jnp.eye(5))},
        }
        apply = jax.jit(lambda p, s, x: model.apply(p, s, x, key=None, train=False)[0].logits)
        logits[skip] = np.asarray(apply(params, state, x))
    # Option A: every fourth pixel in both directions, zeros in the new channels.
    expected = np.concatenate([np.asarray(x)[:, ::4, ::4].mean((1, 2)), np.zeros((2, 2))], 1)
    np.testing.assert_allclose(logits[True], expected, rtol=1e-5)
    np.testing.assert_array_equal(logits[False], 0)
