"""Segmentation: one label for every pixel."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np

from assay.data import Dataset
from assay.data.batches import standardised
from assay.models import Model
from assay.models.unet import centre
from assay.ops.compiler import compiler_options
from assay.spec import SpecError
from assay.tasks.losses import per_example
from assay.tasks.segmentation.borders import border_weights, class_weights
from assay.tasks.segmentation.partitions import rand_error, warping_error
from assay.tasks.supervised import supervised
from assay.tasks.task import Findings, Learning, Problem, Task

_STEP = 1 / 256  # weights are multiples of it
_EXAMINED, _SHOWN, _SIDE = 20, 3, 256  # images that are examined and that are shown, and their pixels a side at most


def segment(w0: float = 10.0, sigma: float = 5.0, balance: bool = True) -> Learning:
    """Learns the class of every pixel: the loss of each pixel times its weight, averaged over all pixels of a batch.

    The weight is that of the pixel's class plus `border_weights`, computed once for every training image; weights move
    with the pixels that augmentation moves, and pixels from outside an image have weight 0. Networks without padding
    answer for the middle of an image, and are asked for that alone.

    Metrics: loss (unweighted), error (share of wrong pixels), iou (intersection over union, mean over the classes that
    occur); findings: rand_error and warping_error (assay.tasks.segmentation.partitions), means over the first 20 test
    images.

    Args:
      w0, sigma: weight of the narrowest gaps between objects (0: no such weights), and how wide a gap counts, pixels;
        defaults as in Ronneberger et al. 2015.
      balance: classes weigh inversely to how frequent they are; else 1.
    """
    if w0 < 0 or sigma <= 0:
        raise ValueError(f"w0 must be 0 or more and sigma positive, not {w0:g} and {sigma:g}")
    return Learning(
        make=functools.partial(_task, w0=w0, sigma=sigma, balance=balance),
        metrics=("loss", "error", "iou"),
        findings=("rand_error", "warping_error"),
    )


def _task(problem: Problem, w0: float, sigma: float, balance: bool) -> Task:
    dataset, classes = problem.dataset, problem.dataset.num_classes
    if dataset.train.y.ndim != 3:
        raise SpecError(f"task segment needs a label for every pixel; {dataset.name} has one for every example")
    model, loss = problem.model(classes, shape=(None, None, classes)), per_example(problem.loss)

    def labels(index):
        return jnp.asarray(_packed(_Weighted(dataset.fingerprint, w0, sigma, balance, dataset)))[index]

    def objective(params, state, batch, offsets):
        output, state = model.apply(params, state, batch.x, key=batch.key, train=True, offsets=offsets)
        y = _asked(batch.y, output.logits)
        weights = (y // classes).astype(jnp.float32) * _STEP
        return jnp.mean(weights * loss(output.logits, y % classes)), (output, state)

    def evaluate(train_state, x, y, key):
        del key
        output, _ = model.apply(train_state.params, train_state.state, x, key=None, train=False)
        y, found = _asked(y, output.logits), _classes(output.logits)
        losses = loss(output.logits, y)
        return {
            "loss": jnp.mean(losses, axis=(1, 2)),
            "error": jnp.mean((found != y).astype(jnp.float32), axis=(1, 2)),
            "iou": _iou(found, y, classes),
        }

    init, step, signals = supervised(model, objective)
    return Task(init, step, evaluate, signals, examine=_examination(model, dataset), labels=labels)


@dataclasses.dataclass(frozen=True)
class _Weighted:
    """A data set and its weighting; equal to another by content."""

    fingerprint: str
    w0: float
    sigma: float
    balance: bool
    dataset: Dataset = dataclasses.field(compare=False)


@functools.lru_cache(maxsize=1)
def _packed(of: _Weighted) -> np.ndarray:
    """int32 [N, H, W]: label + classes * weight / _STEP of the training images, so that both move as one number."""
    y, classes = of.dataset.train.y, of.dataset.num_classes
    weights = class_weights(y, classes)[y] if of.balance else np.ones(y.shape, np.float32)
    if of.w0:
        weights += np.stack([border_weights(labels, of.w0, of.sigma) for labels in y])
    return y + classes * np.round(weights / _STEP).astype(np.int32)


def _asked(y: jax.Array, logits: jax.Array) -> jax.Array:
    """The labels `[B, H, W]` of the pixels that logits `[B, H', W', K]` are for: the middle."""
    if any(answered > known for answered, known in zip(logits.shape[1:3], y.shape[1:3])):
        raise ValueError(f"the network gives {logits.shape[1:3]} pixels, and there are labels of {y.shape[1:3]}")
    return centre(y, logits.shape[1:3])


def _classes(logits: jax.Array) -> jax.Array:
    """The most probable class of every pixel; -1, which is wrong, where logits are not finite."""
    defined = jnp.all(jnp.isfinite(logits), axis=-1)
    return jnp.where(defined, jnp.argmax(logits, axis=-1).astype(jnp.int32), -1)


def _iou(found: jax.Array, y: jax.Array, classes: int) -> jax.Array:
    """`[B]`: the mean over the classes that are in `found` or in `y` `[B, H, W]`."""

    def of(value):
        one, other = found == value, y == value
        return jnp.sum(one & other, axis=(1, 2)), jnp.sum(one | other, axis=(1, 2))

    both, either = (jnp.stack(sums).astype(jnp.float32) for sums in zip(*map(of, range(classes))))
    return jnp.sum(both / jnp.maximum(either, 1), axis=0) / jnp.sum((either > 0).astype(jnp.float32), axis=0)


def _examination(model: Model, dataset: Dataset):
    @functools.partial(jax.jit, compiler_options=compiler_options())
    def answer(params, state, x):
        x = standardised(x, jnp.asarray(dataset.mean), jnp.asarray(dataset.std))
        return _classes(model.apply(params, state, x, key=None, train=False)[0].logits)

    def examine(train_state, key):
        del key
        x, y = (array[:_EXAMINED] for array in dataset.test)
        found = np.stack([answer(train_state.params, train_state.state, image[None])[0] for image in x])
        found = np.maximum(found, 0)
        x, y = (np.asarray(centre(array, found.shape[1:3])) for array in (x, y))
        errors = {"rand_error": rand_error, "warping_error": warping_error}
        metrics = {name: float(np.mean([of(*pair) for pair in zip(y, found)])) for name, of in errors.items()}
        picture = _picture(x[:_SHOWN], y[:_SHOWN], found[:_SHOWN], dataset.num_classes)
        return Findings(metrics, {"image, labels, prediction": picture})

    return examine


def _picture(x: np.ndarray, y: np.ndarray, found: np.ndarray, classes: int) -> np.ndarray:
    """uint8 `[images, 3, H, W, C]`: the middle of each image, of its labels and of the prediction."""
    side = tuple(min(size, _SIDE) for size in y.shape[1:3])
    x, y, found = (centre(array, side) for array in (x, y, found))
    x = x if x.shape[-1] in (1, 3) else x[..., :1]
    if x.dtype != np.uint8:
        low, high = float(x.min()), float(x.max())
        x = np.round(255 * (x - low) / max(high - low, 1e-9)).astype(np.uint8)
    grey = [np.round(255 * maps / (classes - 1)).astype(np.uint8)[..., None] for maps in (y, found)]
    return np.stack([x, *(np.broadcast_to(one, x.shape) for one in grey)], axis=1)
