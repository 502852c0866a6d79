"""Classical image filters as convolutions with fixed kernels."""

import numpy as np

from assay.claims.exact import Figure
from experiments.exact.convolutions import correlate

KERNELS = {
    "identity": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "edges, diagonal": [[1, 0, -1], [0, 0, 0], [-1, 0, 1]],
    "edges, four neighbours": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    "edges, eight neighbours": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
    "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "box blur": np.ones((3, 3)) / 9,
    "Gaussian blur": np.outer([1, 2, 1], [1, 2, 1]) / 16,
}


def _digit() -> np.ndarray:
    """A handwritten digit of the bundled set, 8x8, 0..1."""
    from sklearn.datasets import load_digits

    return load_digits().images[0] / 16


def classical_filters() -> list[Figure]:
    flat = np.full((5, 5), 2.0)
    gains = [float(correlate(flat, kernel)[1, 1]) / 2 for kernel in KERNELS.values()]
    image = _digit()
    return [
        Figure(f"gains on a constant image ({', '.join(KERNELS)})", [1, 0, 0, 0, 1, 1, 1], gains, 1e-6),
        Figure("largest change of a digit by the identity", 0, np.abs(correlate(image, KERNELS["identity"]) - image[1:-1, 1:-1]).max(), 1e-6),
        Figure("blurring lowers a digit's variance", True, bool(correlate(image, KERNELS["box blur"]).var() < image.var())),
        Figure("sharpening raises it", True, bool(correlate(image, KERNELS["sharpen"]).var() > image.var())),
    ]  # fmt: skip


def inner_products() -> list[Figure]:
    """Every pixel of the result is w^T x of the patch below it (im2col)."""
    image = _digit()
    patches = np.lib.stride_tricks.sliding_window_view(image, (3, 3)).reshape(6, 6, 9)
    apart = [np.abs(correlate(image, kernel) - patches @ np.ravel(kernel)).max() for kernel in KERNELS.values()]
    return [
        Figure(
            "largest difference of a filtered digit from its patches times the kernel, 7 filters", 0, max(apart), 1e-5
        )
    ]


ROWS = {"A21": classical_filters, "A22": inner_products}
