"""Gradients on their way down: products of Jacobians, their size by depth and activation, and what they cost."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from assay.claims.exact import Figure
from assay.theory import mean_field
from experiments.exact.networks import factor, function, signals, started, trained

NEW = {"relu": "he_normal", "leaky_relu(alpha=0.01)": "he_normal", "elu": "he_normal", "selu": "lecun_normal"}
OLD = {"sigmoid": "glorot_normal", "tanh": "glorot_normal", "softsign": "glorot_normal"}


def with_depth() -> list[Figure]:
    """The factor on a gradient's second moment per layer is chi_1 (Schoenholz et al. 2017)."""
    figures, last = [], {}
    for sigma_w2, cited in ((1.0, 0.759), (1.76, 1.0), (4.0, 1.342)):
        found = signals(30, 300, "tanh", f"meanfield(sigma_w2={sigma_w2:g},sigma_b2=0.05)")
        last[sigma_w2] = math.sqrt(float(np.exp(np.mean(np.log(found.gradient[:, 0] / found.gradient[:, 29])))))
        figures.append(
            Figure(
                f"factor per layer, tanh, sigma_w2 = {sigma_w2:g}, sigma_b2 = 0.05",
                cited,
                1 / factor(found.gradient, 8, 29),
                0.03,
            )
        )
    for init, cited in (("glorot_normal", 0.5), ("he_normal", 1.0)):
        found = signals(30, 300, "relu", init)
        figures.append(Figure(f"factor per layer, ReLU, {init}", cited, 1 / factor(found.gradient, 0, 29), 0.03))
    return [
        *figures,
        Figure("ordered: after 29 layers the gradient has shrunk below 5 %", True, last[1.0] < 0.05),
        Figure("chaotic: it has grown more than 20 times", True, last[4.0] > 20),
        Figure(
            "gradient in the first over that in the last of 30 layers, sigma_w2 = 1, 1.76, 4", None, list(last.values())
        ),
    ]


def jacobians() -> list[Figure]:
    """A network's Jacobian is the product of its layers'; the singular values of random products are known."""
    depth, width = 4, 256
    tanh = started("mlp(depth=3,width=20)", "tanh", "meanfield(sigma_w2=2,sigma_b2=0.05)", 20, 20)
    x = np.random.default_rng(0).normal(size=20)
    output = tanh.output(x[None])
    product = np.eye(20)
    for layer in range(4):
        product = product @ np.asarray(tanh.params[f"Dense_{layer}"]["kernel"], float)
        if layer < 3:
            product = product * (1 - np.asarray(output.activations[f"{layer:04d}.Activate_{layer}"], float)[0] ** 2)
    jacobian = np.asarray(jax.jacobian(lambda x: tanh.output(x[None]).logits[0])(jnp.asarray(x, jnp.float32))).T
    gaussian = [_values(_product("lecun_normal", depth, width, seed)) for seed in range(3)]
    orthogonal = _values(_product("orthogonal", depth, width, 0))
    second = float(np.mean([np.mean(s**2) for s in gaussian]))
    fourth = float(np.mean([np.mean(s**4) for s in gaussian]))
    largest = float(np.mean([s[0] ** 2 for s in gaussian]))
    edge = (depth + 1) ** (depth + 1) / depth**depth
    return [
        Figure(
            "largest difference of the network's Jacobian from the product of W diag(f')",
            0,
            float(np.abs(jacobian - product).max()),
            1e-5,
        ),
        Figure("mean squared singular value of four Gaussian layers of 256, variance 1 / n", 1, second, 0.05),
        Figure("mean fourth power: L + 1 (the free product of L Marchenko-Pastur laws)", depth + 1, fourth, 0.3),
        # The edge of a finite matrix lies inside the limit's, by the order of n^(-2/3).
        Figure("largest squared: (L + 1)^(L + 1) / L^L", edge, largest, 0.1 * edge),
        Figure(
            "least and largest singular value of four orthogonal layers",
            [1, 1],
            [float(orthogonal[-1]), float(orthogonal[0])],
            1e-4,
        ),
        Figure("least singular value of the Gaussian product", None, float(np.mean([s[-1] for s in gaussian]))),
    ]


