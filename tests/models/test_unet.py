"""The U-Net's published shapes and sizes; its skips are concatenations of centres."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from assay import models


def unet(arguments="", outputs=2, **settings):
    settings = {"activation": "relu", "init": "he_normal", "norm": "none"} | settings
    return models.build(f"unet({arguments})", outputs=outputs, shape=(None, None, outputs), **settings)


def jit(function):
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0})  # compiles faster


def outline(arguments, shape, outputs=2):
    """(number of parameters, Output) as shapes."""
    model, x = unet(arguments, outputs), jax.ShapeDtypeStruct((1, *shape), jnp.float32)
    params, state = jax.eval_shape(model.init, jax.random.key(0), x)
    output, _ = jax.eval_shape(lambda p, s, x: model.apply(p, s, x, key=None, train=False), params, state, x)
    return sum(leaf.size for leaf in jax.tree.leaves(params)), output


def sides(output):
    return [output.activations[name].shape[2:] for name in sorted(output.activations)]


def test_the_table_of_figure_1():
    count, output = outline("padding='VALID'", (572, 572, 1))
    down = [(570, 64), (568, 64), (282, 128), (280, 128), (138, 256), (136, 256), (66, 512), (64, 512)]
    up = [(56, 512), (54, 512), (52, 512), (104, 256), (102, 256), (100, 256), (200, 128), (198, 128), (196, 128)]
    assert sides(output) == [*down, (30, 1024), (28, 1024), *up, (392, 64), (390, 64), (388, 64)]
    assert output.logits.shape == (1, 388, 388, 2)
    assert len(output.linear) == 23  # "in total the network has 23 convolutional layers"
    # 3x3 convolutions down; 2x2 up-convolutions and 3x3 convolutions up; biases; 1x1 to the classes.
    widths = [64, 128, 256, 512, 1024]
    convolutions = sum(9 * (a * b + b * b) + 2 * b for a, b in zip([1, *widths], widths))
    convolutions += sum(4 * b * a + a + 9 * (2 * a * a + a * a) + 2 * a for a, b in zip(widths, widths[1:]))
    assert count == convolutions + 64 * 2 + 2 == 31_030_658
    assert outline("padding='VALID'", (572, 572, 1), outputs=1)[0] == 31_030_593


def test_the_same_padded_form_keeps_the_size():
    count, output = outline("", (512, 256, 1))
    assert output.logits.shape == (1, 512, 256, 2) and count == 31_030_658
    assert sides(output)[9:11] == [(16, 1024), (32, 512)]


@pytest.mark.parametrize("padding, side", [("SAME", 64), ("VALID", 92)])
def test_without_skips_only_the_concatenations_are_gone(padding, side):
    with_skips, a = outline(f"depth=3,padding='{padding}',width=4", (side, side, 1))
    without, b = outline(f"depth=3,padding='{padding}',skip=False,width=4", (side, side, 1))
    assert sides(a) == sides(b) and a.logits.shape == b.logits.shape
    assert with_skips - without == sum(9 * width * width for width in (4, 8, 16))


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_valid_sizes_are_those_whose_maps_are_even_all_the_way(depth):
    def result(side):
        for _ in range(depth):
            side = (side - 4) / 2
        return 2**depth * (side - 8) + 4 if side == int(side) and side >= 8 else None  # 4 pixels or more

    least = 12 * 2**depth - 4
    for side in (1, least - 2**depth, least, least + 1, least + 2**depth, least + 3 * 2**depth - 1):
        if expected := result(side):
            output = outline(f"depth={depth},padding='VALID',width=1", (side, side, 1))[1]
            assert output.logits.shape[1] == expected
        else:
            with pytest.raises(ValueError, match=f"not {side}x{side}; nearest are ") as refusal:
                outline(f"depth={depth},padding='VALID',width=1", (side, side, 1))
            below, above = (int(word) for word in str(refusal.value).split("nearest are ")[1].split(" and "))
            assert result(below) and result(above) and (below < side < above or side < below == least)


def test_a_pixel_sees_itself_through_the_upper_skip_alone():
    """Up-convolutions of zeros: what is left is the first level's path, and it reaches 4 pixels and no further."""
    x = jnp.asarray(np.random.default_rng(0).normal(size=(1, 20, 20, 1)), jnp.float32)
    changed = x.at[0, 9, 10].add(1.0)
    for padding, offset in (("SAME", 0), ("VALID", 8)):
        model = unet(f"depth=1,dropout=0.0,padding='{padding}',width=2", activation="tanh")
        params, state = model.init(jax.random.key(0), x)
        params = params | {"ConvTranspose_0": jax.tree.map(jnp.zeros_like, params["ConvTranspose_0"])}
        apply = jit(lambda x: model.apply(params, state, x, key=None, train=False)[0].logits)
        rows, columns = np.nonzero(np.any(np.asarray(apply(x) != apply(changed))[0], -1))
        size = 20 - 2 * offset
        near = lambda at: (max(0, at - offset - 4), min(size - 1, at - offset + 4))
        assert (rows.min(), rows.max()) == near(9) and (columns.min(), columns.max()) == near(10)


def test_dropout_at_the_end_of_the_contracting_path_is_for_training_alone():
    x = jnp.ones((1, 8, 8, 1))
    model = unet("depth=2,dropout=0.5,width=2")
    params, state = model.init(jax.random.key(0), x)

    @jit
    def trained(seed):
        return model.apply(params, state, x, key=jax.random.key(seed), train=True)[0]

    a, b = trained(0), trained(1)
    same = [np.array_equal(a.linear[name], b.linear[name]) for name in sorted(a.linear)]
    assert same == [True] * 4 + [False] * (len(same) - 4)  # from the input of the deepest level on


@pytest.mark.parametrize(
    "arguments, line",
    [
        ("depth=0", "depth and width must be at least 1, not 0 and 64"),
        ("padding='FULL'", "padding must be 'VALID' or 'SAME', not 'FULL'"),
        ("dropout=1.0", r"dropout must be in \[0, 1\), not 1.0"),
    ],
)
def test_wrong_arguments(arguments, line):
    with pytest.raises(ValueError, match=line):
        unet(arguments)


def test_wrong_images():
    with pytest.raises(ValueError, match=r"^padding='SAME' at depth=4 takes images of 16, 32, 48, .* not 500x512"):
        outline("", (500, 512, 1))
    with pytest.raises(ValueError, match=r"^takes images \[B, H, W, C\], not \[1, 40\]"):
        outline("", (40,))
