"""Linear units against ReLU units: what a hidden layer adds, and how many linear regions layers make."""

import jax
import numpy as np
from scipy import optimize

from assay import theory
from assay.claims.exact import Figure
from assay.data import load
from assay.theory import bounds, Layer, regions, segments
from experiments.exact.networks import Started, started, trained

BIASED = "meanfield(sigma_w2=2,sigma_b2=0.1)"


def deep_linear() -> list[Figure]:
    """A linear network of several layers is one linear map, so its width changes nothing."""
    x = np.random.default_rng(0).normal(size=(50, 6))
    gaps, ranks = [], {}
    for width in (2, 5, 64):
        net = started(f"mlp(depth=3,width={width})", "linear", BIASED, 6, 4)
        kernel, bias = np.eye(6), np.zeros(6)
        for layer in theory.layers(net.params):
            kernel, bias = kernel @ layer.kernel, bias @ layer.kernel + layer.bias
        gaps.append(np.abs(net.output(x).logits - (x @ kernel + bias)).max())
        ranks[width] = int(np.linalg.matrix_rank(kernel, tol=1e-5))
    left = {kind: [_left_over(kind, width) for width in (2, 8, 64)] for kind in ("linear", "relu")}
    return [
        Figure(
            "largest difference of four linear layers from the product of their matrices", 0, float(max(gaps)), 1e-4
        ),
        Figure(
            "rank of the map of 6 inputs to 4 outputs through layers of 2, 5, 64 units: min(6, width, 4)",
            [2, 4, 4],
            list(ranks.values()),
        ),
        Figure(
            "least squared error on xor, a linear answer to the inputs alone",
            None,
            _least(load("xor").train.x, load("xor").train.y),
        ),
        Figure(
            "the same from 2, 8, 64 linear units: no less",
            [_least(load("xor").train.x, load("xor").train.y)] * 3,
            left["linear"],
            1e-5,
        ),
        Figure("with 64 ReLU units it is less than half", True, left["relu"][-1] < left["linear"][-1] / 2),
    ]


def _left_over(activation: str, width: int) -> float:
    """Least mean squared error on xor of a linear answer to the units of a random hidden layer."""
    data = load("xor").train
    output = started(f"mlp(depth=1,width={width})", activation, BIASED, 2, 1).output(data.x)
    return _least(np.asarray(output.activations["0000.Activate_0"], float), data.y)


def _least(x: np.ndarray, y: np.ndarray) -> float:
    features = np.column_stack([x, np.ones(len(x))])
    weights = np.linalg.lstsq(features, y - 0.5, rcond=1e-5)[0]
    return float(np.mean((features @ weights - (y - 0.5)) ** 2))


def fold() -> list[Figure]:
    """A line of inputs into the plane of two units: linear ones move it, ReLU ones fold it."""
    x = np.linspace(-3, 3, 121)[:, None]
    inside = np.abs(x[:, 0]) < 1

    def image(net: Started, params=None) -> np.ndarray:
        return np.asarray(net.output(x, params).activations["0000.Activate_0"], float)

    linear = [image(started("mlp(depth=1,width=2)", "linear", BIASED, 1, 1, seed)) for seed in range(10)]
    net = started("mlp(depth=1,width=2)", "relu", BIASED, 1, 1)
    made = theory.params([Layer(np.array([[1.0, -1.0]]), np.zeros(2))], Layer(np.ones((2, 1)), np.zeros(1)))
    folded = image(net, made)
    ranks = [int(np.linalg.matrix_rank(points - points[0], tol=1e-4)) for points in linear]
    random = [
        _separable(
            image(started("mlp(depth=1,width=2)", "relu", "meanfield(sigma_w2=2,sigma_b2=2)", 1, 1, seed)), inside
        )
        for seed in range(20)
    ]
    return [
        Figure("dimensions of the line's image by two linear units, ten networks: it stays straight", [1] * 10, ranks),
        Figure(
            "of those, images in which a straight line parts |x| < 1 from the rest",
            0,
            sum(_separable(p, inside) for p in linear),
        ),
        Figure("pieces of the image by relu(x), relu(-x)", 2, segments.pieces(theory.layers(made)[:1], [-3.0], [3.0])),
        Figure("in it, a straight line parts them", True, _separable(folded, inside)),
        Figure("random pairs of ReLU units, of 20, whose image it parts", None, sum(random)),
    ]


def _separable(points: np.ndarray, inside: np.ndarray) -> bool:
    """Whether a straight line has the marked points strictly on one side: feasibility of a linear program."""
    signs = np.where(inside, 1.0, -1.0)
    rows = -signs[:, None] * np.column_stack([points, np.ones(len(points))])
    found = optimize.linprog(
        np.zeros(3), A_ub=rows, b_ub=-np.ones(len(points)), bounds=[(None, None)] * 3, method="highs"
    )
    return found.status == 0


