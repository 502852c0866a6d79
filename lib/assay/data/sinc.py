"""A regression problem: y = sin(x) / x, the usual toy of support vector and relevance vector regression."""

import pathlib

import numpy as np

from assay.data.dataset import complete, Dataset, Parts, Source, Split

_SEED = 1
_REACH = 10.0


def sinc(n: int = 4000) -> Source:
    """y = sin(x) / x for x uniform in [-10, 10], n points in all, half for training, a quarter each for the others.

    The targets, float32 [N, 1], are exact: what is learnt from noisy ones (`augment=target_noise`) is measured against
    the function itself.
    """
    if n < 16:
        raise ValueError(f"n (points in all three splits) must be at least 16, not {n}")

    def read(spec: str, data_dir: pathlib.Path) -> Dataset:
        del data_dir  # computed
        x = np.random.RandomState(_SEED).uniform(-_REACH, _REACH, (n, 1)).astype(np.float32)  # frozen stream
        whole = Split(x, np.sinc(x / np.pi).astype(np.float32))  # NumPy's sinc is sin(pi x) / (pi x)
        ends = [0, n - 2 * (n // 4), n - n // 4, n]
        parts = (Split(whole.x[first:last], whole.y[first:last]) for first, last in zip(ends, ends[1:]))
        return complete(spec, Parts(*parts, num_classes=1, note="synthetic: sin(x) / x at uniform x, without noise"))

    return read
