"""Optimisers against updates written out in NumPy, schedules against their formulas."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from assay import spec as specs
from assay.spec import SpecError
from assay.train.optim import OPTIMIZERS, SCHEDULES, transformation

STEPS = 10
START = np.array([1.0, -2.0, 0.5, 0.0, 3.0])
CURVATURE = np.array([1.0, 0.3, 4.0, 2.0, 0.0])
NOISE = np.random.default_rng(0).normal(size=(STEPS, 5))


def gradient(params, step):
    return CURVATURE * params + NOISE[step]


# Independent updates: fn(gradient, memory, step) -> direction; memory is a dict that the rule may write to.


def sgd(g, memory, step):
    return g


def momentum(g, memory, step, beta=0.9):
    memory["v"] = beta * memory.get("v", 0) + g
    return memory["v"]


def nesterov(g, memory, step, beta=0.9):
    memory["v"] = beta * memory.get("v", 0) + g
    return g + beta * memory["v"]


def rmsprop(g, memory, step, decay=0.9, eps=1e-8):
    memory["v"] = decay * memory.get("v", 0) + (1 - decay) * g**2
    return g / np.sqrt(memory["v"] + eps)


def adam(g, memory, step, b1=0.9, b2=0.999, eps=1e-8):
    memory["m"] = b1 * memory.get("m", 0) + (1 - b1) * g
    memory["v"] = b2 * memory.get("v", 0) + (1 - b2) * g**2
    m, v = memory["m"] / (1 - b1 ** (step + 1)), memory["v"] / (1 - b2 ** (step + 1))
    return m / (np.sqrt(v) + eps)


CASES = {
    "sgd": sgd,
    "momentum": momentum,
    "momentum(beta=0.5)": functools.partial(momentum, beta=0.5),
    "nesterov": nesterov,
    "nesterov(beta=0.5)": functools.partial(nesterov, beta=0.5),
    "rmsprop": rmsprop,
    "rmsprop(decay=0.5,eps=0.1)": functools.partial(rmsprop, decay=0.5, eps=0.1),
    "adam": adam,
    "adam(b1=0.5,b2=0.8,eps=0.1)": functools.partial(adam, b1=0.5, b2=0.8, eps=0.1),
    "adamw": adam,
    "adamw(b1=0.5,b2=0.8,eps=0.1)": functools.partial(adam, b1=0.5, b2=0.8, eps=0.1),
    "muon(beta=0.8,rest=0.5)": lambda g, memory, step: 0.5 * nesterov(g, memory, step, 0.8),  # of what is no matrix
}


def by_hand(spec, lr, decay, factor=lambda step: 1.0):
    params, memory, path = START.copy(), {}, []
    for step in range(STEPS):
        g = gradient(params, step)
        if spec.startswith(("adamw", "muon")):
            params = params - lr * factor(step) * (CASES[spec](g, memory, step) + decay * params)
        else:
            params = params - lr * factor(step) * CASES[spec](g + decay * params, memory, step)
        path.append(params)
    return np.array(path)


@pytest.fixture(autouse=True)
def promotion_of_adam(request):
    """optax's Adam, and Muon likewise, raise a float32 to their int32 count, which strict promotion forbids."""
    if "adam" not in request.node.name and "muon" not in request.node.name:
        yield
        return
    with jax.numpy_dtype_promotion("standard"):
        yield


def trajectory(spec, schedule="constant", decayed=True):
    """(lr, decay) -> params after every step [STEPS, 5], to be jitted."""
    optimizer = specs.build(OPTIMIZERS, spec, "optimizer")
    schedule = specs.build(SCHEDULES, schedule, "schedule")

    def train(lr, decay):
        tx = transformation(optimizer, schedule, STEPS, lr, decay if decayed else None)
        curvature, start = jnp.asarray(CURVATURE, jnp.float32), jnp.asarray(START, jnp.float32)

        def step(carry, noise):
            params, state = carry
            updates, state = tx.update(curvature * params + noise, state, params)
            params = optax.apply_updates(params, updates)
            return (params, state), params

        return jax.lax.scan(step, (start, tx.init(start)), jnp.asarray(NOISE, jnp.float32))[1]

    return train


def test_every_optimizer_is_checked():
    assert {specs.parse(spec).name for spec in CASES} == set(OPTIMIZERS)


@pytest.mark.parametrize("spec", CASES)
def test_updates_equal_the_formula(spec):
    lr, decay = np.float32(0.05), np.float32(0.3)
    found = jax.jit(trajectory(spec))(lr, decay)  # both traced
    np.testing.assert_allclose(found, by_hand(spec, float(lr), float(decay)), rtol=2e-4, atol=2e-5)
    plain = by_hand(spec, float(lr), 0.0)
    assert np.abs(plain - found).max() > 1e-2  # decay is seen


@pytest.mark.parametrize("spec", ["sgd", "nesterov", "adamw"])
def test_no_decay_is_none_or_zero(spec):
    expected = by_hand(spec, 0.05, 0.0, lambda step: 1.0)
    for decayed in (True, False):
        found = jax.jit(trajectory(spec, decayed=decayed))(np.float32(0.05), np.float32(0))
        np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("spec", ["momentum", "adamw"])
