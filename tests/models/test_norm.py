"""Normalisation layers: parameters, running statistics, and agreement with flax's own."""

from flax import linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from assay import spec as specs
from assay.models.norm import NORMS


def make(spec, dtype=jnp.float32):
    return specs.build(NORMS, spec, "norm")(dtype)


def draw(shape, mean=0.0):
    return jnp.asarray(np.random.default_rng(0).normal(mean, 2, size=shape), jnp.float32)


def test_none_is_no_module():
    assert specs.build(NORMS, "none", "norm") is None


@pytest.mark.parametrize("spec", [name for name in NORMS if name != "none"])
def test_scale_one_and_shift_zero_at_first_and_training_normalises(spec):
    x = draw((16, 5, 5, 8), mean=3)
    module = make(spec)
    variables = module.init(jax.random.key(0), x, train=False)
    assert {k: (v.shape, float(v[0])) for k, v in variables["params"].items()} == {
        "scale": ((8,), 1.0),
        "bias": ((8,), 0.0),
    }
    y, _ = module.apply(variables, x, train=True, mutable=["batch_stats"])
    assert abs(float(y.mean())) < 1e-3 and abs(float(y.std()) - 1) < 1e-3


@pytest.mark.parametrize("shape", [(32, 6), (8, 4, 3, 6)])
@pytest.mark.parametrize("momentum", [0.9, 0.5])
def test_batch_norm_is_flaxs(shape, momentum):
    """Values, gradients and two updates of the running statistics; then inference with them."""
    ours = make(f"batch_norm(momentum={momentum})")
    theirs = lambda train: nn.BatchNorm(
        use_running_average=not train, momentum=momentum, use_fast_variance=False
    )
    x = draw(shape, mean=1)
    ours_state, theirs_state = (
        ours.init(jax.random.key(0), x, train=False),
        theirs(False).init(jax.random.key(0), x),
    )
    assert jax.tree.structure(ours_state) == jax.tree.structure(theirs_state)
    params, stats = ours_state["params"], [ours_state["batch_stats"], theirs_state["batch_stats"]]
    close = lambda a, b: jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4), a, b
    )

    def run(apply, stats):
        def loss(params):
            y, new = apply({"params": params, "batch_stats": stats})
            return jnp.sin(y).sum(), (y, new["batch_stats"])

        return jax.grad(loss, has_aux=True)(params)

    for _ in range(2):
        ours_out = run(lambda v: ours.apply(v, x, train=True, mutable=["batch_stats"]), stats[0])
        theirs_out = run(lambda v: theirs(True).apply(v, x, mutable=["batch_stats"]), stats[1])
        close(ours_out, theirs_out)
        stats = [ours_out[1][1], theirs_out[1][1]]
    ours_y = ours.apply({"params": params, "batch_stats": stats[0]}, x, train=False)
    close(ours_y, theirs(False).apply({"params": params, "batch_stats": stats[1]}, x))


def test_inference_does_not_touch_the_statistics():
    x = draw((4, 6))
    module = make("batch_norm")
    variables = module.init(jax.random.key(0), x, train=False)
    _, new = module.apply(variables, x, train=False, mutable=["batch_stats"])
    jax.tree.map(np.testing.assert_array_equal, new["batch_stats"], variables["batch_stats"])


def test_initialisation_leaves_the_statistics_at_zero_and_one():
    variables = make("batch_norm").init(jax.random.key(0), draw((4, 6), mean=5), train=True)
    np.testing.assert_array_equal(variables["batch_stats"]["mean"], np.zeros(6))
    np.testing.assert_array_equal(variables["batch_stats"]["var"], np.ones(6))


def test_group_norm_is_flaxs():
    x = draw((3, 4, 5, 8), mean=2)
    module, flax_module = make("group_norm(groups=4)"), nn.GroupNorm(4, epsilon=1e-5, use_fast_variance=False)
    variables = module.init(jax.random.key(0), x, train=False)
    wanted = flax_module.apply(flax_module.init(jax.random.key(0), x), x)
    np.testing.assert_allclose(module.apply(variables, x, train=True), wanted, rtol=1e-4, atol=1e-4)


def test_layer_norm_of_features_is_flaxs():
    x = draw((7, 8), mean=2)
    module, flax_module = make("layer_norm"), nn.LayerNorm(epsilon=1e-5, use_fast_variance=False)
    variables = module.init(jax.random.key(0), x, train=False)
    wanted = flax_module.apply(flax_module.init(jax.random.key(0), x), x)
    np.testing.assert_allclose(module.apply(variables, x, train=True), wanted, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("spec", ["batch_norm", "layer_norm", "group_norm(groups=2)"])
def test_bfloat16_results_and_float32_state(spec):
    x = draw((8, 4), mean=1).astype(jnp.bfloat16)
    module = make(spec, jnp.bfloat16)
    variables = module.init(jax.random.key(0), x, train=False)
    y, new = module.apply(variables, x, train=True, mutable=["batch_stats"])
    assert y.dtype == module.apply(variables, x, train=False).dtype == jnp.bfloat16
    assert {leaf.dtype for leaf in jax.tree.leaves((variables, new))} == {jnp.dtype(jnp.float32)}


@pytest.mark.parametrize(
    "spec,message",
    [
        ("batch_norm(momentum=1.5)", "momentum must be between 0 and 1"),
        ("batch_norm(epsilon=0)", "epsilon must be above 0"),
        ("layer_norm(epsilon=-1)", "epsilon must be above 0"),
        ("group_norm(groups=0)", "groups must be at least 1"),
        ("group_norm(epsilon=0)", "epsilon must be above 0"),
        ("instance_norm", "unknown norm"),
    ],
)
def test_bad_specs_are_one_clear_line(spec, message):
    with pytest.raises(specs.SpecError, match=message) as error:
        specs.build(NORMS, spec, "norm")
    assert "\n" not in str(error.value)


def test_groups_that_do_not_divide_the_channels_are_refused():
    with pytest.raises(ValueError, match="6 channels cannot be split into 4 equal groups"):
        make("group_norm(groups=4)").init(jax.random.key(0), draw((2, 6)), train=False)
