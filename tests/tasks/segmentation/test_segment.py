"""Segmentation: weighted loss, metrics of maps, weights that move with their pixels, packs."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.special import log_softmax
from sklearn.metrics import jaccard_score

from assay import models
from assay import spec as specs
from assay.config import Config
from assay.data import AUGMENTS, batches, load
from assay.spec import SpecError
from assay.sweep.pack import PackedProgram
from assay.tasks import Batch, LOSSES, Problem, TASKS
from assay.tasks.segmentation.borders import border_weights, class_weights
from assay.train.canonical import canonical
from assay.train.loop import Program, program_key

KEY = jax.random.key(0)
random = np.random.default_rng(0)
Y = jnp.asarray(random.integers(0, 2, (3, 16, 12)), jnp.int32)
LOGITS = random.normal(size=(3, 16, 12, 2)).astype(np.float32)


@functools.cache
def membranes():
    return load("membranes(cell=6,n=10,size=16)")


def constant(logits):
    """A model that answers with the same maps, whatever it sees."""
    logits = jnp.asarray(logits, jnp.float32)

    def apply(params, state, x, *, key, train, offsets={}):
        return models.Output(logits + params["shift"], {}, {}, {}), state

    return models.Model(lambda key, x: ({"shift": jnp.float32(0)}, {}), apply)


def task_of(model, spec="segment", dataset=None):
    problem = Problem(lambda outputs, shape: model, LOSSES["cross_entropy"](), dataset or membranes(), 1)
    return specs.build(TASKS, spec, "task").make(problem)


def evaluate(logits, y=Y):
    task = task_of(constant(logits))
    metrics = jax.jit(task.evaluate)(task.init(KEY, y, optax.sgd(0.1)), y[..., None], y, KEY)
    return {name: np.asarray(value) for name, value in metrics.items()}


def cross_entropies(logits, y):
    return -np.take_along_axis(log_softmax(logits.astype(float), -1), np.asarray(y)[..., None], -1)[..., 0]


def test_metrics_are_means_over_the_pixels_of_each_image():
    metrics = evaluate(LOGITS)
    found = LOGITS.argmax(-1)
    np.testing.assert_allclose(metrics["loss"], cross_entropies(LOGITS, Y).mean((1, 2)), rtol=1e-5)
    np.testing.assert_allclose(metrics["error"], (found != Y).mean((1, 2)), rtol=1e-6)
    iou = [jaccard_score(np.ravel(a), np.ravel(b), average="macro") for a, b in zip(Y, found)]
    np.testing.assert_allclose(metrics["iou"], iou, rtol=1e-6)


def test_classes_that_do_not_occur_do_not_count():
    zeros = jnp.zeros_like(Y)
    np.testing.assert_allclose(evaluate(np.stack([np.ones(Y.shape), np.zeros(Y.shape)], -1), zeros)["iou"], 1)


def test_an_undefined_answer_is_wrong():
    sick = LOGITS.copy()
    sick[1, 2, 3, 0] = np.nan
    sick[2] = np.inf
    metrics, healthy = evaluate(sick), evaluate(LOGITS)
    right = LOGITS[1, 2, 3].argmax() == int(Y[1, 2, 3])
    assert metrics["error"][1] == pytest.approx(healthy["error"][1] + right / 192) and metrics["error"][2] == 1
    assert metrics["iou"][2] == 0


def test_a_network_without_padding_is_asked_for_the_middle():
    np.testing.assert_allclose(
        evaluate(LOGITS[:, 3:-3, 2:-2])["loss"], cross_entropies(LOGITS, Y)[:, 3:-3, 2:-2].mean((1, 2)), rtol=1e-5
    )
    with pytest.raises(ValueError, match=r"the network gives \(16, 12\) pixels, and there are labels of \(14, 12\)"):
        evaluate(LOGITS, Y[:, 1:-1])


def weights_of(y, w0, sigma, balance):
    borders = np.stack([border_weights(labels, w0, sigma) for labels in y])
    return borders + (class_weights(membranes().train.y, 2)[y] if balance else 1)


@pytest.mark.parametrize(
    "spec, augment",
    [
        ("segment", "none"),
        ("segment(balance=False)", "flip"),
        ("segment(sigma=2.0,w0=3.0)", "crop(pad=3)"),
        ("segment(balance=False,w0=0.0)", "none"),
    ],
)
def test_the_loss_is_weighted_and_weights_move_with_the_pixels(spec, augment):
    arguments = {"w0": 10.0, "sigma": 5.0, "balance": True} | dict(specs.parse(spec).kwargs)
    index, truth = jnp.array([4, 0, 2]), membranes().train.y
    logits = np.stack([np.zeros((3, 16, 16)), random.normal(size=(3, 16, 16))], -1).astype(np.float32)
    task, moved = task_of(constant(logits), spec), specs.build(AUGMENTS, augment, "augment")
    shown = batches.Shown(KEY, index, jnp.int32(0))
    x, y = moved(KEY, jnp.zeros((3, 16, 16, 1)), task.labels(index), shown)
    _, loss = task.step(task.init(KEY, x, optax.sgd(0.1)), Batch(x, y, KEY, jnp.int32(0)), optax.sgd(0.1))
    weights = weights_of(truth, **arguments)[np.asarray(index)]
    truth = truth[np.asarray(index)]
    weights, truth = (np.asarray(moved(KEY, x, jnp.asarray(maps), shown)[1]) for maps in (weights, truth))
    np.testing.assert_allclose(loss, np.mean(weights * cross_entropies(logits, truth)), rtol=5e-3)  # weights in 1/256


TINY = canonical(
    Config(
        task="segment", dataset="membranes(cell=6,n=10,size=16)", model="unet(depth=1,width=2)", activation="relu",
        init="he_normal", optimizer="momentum", lr=0.05, batch_size=3, epochs=3, evals=2,
        augment="chain(of='random_crop(size=8),flip')",
    )
)  # fmt: skip


@functools.cache
def trained(mapping):
    """Two trials: solo one after the other in "loop", packed otherwise."""
    configs = [dataclasses.replace(TINY, seed=seed) for seed in (0, 1)]
    program = Program(program_key(TINY), membranes())
    # Compiles faster; `vmap` and the options of a study are the packs' own tests' business.
    quick = {"xla_backend_optimization_level": 0}
    packed = PackedProgram(program, mapping, batches.put_on_device(membranes()), quick)
    results = []
    for pack in [configs] if mapping != "loop" else [[config] for config in configs]:
        carry = packed.advance(packed.start(pack), packed.trials(pack), 0, program.steps)
        found = {"curve": packed.progress_of(carry)[1]} | packed.finish(carry)
        for i in range(len(pack)):
            state = packed.train_state(carry, i)
            results.append(({name: value[i] for name, value in found.items()}, state))
    return program, results


def test_packed_is_solo():
    for (alone, state), (packed, packed_state) in zip(trained("loop")[1], trained("map")[1], strict=True):
        for name, value in alone.items():
            np.testing.assert_allclose(packed[name], value, rtol=1e-6, err_msg=name)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6), packed_state, state)
    assert trained("loop")[1][0][0]["test_loss"] != trained("loop")[1][1][0]["test_loss"]


def test_findings_are_of_the_test_images():
    program, results = trained("loop")
    final, state = results[0]
    findings = program.examine(state, 0)
    assert set(findings.metrics) == {"rand_error", "warping_error"}
    assert 0 <= findings.metrics["rand_error"] < 1 and findings.metrics["warping_error"] <= final["test_error"]
    (picture,) = findings.pictures.values()
    assert picture.shape == (2, 3, 16, 16, 1) and picture.dtype == np.uint8
    np.testing.assert_array_equal(picture[:, 0], membranes().test.x)
    np.testing.assert_array_equal(picture[:, 1, ..., 0], membranes().test.y * 255)
    assert np.mean(picture[:, 2, ..., 0] != picture[:, 1, ..., 0]) == pytest.approx(final["test_error"], abs=1e-6)


@pytest.mark.parametrize("arguments, line", [("w0=-1.0", "w0 must be 0 or more"), ("sigma=0.0", "sigma positive")])
def test_wrong_arguments(arguments, line):
    with pytest.raises(SpecError, match=line):
        specs.build(TASKS, f"segment({arguments})", "task")


def test_labels_of_images_are_refused():
    with pytest.raises(SpecError, match="task segment needs a label for every pixel; digits has one for every example"):
        task_of(constant(LOGITS), dataset=load("digits"))