def test_the_schedule_multiplies_learning_rate_and_decoupled_decay(spec):
    found = jax.jit(trajectory(spec, "cosine"))(np.float32(0.05), np.float32(0.3))
    factor = lambda step: (1 + math.cos(math.pi * step / STEPS)) / 2
    np.testing.assert_allclose(found, by_hand(spec, 0.05, 0.3, factor), rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("spec", ["momentum", "adamw"])
def test_runs_of_other_rates_share_one_program(spec):
    lr, decay = np.float32([0.01, 0.05, 0.2]), np.float32([0.0, 0.3, 0.1])
    train = trajectory(spec, "warmup_cosine(share=0.3)")
    stacked = jax.jit(jax.vmap(train))(lr, decay)
    single = jax.jit(train)
    for i in range(3):
        np.testing.assert_allclose(stacked[i], single(lr[i], decay[i]), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("steps", [1, 4])
def test_an_update_after_the_end_has_the_last_rate(steps):
    tx = transformation(OPTIMIZERS["sgd"](), SCHEDULES["cosine"](), steps, 0.5, None)
    state, updates = tx.init(jnp.ones(1)), []
    for _ in range(steps + 2):
        update, state = tx.update(jnp.ones(1), state)
        updates.append(float(update[0]))
    np.testing.assert_allclose(updates[steps:], [-0.5 * cosine(steps - 1, steps)] * 2, rtol=1e-6)


def test_state_holds_arrays_only():
    for spec in CASES:
        tx = transformation(specs.build(OPTIMIZERS, spec, "o"), specs.build(SCHEDULES, "constant", "s"), 3, 0.1, 0.1)
        assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(tx.init(jnp.ones(3))))


# Schedules


def factors(spec, steps):
    schedule = specs.build(SCHEDULES, spec, "schedule")(steps)
    return np.array([float(schedule(jnp.float32(step))) for step in range(steps)])


def cosine(step, steps, final=0.0):
    return final + (1 - final) * (1 + math.cos(math.pi * step / steps)) / 2


EXPECTED = {
    "constant": lambda step, steps: 1.0,
    "step": lambda step, steps: 1.0 if step < 0.5 * steps else 0.1 if step < 0.75 * steps else 0.01,
    "step(at=(0.25,),factor=0.5)": lambda step, steps: 1.0 if step < 0.25 * steps else 0.5,
    "cosine": cosine,
    "cosine(final=0.25)": functools.partial(cosine, final=0.25),
    "warmup": lambda step, steps: min(1.0, (step + 1) / (0.1 * steps)),
    "warmup(share=0.0)": lambda step, steps: 1.0,
    "warmup(share=0.5)": lambda step, steps: min(1.0, (step + 1) / (0.5 * steps)),
    "warmup_cosine": lambda step, steps: (
        (step + 1) / (0.1 * steps) if step < 0.1 * steps else cosine(step - 0.1 * steps, 0.9 * steps)
    ),
    "warmup_cosine(final=0.5,share=0.4)": lambda step, steps: (
        (step + 1) / (0.4 * steps) if step < 0.4 * steps else cosine(step - 0.4 * steps, 0.6 * steps, 0.5)
    ),
    "warmup_cosine(share=0.0)": cosine,
}


def test_every_schedule_is_checked():
    assert {specs.parse(spec).name for spec in EXPECTED} == set(SCHEDULES)


@pytest.mark.parametrize("spec", EXPECTED)
def test_schedules_equal_their_formula(spec):
    for steps in (20, 40):
        expected = [EXPECTED[spec](step, steps) for step in range(steps)]
        np.testing.assert_allclose(factors(spec, steps), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("spec", [*EXPECTED, "step(at=(0.9,0.95,0.99))", "warmup(share=0.99)", "warmup_cosine(share=0.99)"])
@pytest.mark.parametrize("steps", [1, 2, 3])
def test_the_shortest_runs_learn_at_every_step(spec, steps):
    found = factors(spec, steps)
    assert np.all(found > 0) and np.all(found <= 1 + 1e-6), found
    if steps == 1:
        np.testing.assert_array_equal(found, 1)


def test_drops_at_the_same_step_all_count():
    np.testing.assert_allclose(factors("step(at=(0.5,0.75))", 2), [1, 0.1])
    np.testing.assert_allclose(factors("step(at=(0.4,0.5,0.6))", 3), [1, 0.1, 0.001], rtol=1e-6)
    np.testing.assert_allclose(factors("step(at=(0.6,0.4))", 5), [1, 1, 0.1, 0.01, 0.01], rtol=1e-6)  # in any order


def test_a_drop_comes_at_its_share_whatever_the_rounding():
    """0.29 * 100 is 28.999... and 0.07 * 100 is 7.000...1 in binary."""
    for share in (0.07, 0.29, 0.57, 0.58):
        found = factors(f"step(at=({share},),factor=0.5)", 100)
        assert np.flatnonzero(found == 0.5)[0] == round(100 * share)


@pytest.mark.parametrize(
    "registry, spec, line",
    [
        (OPTIMIZERS, "momentum(beta=1.0)", r"beta must be in \[0, 1\), not 1.0"),
        (OPTIMIZERS, "nesterov(beta=-0.1)", r"beta must be in \[0, 1\), not -0.1"),
        (OPTIMIZERS, "rmsprop(decay=1.5)", r"decay must be in \[0, 1\), not 1.5"),
        (OPTIMIZERS, "adam(b1=2)", r"b1 must be in \[0, 1\), not 2.0"),
        (OPTIMIZERS, "adamw(b2=-1)", r"b2 must be in \[0, 1\), not -1.0"),
        (OPTIMIZERS, "adam(eps=0)", "eps must be above 0 and finite, not 0.0"),
        (OPTIMIZERS, "rmsprop(eps=-1)", "eps must be above 0 and finite, not -1.0"),
        (OPTIMIZERS, "adams", "did you mean 'adam'"),
        (OPTIMIZERS, "sgd(lr=0.1)", "unknown argument 'lr'"),
        (SCHEDULES, "step(at=0.5)", "argument at must be of type tuple, not 0.5"),
        (SCHEDULES, "step(at=(0.5,1.0))", "at must hold shares of the run between 0 and 1"),
        (SCHEDULES, "step(at=('a',))", "at must hold shares of the run between 0 and 1"),
        (SCHEDULES, "step(factor=-0.1)", r"factor must be in \[0, 1\], not -0.1"),
        (SCHEDULES, "cosine(final=-1)", r"final must be in \[0, 1\], not -1.0"),
        (SCHEDULES, "warmup(share=1)", r"share must be in \[0, 1\), not 1.0"),
        (SCHEDULES, "warmup_cosine(share=-0.5)", r"share must be in \[0, 1\), not -0.5"),
        (SCHEDULES, "warmup_cosine(final=2)", r"final must be in \[0, 1\], not 2.0"),
    ],
)
def test_wrong_values_are_refused_when_the_spec_is_read(registry, spec, line):
    with pytest.raises(SpecError, match=line):
        specs.build(registry, spec, "optimizer" if registry is OPTIMIZERS else "schedule")


# Muon.


def newton_schulz(g, steps):
    """Jordan et al. 2024: five steps take singular values into about 0.7..1.2."""
    x = g / (np.linalg.norm(g) + 1e-8)
    flat = x if x.shape[0] <= x.shape[1] else x.T
    for _ in range(steps):
        a = flat @ flat.T
        flat = 3.4445 * flat + (-4.7750 * a + 2.0315 * a @ a) @ flat
    return flat if x.shape[0] <= x.shape[1] else flat.T


def muon_by_hand(gradients, beta=0.95, steps=5):
    """Directions of one matrix for its gradients."""
    m, found = 0, []
    for t, g in enumerate(gradients, start=1):
        m = beta * m + (1 - beta) * g
        looked_ahead = beta * m / (1 - beta ** (t + 1)) + (1 - beta) * g / (1 - beta**t)
        found.append(newton_schulz(looked_ahead, steps) * math.sqrt(max(1, g.shape[1] / g.shape[0])))
    return found


def test_muon_of_kernels_and_nesterov_of_the_rest():
    rng = np.random.default_rng(1)
    shapes = {"wide": (3, 8), "tall": (8, 3), "conv": (2, 2, 3, 5), "bias": (5,)}
    gradients = [{name: rng.normal(size=shape) for name, shape in shapes.items()} for _ in range(3)]
    tx = transformation(specs.build(OPTIMIZERS, "muon(beta=0.8,rest=0.5)", "optimizer"), lambda n: lambda s: 1.0, 3, 0.1, 0.01)
    params = {name: jnp.ones(shape) for name, shape in shapes.items()}
    state, found = tx.init(params), []
    with jax.numpy_dtype_promotion("standard"):  # as of Adam
        for g in gradients:
            updates, state = tx.update(jax.tree.map(jnp.float32, g), state, params)
            found.append(updates)
    for name in ("wide", "tall", "conv"):
        flat = [g[name].reshape(-1, shapes[name][-1]) for g in gradients]
        for update, direction in zip(found, muon_by_hand(flat, beta=0.8)):
            expected = -0.1 * (direction.reshape(shapes[name]) + 0.01)
            np.testing.assert_allclose(update[name], expected, atol=2e-5, err_msg=name)
    memory = {}
    for update, g in zip(found, gradients):
        np.testing.assert_allclose(update["bias"], -0.1 * (0.5 * nesterov(g["bias"], memory, 0, 0.8) + 0.01), atol=1e-6)
    values = np.linalg.svd(np.asarray(found[0]["tall"]) + 0.001, compute_uv=False) / 0.1
    assert 0.6 < values.min() and values.max() < 1.3  # nearly orthogonal, whatever the gradient


@pytest.mark.parametrize("spec, said", [("muon(beta=1.0)", "beta"), ("muon(steps=0)", "steps"), ("muon(rest=-1.0)", "rest")])
def test_wrong_muon(spec, said):
    with pytest.raises(SpecError, match=f"{said} must be"):
        specs.build(OPTIMIZERS, spec, "optimizer")
