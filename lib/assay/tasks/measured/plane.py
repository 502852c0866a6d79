"""What a network makes of the plane, for data with two numbers an example: pictures, and how units divide it.

The pictures are those of TensorFlow Playground (Smilkov & Carter 2016), the answer and every unit over the plane, and
of ConvNetJS's classify2d demo (Karpathy 2014), the plane as the last hidden layer sees it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from assay.data import Dataset
from assay.data.batches import standardised
from assay.models import Model, Output

SIZE = 64  # pixels of a picture, each way
UNITS = 8  # of a layer that are drawn, at most
LINES, ON_A_LINE = 17, 600  # of the grid that the last hidden layer bends, each way; points on each
MARGIN = 1.1  # the square's half side over the largest coordinate of the training examples

# Colour-blind safe (Okabe & Ito 2008); the first two in the order of Playground: orange and blue.
COLOURS = np.array([[230, 159, 0], [0, 114, 178], [0, 158, 115], [204, 121, 167], [86, 180, 233], [213, 94, 0]], float)
WHITE, EMPTY = 255.0, 128

View = Callable[[Any, np.ndarray], Output]  # (train_state, raw points [N, 2]) -> Output


class Square(NamedTuple):
    """The part of the plane that is looked at, from -side to side each way."""

    side: float

    def pixels(self) -> np.ndarray:
        """Centres of a picture's pixels, row by row from the top: float32 `[SIZE * SIZE, 2]`."""
        at = (np.arange(SIZE) + 0.5) / SIZE * 2 - 1
        x, y = np.meshgrid(at, -at)
        return self.side * np.stack([x.ravel(), y.ravel()], axis=1).astype(np.float32)

    def lines(self) -> np.ndarray:
        """Points close together on a square grid's lines: float32 `[2 * LINES * ON_A_LINE, 2]`."""
        along, across = np.meshgrid(np.linspace(-1, 1, ON_A_LINE), np.linspace(-1, 1, LINES))
        one_way = np.stack([along.ravel(), across.ravel()], axis=1)
        return self.side * np.concatenate([one_way, one_way[:, ::-1]]).astype(np.float32)

    def draw(self, random: np.random.RandomState, count: int) -> np.ndarray:
        """Uniform points: float32 `[count, 2]`."""
        return random.uniform(-self.side, self.side, (count, 2)).astype(np.float32)


def is_plane(dataset: Dataset) -> bool:
    """Whether examples are points of the plane."""
    return dataset.train.x.shape[1:] == (2,) and dataset.train.x.dtype == np.float32


def square(dataset: Dataset) -> Square:
    """The square around the origin that holds the training examples and a margin."""
    return Square(MARGIN * float(np.abs(dataset.train.x).max()))


def view(model: Model, dataset: Dataset) -> View:
    """The trained network on raw points."""

    @jax.jit
    def output(train_state, x):
        x = standardised(x, dataset.mean, dataset.std)
        return model.apply(train_state.params, train_state.state, jnp.asarray(x), key=None, train=False)[0]

    return output


def pictures(seen: View, train_state: Any, dataset: Dataset) -> dict[str, np.ndarray]:
    """Titles and uint8 `[rows, columns, H, W, 3]`: the answer, the hidden units, the plane as bent by the last layer.

    Colours are of classes, paler where the network is less sure; a unit is blue where it is positive, orange where it
    is negative, white at 0, each on a scale of its own. A network without hidden layers has the first picture alone.
    """
    at = square(dataset)
    over = seen(train_state, at.pixels())
    found = {"answer over the plane, with test examples": _answer(over.logits, at, dataset)[None, None]}
    layers = _hidden(over)
    if layers:
        found["hidden units over the plane, a row a layer"] = _units(layers)
        lines, tests = seen(train_state, at.lines()), seen(train_state, dataset.test.x)
        found["the plane as the last hidden layer sees it"] = _bent(lines, tests, dataset.test.y)[None, None]
    return found


