"""Convolution and pooling: worked examples and identities, through the operations that the networks use."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
from scipy import signal

from assay import ops
from assay.claims.exact import Figure


def correlate(image: np.ndarray, kernel: np.ndarray, **options) -> np.ndarray:
    """`ops.conv` of one image [H, W] with one kernel [kh, kw]: the networks' convolution, a cross-correlation."""
    x = jnp.asarray(image, jnp.float32)[None, :, :, None]
    w = jnp.asarray(kernel, jnp.float32)[:, :, None, None]
    return np.asarray(ops.conv(x, w, **({"padding": "VALID"} | options)))[0, :, :, 0]


def convolve(image: np.ndarray, kernel: np.ndarray, **options) -> np.ndarray:
    """The convolution proper: the kernel is flipped."""
    return correlate(image, np.asarray(kernel)[::-1, ::-1], **options)


def full(image: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """The convolution proper with zeros around the image, wherever the two touch."""
    return convolve(image, kernel, padding=[(size - 1, size - 1) for size in np.shape(kernel)])


def _pairs(count: int = 20) -> list[tuple[np.ndarray, np.ndarray]]:
    random = np.random.default_rng(0)
    return [
        (random.normal(size=random.integers(3, 9, 2)), random.normal(size=random.integers(1, 4, 2)))
        for _ in range(count)
    ]


def _largest(differences) -> float:
    return float(max(np.max(np.abs(difference)) for difference in differences))


def halving_pool() -> list[Figure]:
    pooled = ops.max_pool(jnp.zeros((1, 24, 24, 1))).shape[1:3]
    return [
        Figure("24x24 after 2x2 pooling of stride 2", (12, 12), pooled),
        Figure("factor of height and of width", (0.5, 0.5), (pooled[0] / 24, pooled[1] / 24)),
    ]


def output_size() -> list[Figure]:
    """Every image up to 9 pixels, kernel up to 5, padding up to 2 and stride up to 3, against the built operation."""
    wrong = 0
    for n, k, pad, stride in itertools.product(range(1, 10), range(1, 6), range(3), range(1, 4)):
        if n + 2 * pad < k:
            continue
        shapes = jax.ShapeDtypeStruct((1, n, n, 1), jnp.float32), jax.ShapeDtypeStruct((k, k, 1, 1), jnp.float32)
        found = jax.eval_shape(lambda x, w: ops.conv(x, w, strides=stride, padding=pad), *shapes).shape[1]
        wrong += found != (n + 2 * pad - k) // stride + 1
    return [
        Figure("3x4 image, 2x2 kernel", (2, 3), correlate(np.zeros((3, 4)), np.zeros((2, 2))).shape),
        Figure("sizes, paddings and strides at which floor((n + 2p - k) / s) + 1 is wrong", 0, wrong),
    ]


def three_by_three() -> list[Figure]:
    image, kernel = np.arange(9).reshape(3, 3), np.arange(4).reshape(2, 2)
    return [
        Figure(
            "convolution of [[0, 1, 2], [3, 4, 5], [6, 7, 8]] with [[0, 1], [2, 3]], the kernel flipped as defined",
            [[19, 25], [37, 43]],
            convolve(image, kernel).astype(int),
            by_the_source=correlate(image, kernel).astype(int),
            mistake="the kernel was not flipped: that is the cross-correlation",
        ),
    ]


def step_by_step() -> list[Figure]:
    # An image with the deck's trace: of its twelve pixels the six sums fix the diagonals alone.
    image = np.array([[1, 9, 2, 0], [1, 2, 4, 1], [5, 0, 1, 12]])
    windows = [image[i : i + 2, j : j + 2] for i in range(2) for j in range(3)]
    return [
        Figure("sums of the diagonals, window after window", [3, 13, 3, 1, 3, 16], [int(np.trace(w)) for w in windows]),
        Figure("the operation's result", [[3, 13, 3], [1, 3, 16]], correlate(image, np.eye(2)).astype(int)),
    ]


def pooling() -> list[Figure]:
    image = jnp.asarray([[1, 1, 2, 4], [5, 6, 7, 8], [3, 2, 1, 0], [1, 2, 3, 4]], jnp.float32)[None, :, :, None]
    return [
        Figure("2x2 maxima", [[6, 8], [3, 4]], np.asarray(ops.max_pool(image))[0, :, :, 0]),
        Figure("2x2 means", [[3.25, 5.25], [2, 2]], np.asarray(ops.avg_pool(image))[0, :, :, 0]),
    ]


def definition() -> list[Figure]:
    line, kernel = np.random.default_rng(1).normal(size=(1, 9)), np.array([[1.0, 2.0, -1.0]])
    two = _largest(full(x, w) - signal.convolve2d(x, w) for x, w in _pairs())
    return [
        Figure("largest difference from numpy.convolve, 1-D", 0, _largest([full(line, kernel)[0] - np.convolve(line[0], kernel[0])]), 1e-5),
        Figure("largest difference from scipy.signal.convolve2d", 0, two, 1e-5),
    ]  # fmt: skip


def cross_correlation() -> list[Figure]:
    apart = _largest(correlate(x, w) - signal.correlate2d(x, w, "valid") for x, w in _pairs())
    flipped = _largest(correlate(x, w[::-1, ::-1]) - signal.convolve2d(x, w, "valid") for x, w in _pairs())
    return [
        Figure("largest difference from scipy.signal.correlate2d", 0, apart, 1e-5),
        Figure("with the kernel flipped, from the convolution", 0, flipped, 1e-5),
    ]


def commutative() -> list[Figure]:
    swapped = _largest(full(x, w) - full(w, x) for x, w in _pairs())
    mirrored = [signal.correlate2d(x, w) - signal.correlate2d(w, x) for x, w in _pairs() if w.size > 1]
    return [
        Figure("largest difference of f * g from g * f", 0, swapped, 1e-5),
        Figure("the cross-correlation is commutative too", False, _largest(mirrored) < 1e-5),
    ]


def one_dimension() -> list[Figure]:
    """The deck's picture: a box and a ramp; their convolution, cross-correlation and the ramp's autocorrelation."""
    box, ramp = np.ones((1, 5)), np.linspace(1, 0.2, 5)[None]
    edges = [(0, 0), (4, 4)]
    conv, cross = (function(box, ramp, padding=edges)[0] for function in (convolve, correlate))
    auto = correlate(ramp, ramp, padding=edges)[0]
    return [
        Figure("convolution and cross-correlation of box and ramp mirror each other", 0, _largest([conv - cross[::-1]]), 1e-6),
        Figure("position of the autocorrelation's maximum: no shift", 4, int(np.argmax(auto))),
        Figure("the autocorrelation is symmetric: largest difference", 0, _largest([auto - auto[::-1]]), 1e-6),
    ]  # fmt: skip


def padding() -> list[Figure]:
    def sizes(pad):
        x, result = np.zeros((28, 28)), []
        for _ in range(4):
            x = correlate(x, np.zeros((5, 5)), padding=pad)
            result.append(x.shape[0])
        return result

    border = correlate(np.ones((3, 3)), np.ones((3, 3)), padding=1)
    return [
        Figure("28 pixels after four 5x5 layers without padding", [24, 20, 16, 12], sizes(0)),
        Figure("with 1 pixel a side: slower", [26, 24, 22, 20], sizes(1)),
        Figure("with 2: not at all", [28, 28, 28, 28], sizes(2)),
        Figure("zeros are what is added: ones under a 3x3 box", [[4, 6, 4], [6, 9, 6], [4, 6, 4]], border.astype(int)),
    ]


def channels() -> list[Figure]:
    x, w = np.arange(9.0).reshape(3, 3), np.arange(4.0).reshape(2, 2)
    two = jnp.asarray(np.stack([x, x + 1], -1), jnp.float32)[None]
    kernel = jnp.asarray(np.stack([w, w + 1], -1), jnp.float32)[..., None]  # [2, 2, 2, 1]
    summed = correlate(x, w) + correlate(x + 1, w + 1)
    many = ops.conv(two, jnp.concatenate([kernel, kernel + 1], -1), padding="VALID")
    return [
        Figure("two input channels: the sum of one convolution each", summed.astype(int), np.asarray(ops.conv(two, kernel, padding="VALID"))[0, :, :, 0]),
        Figure("the published example", [[56, 72], [104, 120]], summed.astype(int)),
        Figure("two output channels: a 4-D kernel", (2, 2, 2, 2), tuple(jnp.concatenate([kernel, kernel + 1], -1).shape)),
        Figure("their maps", (1, 2, 2, 2), many.shape),
    ]  # fmt: skip


def one_by_one() -> list[Figure]:
    random = np.random.default_rng(2)
    x, w = random.normal(size=(2, 5, 4, 3)).astype(np.float32), random.normal(size=(3, 7)).astype(np.float32)
    apart = np.asarray(ops.conv(jnp.asarray(x), jnp.asarray(w)[None, None])) - x @ w
    return [Figure("largest difference from one dense layer at every pixel", 0, _largest([apart]), 1e-5)]


def quiz() -> list[Figure]:
    x = jnp.zeros((1, 32, 32, 1))
    conv = lambda k, s, pad: ops.conv(x, jnp.zeros((k, k, 1, 1)), strides=s, padding=pad).shape[1]
    smaller = [conv(11, 1, "VALID") < 32, conv(4, 4, "VALID") < 32, ops.max_pool(x, 3, 2).shape[1] < 32]
    same = [conv(11, 1, "SAME") < 32, conv(4, 4, "SAME") < 32, ops.max_pool(x, 3, 2, "SAME").shape[1] < 32]
    return [
        Figure("smaller without padding: 11x11 stride 1, 4x4 stride 4, 3x3 pool stride 2", [True, True, True], smaller),
        Figure(
            "smaller whatever the padding",
            [True, True, True],
            [a and b for a, b in zip(smaller, same)],
            by_the_source=smaller,
            mistake="with SAME padding, 11x11 of stride 1 keeps the size",
        ),
    ]


ROWS = {
    "A5": halving_pool,
    "A8": output_size,
    "A9": three_by_three,
    "A10": step_by_step,
    "A11": pooling,
    "A12": definition,
    "A13": cross_correlation,
    "A14": commutative,
    "A15": one_dimension,
    "A16": padding,
    "A19": channels,
    "A20": one_by_one,
    "A26": quiz,
}
