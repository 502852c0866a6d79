"""Networks made to have many linear regions: every layer but the last folds the unit cube onto itself."""

from collections.abc import Sequence

import numpy as np

from assay.theory.layers import Layer


def folding(inputs: int, widths: Sequence[int], seed: int = 0) -> list[Layer]:
    """The ReLU network of Montufar et al. 2014 (section 3), which reaches their lower bound inside the unit cube.

    A layer folds every coordinate p = floor(width / inputs) times, by a zigzag of p units from 0 to 1 and back:
    p^inputs cubes are mapped onto the whole cube. The last hidden layer cuts the cube by hyperplanes in general
    position, all of whose crossings lie inside it. For one input the last layer thus makes width + 1 pieces.

    Args:
      inputs: 1 or 2.
      widths: of the hidden layers; all but the last at least `inputs`.
      seed: of the last layer's hyperplanes.

    Returns:
      The hidden layers; there is no readout.

    Raises:
      ValueError: other inputs, or a layer too narrow.
    """
    if inputs not in (1, 2):
        raise ValueError(f"folding makes networks of 1 or 2 inputs, not {inputs}")
    if not widths or min(widths[:-1], default=inputs) < inputs or widths[-1] < 1:
        raise ValueError(f"layers that fold must be at least {inputs} wide, not {tuple(widths)}")
    layers, recover = [], np.eye(inputs)  # [units so far, inputs]: from a layer's units to the folded coordinates
    for width in widths[:-1]:
        kernel, bias, recover_next = _zigzags(inputs, width)
        layers.append(Layer(recover @ kernel, bias))
        recover = recover_next
    kernel, bias = _cuts(inputs, widths[-1], seed)
    return [*layers, Layer(recover @ kernel, bias)]


def _zigzags(inputs: int, width: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Units relu(p x), relu(2 p x - 2 k) for k = 1..p-1 for every coordinate; their alternating sum is the zigzag."""
    folds = width // inputs
    kernel, bias, recover = np.zeros((inputs, width)), np.zeros(width), np.zeros((width, inputs))
    for coordinate in range(inputs):
        units = slice(coordinate * folds, (coordinate + 1) * folds)
        k = np.arange(folds)
        kernel[coordinate, units] = np.where(k == 0, folds, 2 * folds)
        bias[units] = -2.0 * k
        recover[units, coordinate] = (-1.0) ** k
    return kernel, bias, recover  # units left over have zero weights and never switch


def _cuts(inputs: int, width: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Hyperplanes through the middle of the unit cube: points, or lines of well separated directions, a little off."""
    if inputs == 1:
        return np.ones((1, width)), -(np.arange(width) + 1.0) / (width + 1)
    angles = np.pi * (np.arange(width) + 0.3) / width
    kernel = np.stack([np.cos(angles), np.sin(angles)])  # [2, width]
    # Two lines at an angle of pi / width or more, this far off the middle at most, cross within 0.3 of it.
    offsets = np.random.default_rng(seed).uniform(-1, 1, width) * 0.15 * np.sin(np.pi / width) if width > 1 else 0.0
    return kernel, -kernel.sum(axis=0) / 2 + offsets