def splits() -> list[Figure]:
    """One half-space of n units, seen along a line of inputs: ReLU units let it split the line n + 1 times over."""
    found = {n: _parts(_zigzag(n)) for n in (1, 2, 4, 8, 16, 32)}
    linear, random = [], []
    for seed in range(10):
        net = started("mlp(depth=1,width=32)", "linear", BIASED, 1, 1, seed)
        linear.append(
            len(
                np.flatnonzero(
                    np.diff(np.sign(np.asarray(net.output(np.linspace(-50, 50, 2001)[:, None]).logits)[:, 0]))
                )
            )
            + 1
        )
        random.append(_parts(theory.layers(started("mlp(depth=1,width=32)", "relu", BIASED, 1, 1, seed).params)))
    return [
        Figure(
            "parts of the line by 1, 2, 4, 8, 16, 32 ReLU units and one half-space: n + 1",
            [n + 1 for n in found],
            list(found.values()),
        ),
        Figure("most parts by a half-space of 32 linear units, ten networks", 2, max(linear)),
        Figure("parts by random networks of 32 ReLU units", None, sorted(random)),
    ]


def _zigzag(n: int) -> list[Layer]:
    """Units relu(x - k), k < n, and an answer that crosses zero once in every piece to their right."""
    slopes = 2.0 * (-1.0) ** np.arange(n)
    hinges = np.diff(np.append(0.0, slopes))
    net = started(f"mlp(depth=1,width={n})", "relu", "zeros", 1, 1)
    params = theory.params(
        [Layer(np.ones((1, n)), -np.arange(n, dtype=float))], Layer(hinges[:, None], np.array([-1.0]))
    )
    assert jax.tree.structure(params) == jax.tree.structure(dict(net.params))
    points = np.arange(n + 1.0)[:, None]
    answers = np.asarray(net.output(points, params).logits)[:, 0]
    assert np.array_equal(answers, np.where(np.arange(n + 1) % 2, 1.0, -1.0)), answers  # the built model agrees
    return theory.layers(params)


def _parts(network: list[Layer], low: float = -50.0, high: float = 50.0) -> int:
    """Parts into which the sign of the answer divides the inputs from low to high."""
    *hidden, readout = network
    t = np.concatenate([[0.0], segments.breakpoints(hidden, [low], [high]), [1.0]])
    answer = theory.hidden(hidden, (low + t * (high - low))[:, None]) @ readout.kernel + readout.bias
    signs = np.sign(answer[:, 0])
    return int(np.count_nonzero(np.diff(signs[signs != 0]))) + 1


def counts() -> list[Figure]:
    """Montufar et al. 2014: depth multiplies the most regions possible. What networks have is another matter."""
    made = [regions.count(theory.folding(2, [8] * depth), (0, 0), (1, 1)) for depth in range(1, 5)]
    line = [segments.pieces(theory.folding(1, [2] * depth), [0.0], [1.0]) for depth in range(1, 13)]
    random = {depth: [_random(depth, 8, seed) for seed in range(5)] for depth in range(1, 5)}
    wide = [_random(1, 32, seed) for seed in range(5)]
    learnt = trained(
        "spiral(noise=0.2)",
        "mlp(depth=4,width=8)",
        activation="relu",
        init=BIASED,
        optimizer="momentum",
        lr=0.05,
        epochs=60,
        batch_size=50,
    )
    after = regions.count(theory.layers(learnt.params)[:-1], (-2, -2), (2, 2))
    bound = bounds.montufar(2, [8] * 4)
    mistake = "the bound is on the most that some weights give, not on what a network has"
    return [
        Figure(
            "lower bound on the most regions, 2 inputs, 1 to 5 layers of 8",
            [37, 592, 9_472, 151_552, 2_424_832],
            [bounds.montufar(2, [8] * depth) for depth in range(1, 6)],
        ),
        Figure(
            "most regions of one layer of 8 to 40 units",
            [37, 137, 301, 529, 821],
            [bounds.shallow(2, 8 * depth) for depth in range(1, 6)],
        ),
        Figure("regions of the constructed networks of 1 to 4 layers of 8, counted", [37, 592, 9_472, 151_552], made),
        Figure(
            "pieces of a line by 1 to 12 layers of 2 that fold, 2^(L - 1) 3",
            [3 * 2 ** (depth - 1) for depth in range(1, 13)],
            line,
        ),
        Figure(
            "linear in width: pieces of a line by one layer of 8, 16, 32 units",
            [9, 17, 33],
            [segments.pieces(theory.folding(1, [n]), [0.0], [1.0]) for n in (8, 16, 32)],
        ),
        Figure(
            "no random layer of 8 or 32 units has more regions than an arrangement of lines",
            True,
            max(random[1]) <= bounds.shallow(2, 8) and max(wide) <= bounds.shallow(2, 32),
        ),
        Figure(
            "if regions grew exponentially with depth: a random network of 4 layers of 8, most of five",
            bound,
            max(random[4]),
            by_the_source=bound,
            mistake=mistake,
        ),
        Figure("the same, trained on the spiral", bound, after, by_the_source=bound, mistake=mistake),
        Figure(
            "random networks of 1 to 4 layers of 8, mean of five",
            None,
            [float(np.mean(random[depth])) for depth in random],
        ),
        Figure("one random layer of 32, mean of five", None, float(np.mean(wide))),
    ]


def _random(depth: int, width: int, seed: int) -> int:
    net = started(f"mlp(depth={depth},width={width})", "relu", BIASED, 2, 2, seed)
    return regions.count(theory.layers(net.params)[:-1], (-2, -2), (2, 2))


ROWS = {"B3": deep_linear, "B5": fold, "B6": splits, "B8": counts}