def _product(init: str, depth: int, width: int, seed: int) -> np.ndarray:
    net = started(f"mlp(depth={depth - 1},width={width})", "linear", init, width, width, seed)
    return np.linalg.multi_dot([np.asarray(net.params[f"Dense_{layer}"]["kernel"], float) for layer in range(depth)])


def _values(matrix: np.ndarray) -> np.ndarray:
    return np.linalg.svd(matrix, compute_uv=False)


def backpropagation() -> list[Figure]:
    """All gradients cost O(L) matrix products if layers share them, O(L^2) if each starts from scratch."""
    net = started("mlp(depth=3,width=8)", "tanh", "glorot_normal", 5, 3)
    random = np.random.default_rng(0)
    x, target = random.normal(size=(7, 5)), random.normal(size=(7, 3))
    by_jax = jax.grad(
        lambda p: jnp.mean(jnp.sum(jnp.square(net.output(x, p).logits - jnp.asarray(target, jnp.float32)), 1))
    )(net.params)
    by_hand = _backward(net.params, x, target)
    gap = max(np.abs(by_hand[name][part] - by_jax[name][part]).max() for name in by_hand for part in by_hand[name])
    shared, naive, depths = {}, {}, (4, 8, 16)
    for depth in depths:
        shared[depth], naive[depth] = _products(depth)
    return [
        Figure("largest difference of gradients written by hand from jax.grad", 0, float(gap), 1e-5),
        Figure(
            "matrix products for all gradients, 4, 8, 16 layers: 3 L - 1",
            [3 * n - 1 for n in depths],
            list(shared.values()),
        ),
        Figure(
            "layer by layer from scratch: L^2 + L (L + 1) / 2",
            [n * n + n * (n + 1) // 2 for n in depths],
            list(naive.values()),
        ),
        Figure("times as many at 16 layers", None, naive[16] / shared[16]),
    ]


def _backward(params, x: np.ndarray, target: np.ndarray) -> dict[str, dict[str, np.ndarray]]:
    """Backpropagation in NumPy: from the last layer down, each gradient from the one above it."""
    layers = [
        (np.asarray(params[f"Dense_{i}"]["kernel"], float), np.asarray(params[f"Dense_{i}"]["bias"], float))
        for i in range(4)
    ]
    inputs = [x]
    for kernel, bias in layers[:-1]:
        inputs.append(np.tanh(inputs[-1] @ kernel + bias))
    delta = 2 * (inputs[-1] @ layers[-1][0] + layers[-1][1] - target) / len(x)
    found = {}
    for i in reversed(range(4)):
        found[f"Dense_{i}"] = {"kernel": inputs[i].T @ delta, "bias": delta.sum(axis=0)}
        delta = (delta @ layers[i][0].T) * (1 - inputs[i] ** 2)
    return found


def _products(layers: int) -> tuple[int, int]:
    """Matrix products in the programs for all kernels' gradients at once, and for each kernel's alone, summed."""
    net = started(f"mlp(depth={layers - 1},width=4)", "tanh", "glorot_normal", 4, 4)
    x = jnp.ones((2, 4))

    def loss(kernels):
        params = {name: {**of, "kernel": kernels.get(name, of["kernel"])} for name, of in net.params.items()}
        return jnp.sum(jnp.square(net.output(x, params).logits))

    kernels = {name: of["kernel"] for name, of in net.params.items()}
    alone = sum(_dots(loss, {name: kernel}) for name, kernel in kernels.items())
    return _dots(loss, kernels), alone


def _dots(loss, kernels) -> int:
    return sum(equation.primitive.name == "dot_general" for equation in jax.make_jaxpr(jax.grad(loss))(kernels).eqns)


def by_the_input() -> list[Figure]:
    """The same graph gives the gradient by the input; it leads to an input that the network takes for any digit."""
    net = trained("digits", "mlp(depth=2,width=32)", activation="tanh", init="glorot_uniform", epochs=20)
    score = lambda x, digit: jax.nn.log_softmax(net.output(x[None]).logits[0])[digit]
    x = jnp.asarray(np.random.default_rng(0).normal(size=(8, 8, 1)), jnp.float32)
    gradient = np.asarray(jax.grad(score)(x, 3))
    direction = np.random.default_rng(1).normal(size=(8, 8, 1)).astype(np.float32)
    numeric = float(score(x + 1e-2 * direction, 3) - score(x - 1e-2 * direction, 3)) / 2e-2
    answers = []
    climb = jax.jit(lambda x, digit: jax.lax.fori_loop(0, 1000, lambda _, x: x + 0.1 * jax.grad(score)(x, digit), x))
    for digit in range(10):
        answers.append(jax.nn.softmax(net.output(climb(jnp.zeros((8, 8, 1)), digit)[None]).logits[0]))
    weights = {part: np.array(leaf) for part, leaf in net.params["Dense_0"].items()}
    return [
        Figure(
            "largest relative difference of a directional derivative from central differences",
            0,
            float(np.sum(gradient * direction)) / numeric - 1,
            1e-2,
        ),
        Figure(
            "digits for which the network takes the mean image after 1,000 steps towards 0, 1, ..., 9",
            list(range(10)),
            [int(p.argmax()) for p in answers],
        ),
        Figure("with which probability", None, [round(float(p.max()), 3) for p in answers]),
        Figure(
            "weights are left as they were",
            True,
            all(np.array_equal(leaf, net.params["Dense_0"][part]) for part, leaf in weights.items()),
        ),
    ]


def by_activation() -> list[Figure]:
    """Powers of ten by which a layer changes the standard deviation of gradients, at initialisation, against theory."""
    depth, width, worst = 16, 256, 0.0
    slopes: dict[tuple[str, str], float] = {}
    for activation, init in [*OLD.items(), *NEW.items(), *((name, "glorot_normal") for name in NEW)]:
        found = signals(depth, width, activation, init)
        slopes[activation, init] = -0.5 * math.log10(factor(found.gradient, 0, depth - 1))
        worst = max(
            worst, abs(slopes[activation, init] - _theory(activation, 2.0 if init == "he_normal" else 1.0, depth))
        )
    old, new = ({name: abs(slopes[name, init]) for name, init in of.items()} for of in (OLD, NEW))
    return [
        Figure("largest difference of a measured slope from mean-field theory, 11 cases", 0, worst, 0.01),
        Figure(
            "each with its initialisation: ReLU, leaky ReLU, ELU and SELU change a gradient less than sigmoid",
            True,
            max(new.values()) < old["sigmoid"],
        ),
        Figure("and less than tanh", True, max(new.values()) < old["tanh"]),
        Figure(
            "with the same weights, of variance 1 / n, less than tanh",
            None,
            [abs(slopes[name, "glorot_normal"]) < old["tanh"] for name in NEW],
        ),
        *(Figure(f"slope, {name}, {init}", None, slope) for (name, init), slope in slopes.items()),
    ]


def _theory(activation: str, sigma_w2: float, depth: int) -> float:
    """The slope that the recursion of the variance q gives without biases, from inputs of variance 1."""
    fn, q, logs = function(activation), sigma_w2, []
    for _ in range(depth - 1):
        logs.append(math.log10(sigma_w2 * mean_field.slope_square(fn, q)))
        q = sigma_w2 * mean_field.square(fn, q)
    return 0.5 * sum(logs) / len(logs)


ROWS = {"B20": with_depth, "B21": jacobians, "B22": backpropagation, "B23": by_the_input, "C9": by_activation}
