"""A fully connected network as the list of its affine maps, in float64 NumPy."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np


class Layer(NamedTuple):
    """x -> x kernel + bias; kernel float64 [in, out], bias float64 [out]."""

    kernel: np.ndarray
    bias: np.ndarray


def layers(params: Mapping[str, Any]) -> list[Layer]:
    """The layers of an `mlp` without normalisation, readout included, from its parameters.

    Raises:
      ValueError: parameters of something else than dense layers.
    """
    if not params or not all(name.startswith("Dense_") and "kernel" in params[name] for name in params):
        found = ", ".join(params) or "nothing"
        raise ValueError(f"expected the dense layers of an mlp, Dense_0, Dense_1, ..., not {found}")
    found = [params[f"Dense_{i}"] for i in range(len(params))]
    return [Layer(*(np.asarray(of[part], np.float64) for part in ("kernel", "bias"))) for of in found]


def params(of: Sequence[Layer], readout: Layer) -> dict[str, dict[str, np.ndarray]]:
    """The parameters, float32, of the `mlp` with these hidden layers and this readout."""
    every = [*of, readout]
    return {
        f"Dense_{i}": {"kernel": layer.kernel.astype(np.float32), "bias": layer.bias.astype(np.float32)}
        for i, layer in enumerate(every)
    }


def relu(z: np.ndarray, slope: float = 0.0) -> np.ndarray:
    """max(z, slope z): ReLU, or leaky ReLU of that slope."""
    return np.where(z > 0, z, slope * z)


def hidden(of: Sequence[Layer], x: np.ndarray, slope: float = 0.0) -> np.ndarray:
    """The last layer's units at x `[B, in]`, every layer followed by `relu`: `[B, out]`."""
    for kernel, bias in of:
        x = relu(x @ kernel + bias, slope)
    return x
