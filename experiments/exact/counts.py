"""Counts of units, weights and operations, taken from the built networks."""

import jax
import jax.numpy as jnp

from assay import models, ops
from assay.claims.exact import Figure

IMAGE = jax.ShapeDtypeStruct((1, 28, 28, 1), jnp.float32)


def parameters(model: str, x: jax.ShapeDtypeStruct = IMAGE, outputs: int = 10) -> dict[str, int]:
    """Learnt numbers of a model's kernels and biases, and of its first kernel; nothing is allocated."""
    built = models.build(model, activation="relu", init="he_normal", norm="none", outputs=outputs)
    params, _ = jax.eval_shape(built.init, jax.random.key(0), x)
    leaves = jax.tree_util.tree_leaves_with_path(params)
    kernels = [leaf.size for path, leaf in leaves if path[-1].key == "kernel"]
    return {"first": kernels[0], "weights": sum(kernels), "all": sum(leaf.size for _, leaf in leaves)}


def units(model: str, x: jax.ShapeDtypeStruct = IMAGE, outputs: int = 10) -> int:
    """Inputs and outputs of all linear layers of a chain of dense layers: its neurons, inputs included."""
    built = models.build(model, activation="relu", init="he_normal", norm="none", outputs=outputs)

    def layers(key, x):
        params, state = built.init(key, x)
        return built.apply(params, state, x, key=None, train=False)[0].linear

    found = jax.eval_shape(layers, jax.random.key(0), x)
    return x.size + sum(layer.size for layer in found.values())


def fully_connected() -> list[Figure]:
    count = parameters("mlp(depth=1,width=100)")
    return [
        Figure("neurons of 784-100-10", 894, units("mlp(depth=1,width=100)")),
        Figure("connections", 79_400, count["weights"]),
        Figure(
            "learnt numbers",
            79_400,
            count["all"],
            by_the_source=count["weights"],
            mistake="the 110 biases are left out",
        ),
    ]


def all_to_all() -> list[Figure]:
    return [Figure("weights from 784 inputs to 100 neurons", 78_400, parameters("mlp(depth=1,width=100)")["first"])]


def _map(kernel: int = 5, strides: int = 1, size: int = 28, channels: int = 1) -> tuple[int, ...]:
    x, w = jnp.zeros((1, size, size, 1)), jnp.zeros((kernel, kernel, 1, channels))
    return ops.conv(x, w, strides=strides, padding="VALID").shape[1:]


def one_map() -> list[Figure]:
    height, width, _ = _map()
    hidden = 100
    return [
        Figure("size of a map of 5x5 receptive fields on 28x28", (24, 24), (height, width)),
        Figure("its neurons", 576, height * width),
        Figure(
            "neurons of the fully connected layer that they stand for",
            78_400,
            hidden,
            by_the_source=parameters(f"mlp(depth=1,width={hidden})")["first"],
            mistake="that is its number of weights",
        ),
    ]


def weight_sharing() -> list[Figure]:
    height, width, maps = _map(channels=3)
    shared = maps * (5 * 5 + 1)
    dense = parameters("mlp(depth=1,width=100)")["first"]
    return [
        Figure("neurons of three maps", 1_728, height * width * maps),
        Figure(
            "weights of three maps", 1_728, shared, by_the_source=height * width * maps, mistake="those are neurons"
        ),
        Figure(
            "fold fewer weights than the 78,400",
            45,
            round(dense / shared),
            by_the_source=round(dense / (height * width * maps)),
            mistake="neurons are taken for weights",
        ),
    ]


def strides() -> list[Figure]:
    positions = [_map(strides=stride)[0] ** 2 for stride in (1, 2, 3, 4)]
    falls = all(later < earlier for earlier, later in zip(positions, positions[1:]))
    return [
        Figure("fewer neurons with every stride from 1 to 4", True, falls),
        Figure("fewer connections (25 a neuron)", True, falls),
        Figure("neurons at strides 1, 2, 3, 4", None, positions),
    ]


def edge_detector() -> list[Figure]:
    """A 1x2 kernel on 320x280: two products and a sum for every output; against a matrix from inputs to outputs."""
    image, kernel = jax.ShapeDtypeStruct((1, 280, 320, 1), jnp.float32), jax.ShapeDtypeStruct((1, 2, 1, 1), jnp.float32)
    conv = lambda x, w: ops.conv(x, w, padding="VALID")
    _, height, width, _ = jax.eval_shape(conv, image, kernel).shape
    outputs, inputs = height * width, 280 * 320
    flat, matrix = jax.ShapeDtypeStruct((inputs,), jnp.float32), jax.ShapeDtypeStruct((outputs, inputs), jnp.float32)
    by_xla = [
        jax.jit(function).lower(*shapes).cost_analysis()["flops"]
        for function, shapes in ((conv, (image, kernel)), (lambda w, x: w @ x, (matrix, flat)))
    ]
    typo = 297_960  # the deck's product of 319, 280 and 3
    return [
        Figure("entries of the matrix of a fully connected layer", 8_003_072_000, inputs * outputs),
        Figure(
            "operations of the convolution, 319 x 280 x 3",
            typo,
            outputs * 3,
            mistake="a digit is misread: 267,960 became 297,960",
        ),
        Figure(
            "fold fewer operations",
            26_860,
            round(inputs * outputs / (outputs * 3)),
            by_the_source=round(inputs * outputs / typo),
            mistake="the misread digit carried on",
        ),
        Figure("XLA's count for the convolution (two products, two sums an output)", None, int(by_xla[0])),
        Figure("XLA's count for the matrix (a product and a sum an entry)", None, int(by_xla[1])),
    ]


def strided_cnn() -> list[Figure]:
    colour = jax.ShapeDtypeStruct((1, 32, 32, 3), jnp.float32)
    return [
        Figure("learnt numbers on 28x28x1", 23_882, parameters("strided_cnn")["all"]),
        Figure("learnt numbers on 32x32x3", 27_754, parameters("strided_cnn", colour)["all"]),
    ]


ROWS = {
    "A1": fully_connected,
    "A2": all_to_all,
    "A3": one_map,
    "A4": weight_sharing,
    "A6": strides,
    "A7": edge_detector,
    "A25": strided_cnn,
}
