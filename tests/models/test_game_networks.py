"""Networks that play: the published size, and what they refuse. Nothing is computed: eval_shape only."""

import jax
import jax.numpy as jnp
import pytest

from assay import models
from assay.spec import SpecError

NATURE = "q_network(features=(32,64,64),kernels=(8,4,3),strides=(4,2,1),padding='VALID',width=512)"


def shapes(spec, shape, outputs):
    model = models.build(spec, activation="relu", init="he_normal", norm="none", outputs=outputs)
    return jax.eval_shape(model.init, jax.random.key(0), jax.ShapeDtypeStruct((2, *shape), jnp.float32))[0]


@pytest.mark.parametrize(
    "spec,shape,outputs,parameters",
    [
        (NATURE, (84, 84, 4), 4, 1_686_180),
        ("q_network", (10, 5, 1), 3, 160 + 4_640 + (5 * 3 * 32 + 1) * 128 + 129 * 3),
        ("policy_value", (3, 3, 2), 10, 304 + 2 * 2_320 + (9 * 16 + 1) * 64 + 65 * 10),
    ],
)
def test_parameter_counts(spec, shape, outputs, parameters):
    assert sum(leaf.size for leaf in jax.tree.leaves(shapes(spec, shape, outputs))) == parameters


@pytest.mark.parametrize(
    "spec,fault",
    [
        ("q_network(features=(4,))", "one number a convolution"),
        ("q_network(width=0)", "whole numbers from 1"),
        ("q_network(padding='FULL')", "padding must be"),
        ("policy_value(blocks=-1)", "blocks must be at least 0"),
    ],
)
def test_senseless_networks_are_refused(spec, fault):
    with pytest.raises(SpecError, match=fault):
        shapes(spec, (5, 5, 1), 3)


def test_a_picture_too_small_for_its_kernels_is_refused():
    with pytest.raises(ValueError, match="a kernel of 4 does not fit on 1x1; write padding='SAME'"):
        shapes(NATURE, (10, 10, 4), 4)
