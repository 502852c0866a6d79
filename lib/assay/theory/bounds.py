"""How many linear regions networks of ReLU units can have: bounds on the maximum over their weights.

A network divides its inputs into the regions on which no unit switches; on each it is an affine map. `widths` are those
of the hidden layers, `inputs` is the dimension of the input.
"""

from collections.abc import Sequence
import math


def shallow(inputs: int, neurons: int) -> int:
    """The most regions of one hidden layer, reached by hyperplanes in general position (Zaslavsky 1975)."""
    _check(inputs, [neurons])
    return _arrangement(neurons, inputs)


def pascanu(inputs: int, widths: Sequence[int]) -> int:
    """A lower bound on the maximum: prod floor(n_l / n_0), times the last layer's arrangement (Pascanu et al. 2013)."""
    _check(inputs, widths)
    return math.prod(width // inputs for width in widths[:-1]) * _arrangement(widths[-1], inputs)


def montufar(inputs: int, widths: Sequence[int]) -> int:
    """A lower bound on the maximum: prod floor(n_l / n_0)^n_0, times the last layer's arrangement.

    Montufar et al. 2014, section 3; `assay.theory.folding` makes a network that reaches it.
    """
    _check(inputs, widths)
    return math.prod((width // inputs) ** inputs for width in widths[:-1]) * _arrangement(widths[-1], inputs)


def upper(inputs: int, widths: Sequence[int]) -> int:
    """An upper bound: a layer divides a region as an arrangement in the least dimension so far (Montufar 2017)."""
    _check(inputs, widths)
    dimensions = (min((inputs, *widths[:layer])) for layer in range(len(widths)))
    return math.prod(_arrangement(width, dimension) for width, dimension in zip(widths, dimensions))


def at_initialisation(inputs: int, neurons: int) -> float:
    """The order of the count in a random network, whatever its depth: neurons^n_0 / n_0! (Hanin & Rolnick 2019)."""
    _check(inputs, [neurons])
    return neurons**inputs / math.factorial(inputs)


def _arrangement(hyperplanes: int, dimension: int) -> int:
    return sum(math.comb(hyperplanes, j) for j in range(dimension + 1))


def _check(inputs: int, widths: Sequence[int]) -> None:
    if inputs < 1 or not widths or min(widths) < 1:
        raise ValueError(f"inputs and widths must be at least 1, not {inputs} and {tuple(widths)}")