def nonconvexity(seen: View, train_state: Any, dataset: Dataset, layer: int, pairs: int = 4000) -> float:
    """How far the units of a hidden layer are from cutting the plane in two by a straight line: 0 if they do so.

    A unit divides the square by the sign of its pre-activation. Of pairs of points on the same side, the share whose
    midpoint is on the other side; mean over the units. A half-plane and its complement are convex, so there is none;
    for the four quadrants of xor it is 1/4, and it cannot exceed 1.

    Args:
      layer: from 1.
    """
    random, at = np.random.RandomState(0), square(dataset)
    a, b = at.draw(random, pairs), at.draw(random, pairs)
    sides = []
    for points in (a, b, (a + b) / 2):
        output = seen(train_state, points)
        sides.append(np.asarray(output.preactivations[sorted(output.preactivations)[layer - 1]]) > 0)
    together = sides[0] == sides[1]  # [pairs, units]
    apart = together & (sides[2] != sides[0])
    return float(np.mean(apart.sum(axis=0) / np.maximum(together.sum(axis=0), 1)))


def _hidden(output: Output) -> list[np.ndarray]:
    """Activations of the fully connected hidden layers, `[N, units]` each."""
    layers = [np.nan_to_num(np.asarray(output.activations[name], float)) for name in sorted(output.activations)]
    return [layer for layer in layers if layer.ndim == 2]


def _answer(logits: jax.Array, at: Square, dataset: Dataset) -> np.ndarray:
    image = _pale(_classes(logits)).reshape(SIZE, SIZE, 3)
    place = (dataset.test.x * [1, -1] / at.side + 1) / 2 * SIZE  # (column, row) of the test examples
    _dot(image, place, COLOURS[dataset.test.y % len(COLOURS)] * 0.8)
    return _bytes(image)


def _units(layers: list[np.ndarray]) -> np.ndarray:
    columns = min(UNITS, max(layer.shape[1] for layer in layers))
    sheet = np.full((len(layers), columns, SIZE, SIZE, 3), EMPTY, np.uint8)
    for row, layer in enumerate(layers):
        for column, unit in enumerate(layer.T[:columns]):
            strength = unit / (np.abs(unit).max() or 1)
            colour = np.where(strength[:, None] > 0, COLOURS[1], COLOURS[0])
            shade = WHITE + np.abs(strength)[:, None] * (colour - WHITE)
            sheet[row, column] = _bytes(shade.reshape(SIZE, SIZE, 3))
    return sheet


def _bent(lines: Output, tests: Output, y: np.ndarray) -> np.ndarray:
    """Grid lines and test examples in the last hidden layer's first two principal components, or its two units."""
    grid, points = _hidden(lines)[-1], _hidden(tests)[-1]
    centre = points.mean(axis=0)
    axes = np.eye(2) if points.shape[1] == 2 else np.linalg.svd(points - centre, full_matrices=False)[2][:2].T
    if axes.shape[1] < 2:  # one unit
        axes = np.array([[1.0, 0.0]])
    grid, points = (grid - centre) @ axes, (points - centre) @ axes
    low, high = points.min(axis=0), points.max(axis=0)
    scale = (high - low).max() or 1

    def place(where):
        return ((where - (low + high) / 2) * [1, -1] / scale * 0.9 + 0.5) * 2 * SIZE

    image = np.full((2 * SIZE, 2 * SIZE, 3), WHITE)
    _dot(image, place(grid), _pale(_classes(lines.logits)), wide=1)
    _dot(image, place(points), COLOURS[y % len(COLOURS)] * 0.8)
    return _bytes(image)


def _classes(logits: jax.Array) -> np.ndarray:
    """The classes' colours mixed by their probabilities: `[N, 3]`."""
    probabilities = np.nan_to_num(np.asarray(jax.nn.softmax(logits), float))
    return probabilities @ COLOURS[np.arange(probabilities.shape[1]) % len(COLOURS)]


def _pale(colour: np.ndarray) -> np.ndarray:
    return WHITE + 0.5 * (colour - WHITE)


def _dot(image: np.ndarray, place: np.ndarray, colour: np.ndarray, wide: int = 2) -> None:
    """Squares of `wide` pixels at (column, row); what lies outside is left out."""
    column, row = np.floor(place).astype(int).T
    for right in range(wide):
        for down in range(wide):
            x, y = column + right, row + down
            inside = (x >= 0) & (y >= 0) & (x < image.shape[1]) & (y < image.shape[0])
            image[y[inside], x[inside]] = colour[inside]


def _bytes(image: np.ndarray) -> np.ndarray:
    return np.round(np.clip(image, 0, 255)).astype(np.uint8)
