"""The deep belief network: the up-down algorithm against NumPy, chains, phases, clamped samples, packs."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from assay import models
from assay import spec as specs
from assay.config import Config
from assay.data import batches, load
from assay.models import boltzmann, dbn
from assay.spec import SpecError
from assay.sweep.pack import PackedProgram
from assay.tasks import Batch, LOSSES, Problem, TASKS
from assay.tasks.boltzmann import belief, clamped
from assay.train.canonical import canonical
from assay.train.loop import Program, program_key

random = np.random.default_rng(0)
KEY = jax.random.key(0)
LABELS, WIDTHS = 3, (5, 4, 6)
CHEAP = {"xla_backend_optimization_level": 0}


def sigmoid(z):
    return 1 / (1 + np.exp(-np.asarray(z, np.float64)))


def array(*shape):
    return jnp.asarray(random.normal(size=shape), jnp.float32)


def tiny():
    """Parameters of a stack below LABELS labels, its two lower generative kernels untied."""
    sizes = (7, *WIDTHS)
    params = {
        dbn.layer_name(i): {"Dense_0": {"kernel": array(a, b), "bias": array(b)}, "bias": array(a)}
        for i, (a, b) in enumerate(zip(sizes, WIDTHS))
    }
    down = {f"Down_{i}": {"kernel": array(b, a)} for i, (a, b) in enumerate(zip(sizes, WIDTHS[:-1]))}
    return params | down | {"Dense_0": {"kernel": array(WIDTHS[-1], LABELS), "bias": array(LABELS)}}


PARAMS = tiny()
COUNT = 8
X, Y = jnp.asarray(random.uniform(size=(COUNT, 7)), jnp.float32), jnp.asarray(random.integers(0, LABELS, COUNT))


def uniform(key, *shape):
    return np.asarray(jax.random.uniform(key, shape), np.float64)


def up_down_by_hand(params, x, y, key):
    """Updates of every parameter, after Hinton, Osindero & Teh 2006, appendix B, with one Gibbs step."""
    on_host = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
    up = [on_host[f"Layer_{i}"] for i in range(3)]
    first, second, top = (layer["Dense_0"] for layer in up)
    down = [on_host[f"Down_{i}"]["kernel"] for i in range(2)]
    labels = on_host["Dense_0"]
    at_wake, at_top, at_sleep = jax.random.split(key, 3)

    draw = lambda key, p: (uniform(key, *p.shape) < p).astype(float)
    hid = draw(jax.random.fold_in(at_wake, 0), sigmoid(x @ first["kernel"] + first["bias"]))
    pen = draw(jax.random.fold_in(at_wake, 1), sigmoid(hid @ second["kernel"] + second["bias"]))
    visible_top = np.concatenate([pen, np.eye(LABELS)[y]], axis=1)
    kernel = np.concatenate([top["kernel"], labels["kernel"].T])
    bias = np.concatenate([up[2]["bias"], labels["bias"]])
    drawn_top = draw(jax.random.fold_in(at_top, 0), sigmoid(visible_top @ kernel + top["bias"]))
    logits = drawn_top @ kernel.T + bias
    group = np.exp(logits[:, -LABELS:])
    negative = np.concatenate([sigmoid(logits[:, :-LABELS]), group / group.sum(1, keepdims=True)], axis=1)
    positive_top, negative_top = (sigmoid(v @ kernel + top["bias"]) for v in (visible_top, negative))

    sleep_pen = draw(at_sleep, negative[:, :-LABELS])
    sleep_hid = draw(jax.random.fold_in(at_sleep, 1), sigmoid(sleep_pen @ down[1] + up[1]["bias"]))
    sleep_vis = sigmoid(sleep_hid @ down[0] + up[0]["bias"])

    n = len(x)
    # Wake: generative weights learn to make what was seen. Sleep: recognition weights what was dreamt.
    x_missed, hid_missed = x - sigmoid(hid @ down[0] + up[0]["bias"]), hid - sigmoid(pen @ down[1] + up[1]["bias"])
    hid_dream = sleep_hid - sigmoid(sleep_vis @ first["kernel"] + first["bias"])
    pen_dream = sleep_pen - sigmoid(sleep_hid @ second["kernel"] + second["bias"])
    of_top = (visible_top.T @ positive_top - negative.T @ negative_top) / n
    of_bias = (visible_top - negative).mean(0)
    layer = lambda kernel, hidden, visible: {"Dense_0": {"kernel": kernel, "bias": hidden}, "bias": visible}
    return {
        "Down_0": {"kernel": hid.T @ x_missed / n},
        "Down_1": {"kernel": pen.T @ hid_missed / n},
        "Layer_0": layer(sleep_vis.T @ hid_dream / n, hid_dream.mean(0), x_missed.mean(0)),
        "Layer_1": layer(sleep_hid.T @ pen_dream / n, pen_dream.mean(0), hid_missed.mean(0)),
        "Layer_2": layer(of_top[:-LABELS], (positive_top - negative_top).mean(0), of_bias[:-LABELS]),
        "Dense_0": {"kernel": of_top[-LABELS:].T, "bias": of_bias[-LABELS:]},
    }


@functools.partial(jax.jit, compiler_options=CHEAP)
def gradient_of_up_down(state):
    loss = lambda params: belief.up_down_loss(params, state, X, Y, KEY, 1, LABELS)
    return jax.grad(loss, has_aux=True)(PARAMS)


def test_up_down_by_hand():
    gradient, state = gradient_of_up_down({})
    assert state == {}
    expected = up_down_by_hand(PARAMS, np.asarray(X, np.float64), np.asarray(Y), KEY)
    close = functools.partial(np.testing.assert_allclose, rtol=1e-4, atol=1e-6)
    jax.tree.map(lambda found, move: close(-np.asarray(found), move), gradient, expected)


def test_persistent_chains_go_on_each_with_its_label():
    top = dbn.joint(PARAMS)
    chains = belief._first_chains(KEY, COUNT, top, LABELS)
    assert chains.shape == (6, 4 + LABELS)  # two of each label
    np.testing.assert_array_equal(chains[:, -LABELS:], np.repeat(np.eye(LABELS), 2, axis=0))
    gradient, state = gradient_of_up_down({"chains": chains})
    after = np.asarray(state["chains"])
    np.testing.assert_array_equal(after, boltzmann.persist(top, chains, jax.random.split(KEY, 3)[1], 1, LABELS))
    np.testing.assert_array_equal(after[:, -LABELS:], chains[:, -LABELS:])
    # Each example is held against a chain of its own label, so that no label gains by being frequent.
    np.testing.assert_allclose(gradient["Dense_0"]["bias"], 0, atol=1e-6)
    assert np.all(np.abs(gradient["Dense_0"]["kernel"]).max(0) > 1e-3)
    v = jnp.concatenate([jnp.zeros((COUNT, 4)), jax.nn.one_hot(Y, LABELS)], axis=1)
    end, _ = belief._end(top, v, {"chains": chains}, KEY, 1, LABELS)
    np.testing.assert_array_equal(np.argmax(end[:, -LABELS:], 1), Y)


# The task.

SETTINGS = {"activation": "sigmoid", "init": "meanfield(sigma_b2=0.1,sigma_w2=2.0)", "norm": "none"}
IMAGES = jnp.asarray(load("digits").train.x[:20] / np.float32(255))
OF_IMAGES = jnp.asarray(load("digits").train.y[:20])


@functools.cache
def task_of(task, model="dbn(widths=(6,5))", steps=6):
    made = lambda outputs, shape=None: models.build(model, **SETTINGS, outputs=outputs, shape=shape)
    return specs.build(TASKS, task, "task").make(Problem(made, LOSSES["own"](), load("digits"), steps))


def names_that_move(task, steps):
    """Top-level names of the parameters that each of these steps changes."""
    task, tx = task_of(task), optax.scale_by_learning_rate(lambda count: jnp.float32(0.1))
    state = jax.jit(lambda: task.init(KEY, IMAGES, tx), compiler_options=CHEAP)()
    step = jax.jit(
        lambda state, at: task.step(state, Batch(IMAGES, OF_IMAGES, jax.random.fold_in(KEY, at), at), tx),
        compiler_options=CHEAP,
    )
    moved = []
    for at in steps:
        after, loss = step(state, jnp.int32(at))
        assert np.isfinite(loss)
        of_leaves = jax.tree.map(lambda a, b: bool(np.any(a != b)), state.params, after.params)
        moved.append({name for name, leaves in of_leaves.items() if any(jax.tree.leaves(leaves))})
        state = after
    return moved, state


def test_phases_of_up_down():
    """Layer by layer, then all; the generative kernel is tied until then."""
    moved, state = names_that_move("deep_belief(persistent=True,share=0.34)", (0, 1, 2))
    everything = {"Layer_0", "Layer_1", "Dense_0", "Down_0"}
    assert moved == [{"Layer_0"}, {"Layer_1", "Dense_0"}, everything]
    params = state.params
    generative, recognition = params["Down_0"]["kernel"], params["Layer_0"]["Dense_0"]["kernel"]
    # One step apart from what both were when the phase began, and not from the initialisation.
    assert 0 < np.max(np.abs(generative - recognition.T)) < 0.2
    first = task_of("deep_belief(persistent=True,share=0.34)").init(KEY, IMAGES, optax.identity()).params
    assert np.max(np.abs(first["Down_0"]["kernel"] - first["Layer_0"]["Dense_0"]["kernel"].T)) == 0


def test_phases_of_back_propagation():
    moved, state = names_that_move("deep_belief(fine_tuning='backprop',share=0.34)", (0, 1, 2))
    assert moved[:2] == [{"Layer_0"}, {"Layer_1", "Dense_0"}]
    assert moved[2] == {"Layer_0", "Layer_1", "Dense_0"}
    # Its answers are the network's.
    model = models.build("dbn(widths=(6,5))", **SETTINGS, outputs=10)
    logits = np.asarray(model.apply(state.params, {}, IMAGES, key=None, train=False)[0].logits, np.float64)
    found = task_of("deep_belief(fine_tuning='backprop',share=0.34)").evaluate(state, IMAGES, OF_IMAGES, KEY)
    np.testing.assert_array_equal(found["error"], np.argmax(logits, 1) != OF_IMAGES)
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(found["loss"], -np.log(chances[np.arange(20), OF_IMAGES]), rtol=1e-4)


def test_answers_are_the_top_machine_posterior():
    task = task_of("deep_belief")
    state = jax.jit(lambda: task.init(KEY, IMAGES, optax.identity()), compiler_options=CHEAP)()
    found = jax.jit(task.evaluate, compiler_options=CHEAP)(state, IMAGES, OF_IMAGES, KEY)
    first, top = dbn.layers(state.params)[0], dbn.joint(state.params)
    below = sigmoid(np.asarray(IMAGES).reshape(20, -1) @ np.asarray(first.kernel) + np.asarray(first.hidden))
    energies = np.stack([free_energy(top, below, label) for label in range(10)], axis=1)
    chances = np.exp(-energies) / np.exp(-energies).sum(1, keepdims=True)
    np.testing.assert_allclose(found["loss"], -np.log(chances[np.arange(20), OF_IMAGES]), rtol=1e-4)
    np.testing.assert_array_equal(found["error"], np.argmin(energies, 1) != OF_IMAGES)


def free_energy(machine, below, label):
    kernel, visible, hidden = (np.asarray(leaf, np.float64) for leaf in machine)
    v = np.concatenate([below, np.tile(np.eye(10)[label], (len(below), 1))], axis=1)
    return -v @ visible - np.log1p(np.exp(v @ kernel + hidden)).sum(1)


def test_an_answer_that_is_no_number_is_wrong():
    task = task_of("deep_belief")
    state = jax.jit(lambda: task.init(KEY, IMAGES, optax.identity()), compiler_options=CHEAP)()
    sick = state._replace(params=jax.tree.map(lambda leaf: leaf * np.nan, state.params))
    found = jax.jit(task.evaluate, compiler_options=CHEAP)(sick, IMAGES, OF_IMAGES, KEY)
    np.testing.assert_array_equal(found["error"], 1)


@pytest.mark.parametrize("turned, most, least", [(0, 0.0, 0.0), (1, 1.0, 0.9)])
def test_clamped_samples_of_a_planted_machine(turned, most, least):
    """A hidden unit a label, on with it alone, that draws an image of the digit `turned` further on."""
    data = load("digits")
    pixels = np.stack([data.train.x[data.train.y == (label + turned) % 10][0].ravel() > 127 for label in range(10)])
    kernel = np.concatenate([np.where(pixels, 20, -20).T, np.eye(10) * 80 * pixels.size])
    hidden = np.full(10, -40.0 * pixels.size)  # no image turns a unit on, and none turns its label's off
    top = boltzmann.RBM(jnp.asarray(kernel, jnp.float32), jnp.zeros(74), jnp.asarray(hidden, jnp.float32))
    found = clamped.clamped_findings(data, top, [], KEY)
    assert least <= found.metrics["clamped_error"] <= most
    assert found.metrics["classifier_error"] < 0.05
    (picture,) = found.pictures.values()
    assert picture.shape == (10, 10, 8, 8, 1) and picture.dtype == np.uint8
    np.testing.assert_array_equal(picture.reshape(10, 10, 64)[:, 0], pixels * 255)


@pytest.mark.parametrize(
    "arguments, line",
    [
        ("k=0", "k must be 1 Gibbs step or more, not 0"),
        ("share=1.0", "share must be between 0 and 1, not 1.0; fine_tuning=none leaves all to the layers"),
        ("fine_tuning='wake_sleep'", "fine_tuning must be one of none, up_down, backprop, not 'wake_sleep'"),
        ("fine_tuning='none',share=0.3", "leaves the whole run to the layers, so share=0.3 would change nothing"),
    ],
)
def test_wrong_arguments(arguments, line):
    with pytest.raises(SpecError, match=line):
        specs.build(TASKS, f"deep_belief({arguments})", "task")


# Through the trainer.

BASE = canonical(
    Config(
        task="deep_belief(fine_tuning='backprop',persistent=True)",
        model="dbn(widths=(40,60))",
        activation="sigmoid",
        init="normal(std=0.01)",
        optimizer="momentum",
        lr=0.3,
        epochs=12,
        evals=1,
        batch_size=50,
    )
)


@functools.cache
def trained(mapping, seeds=(0, 1)):
    data = load("digits")
    program = Program(program_key(BASE), data)
    pack = PackedProgram(program, mapping, batches.put_on_device(data), CHEAP)
    configs = [dataclasses.replace(BASE, seed=seed) for seed in seeds]
    carry = pack.advance(pack.start(configs), pack.trials(configs), 0, program.steps)
    leaves = [np.asarray(leaf).reshape(len(configs), -1) for leaf in jax.tree.leaves(carry.train_state)]
    return program, pack, carry, np.concatenate(leaves, axis=1)


def test_packed_is_solo():
    together, alone = trained("map")[3], trained("loop", (1,))[3]
    np.testing.assert_array_equal(together[1], alone[0])
    assert np.isfinite(together).all() and np.any(together[0] != together[1])


def test_it_learns_to_name_digits():
    program, pack, carry, _ = trained("loop", (1,))
    assert pack.finish(carry)["test_error"][0] < 0.4
    found = program.examine(pack.train_state(carry, 0), 1)
    assert tuple(found.metrics) == TASKS["deep_belief"]().findings
    assert 0 <= found.metrics["clamped_error"] < 0.95
