"""Autoencoding: an image is its own label, seen whole (reconstruct) or through noise (denoise)."""

from collections.abc import Callable
import functools

import jax
import jax.numpy as jnp
import numpy as np

from assay.data import Dataset
from assay.models import Model
from assay.spec import nearest, SpecError
from assay.tasks.losses import per_example, predicted
from assay.tasks.reconstruction import codes
from assay.tasks.reconstruction.noise import NOISES
from assay.tasks.supervised import supervised
from assay.tasks.task import Findings, Learning, Problem, Task

Corrupt = Callable[[jax.Array, jax.Array], jax.Array]  # (key, x) -> x

SHOWN = 10  # images of the test split in the picture
BATCH = 500  # of the test split, when its codes are made


def reconstruct() -> Learning:
    """Learns to give an image back through a narrow code. Metrics: loss, mse (a pixel), psnr (dB).

    Findings: `codes.RETRIEVAL` and `codes.PRINCIPAL`.
    """
    return Learning(
        make=functools.partial(_task, corrupt=None),
        metrics=("loss", "mse", "psnr"),
        target="mse",
        findings=codes.RETRIEVAL + codes.PRINCIPAL,
        inputs="unit",
        loss="squared_error",
    )


def denoise(noise: str = "gaussian", level: float = 0.3) -> Learning:
    """Learns the clean image from a noisy one (Vincent et al. 2008).

    Metrics, against the clean image: loss, mse (a pixel), psnr (dB), and psnr_gain (dB), by how much psnr is above
    the noisy image's. Findings: `codes.RETRIEVAL`, of clean images.

    Args:
      noise: gaussian, mask or salt_pepper.
      level: standard deviation of gaussian noise (pixels are 0..1); else the share of pixels hit, up to 1.
    """
    if noise not in NOISES:
        raise ValueError(nearest(noise, list(NOISES), "noise"))
    if level <= 0 or (level > 1 and noise != "gaussian"):
        raise ValueError(f"level must be above 0, and at most 1 unless noise is 'gaussian', not {level:g}")

    def corrupt(key, x):
        return NOISES[noise](key, x, level)

    return Learning(
        make=functools.partial(_task, corrupt=corrupt),
        metrics=("loss", "mse", "psnr", "psnr_gain"),
        target="mse",
        findings=codes.RETRIEVAL,
        inputs="unit",
        loss="squared_error",
    )


def psnr(mse: jax.Array) -> jax.Array:
    """Peak signal-to-noise ratio in dB of values from 0 to 1; at most 100, for errors up to 1e-10."""
    return -10 * jnp.log10(jnp.maximum(mse, 1e-10))


def _task(problem: Problem, corrupt: Corrupt | None) -> Task:
    _check(problem.dataset)
    model, loss = problem.model(problem.dataset.train.x.shape[1:]), per_example(problem.loss)
    pixels = predicted(loss)

    def objective(params, state, batch, offsets):
        for_noise, for_model = jax.random.split(batch.key)
        seen = batch.x if corrupt is None else corrupt(for_noise, batch.x)
        output, state = model.apply(params, state, seen, key=for_model, train=True, offsets=offsets)
        return jnp.mean(loss(output.logits, batch.x)), (output, state)

    def answer(train_state, x, key):
        """(what the network sees, its logits)."""
        seen = x if corrupt is None else corrupt(key, x)
        output, _ = model.apply(train_state.params, train_state.state, seen, key=None, train=False)
        return seen, output.logits

    def evaluate(train_state, x, y, key):
        del y
        seen, logits = answer(train_state, x, key)
        mse = _mse(pixels(logits), x)
        metrics = {"loss": loss(logits, x), "mse": mse, "psnr": psnr(mse)}
        return metrics if corrupt is None else metrics | {"psnr_gain": psnr(mse) - psnr(_mse(seen, x))}

    init, step, signals = supervised(model, objective)
    examine = _examine(problem.dataset, model, answer, pixels, corrupt is not None)
    return Task(init, step, evaluate, signals, examine)


def _examine(dataset: Dataset, model: Model, answer: Callable, pixels: Callable, noisy: bool) -> Callable:
    width = codes.code_width(model, dataset.train.x.shape[1:])
    test, labels = dataset.test.x, dataset.test.y
    # Of the data alone, so once for all trials of a program.
    components = functools.cache(lambda: codes.Components(dataset.train.x, test, width))
    pixel_error = functools.cache(lambda: codes.retrieval_error(_unit(test.reshape(len(test), -1)), labels))
    answered = jax.jit(answer)

    @functools.partial(jax.jit, static_argnames="method")
    def part(train_state, x, method):
        params, state = train_state.params, train_state.state
        output, _ = model.apply(params, state, x, key=None, train=False, method=method)
        return output.logits

    def examine(train_state, key):
        batches = [_unit(test[first : first + BATCH]) for first in range(0, len(test), BATCH)]
        code = np.concatenate([part(train_state, x, method="encode") for x in batches])
        metrics = {
            "code_retrieval_error": codes.retrieval_error(code, labels),
            "pixel_retrieval_error": pixel_error(),
        }
        if not noisy:
            made = np.concatenate([pixels(answered(train_state, x, key)[1]) for x in batches])
            pca, decode = components(), functools.partial(part, train_state, method="decode")
            mse = np.mean(np.square(made - _unit(test)))
            metrics |= {
                "mse_to_pca": mse / pca.mse,
                "pca_mse": pca.mse,
                "discarded_variance": pca.discarded,
                "subspace_angle": codes.subspace_angle(decode, pca.directions),
            }
        x = _unit(test[:SHOWN])
        seen, logits = answered(train_state, x, key)
        rows = [x, seen, pixels(logits)] if noisy else [x, pixels(logits)]
        title = "original, noisy, denoised" if noisy else "original, reconstruction"
        return Findings(metrics, {title: np.stack([_bytes(row) for row in rows])})

    return examine


def _mse(a: jax.Array, b: jax.Array) -> jax.Array:
    """Mean squared error a pixel: `[B, H, W, C]` -> `[B]`."""
    return jnp.mean(jnp.square(a - b), axis=(1, 2, 3))


def _unit(x: np.ndarray) -> np.ndarray:
    return x.astype(np.float32) / np.float32(255)


def _bytes(x: jax.Array) -> np.ndarray:
    return np.uint8(np.round(255 * np.clip(np.nan_to_num(x), 0, 1)))


def _check(dataset: Dataset) -> None:
    x = dataset.train.x
    if x.dtype != np.uint8 or x.ndim != 4 or x.shape[-1] not in (1, 3):
        found = f"{x.dtype} {list(x.shape[1:])}"
        raise SpecError(f"this task takes images, uint8 [H, W, 1 or 3], and {dataset.name} has {found}")
