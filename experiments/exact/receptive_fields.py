"""Receptive fields: by the recurrence, and measured as the inputs that an output's gradient reaches."""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from assay import models, ops
from assay.claims.exact import Figure

Layers = Sequence[tuple[int, int]]  # (kernel, stride) of each


def by_recurrence(layers: Layers) -> int:
    """Inputs that one output of the last layer sees: r + (k - 1) * (product of earlier strides), from r = 1."""
    field, jump = 1, 1
    for kernel, stride in layers:
        field, jump = field + (kernel - 1) * jump, jump * stride
    return field


def measured(layers: Layers, pixels: int = 64) -> int:
    """The same by the gradient of the middle output of 1-D convolutions of ones."""

    def middle(line):
        x = line[None, None, :, None]
        for kernel, stride in layers:
            x = ops.conv(x, jnp.ones((1, kernel, 1, 1)), strides=(1, stride), padding="VALID")
        return x[0, 0, x.shape[2] // 2, 0]

    return int(np.count_nonzero(jax.grad(middle)(jnp.ones(pixels))))


def hierarchy() -> list[Figure]:
    """The deck's trees: three layers of windows of 2, with stride 1 and with stride 2; and wider ones."""
    nets = [[(2, 1)] * 3, [(2, 2)] * 3, [(3, 1)] * 4, [(3, 2), (3, 1), (5, 2)]]
    grows = [[measured(net[: n + 1]) for n in range(len(net))] for net in nets]
    return [
        Figure("later layers have larger receptive fields", True, all(np.all(np.diff(g) > 0) for g in grows)),
        Figure("three windows of 2, stride 1", 4, measured(nets[0])),
        Figure("three windows of 2, stride 2: a binary tree", 8, measured(nets[1])),
        Figure("nets where recurrence and gradient differ", 0, sum(by_recurrence(n) != measured(n) for n in nets)),
    ]


def share_of_inputs(depth: int, pixels: int = 28) -> float:
    """Share of the pixels that the gradient of one unit before the readout reaches, through `depth` 5x5 convolutions."""
    x = jnp.asarray(np.random.default_rng(0).normal(size=(1, pixels, pixels, 1)), jnp.float32)

    def unit(x):
        for layer in range(depth):
            x = jnp.tanh(ops.conv(x, jax.random.normal(jax.random.key(layer), (5, 5, 1, 1)) / 5))
        return x[0, pixels // 2, pixels // 2, 0]

    return float(np.mean(np.asarray(jax.grad(unit)(x)) != 0))


def growth_with_depth() -> list[Figure]:
    shares = [share_of_inputs(depth) for depth in (1, 2, 4, 7)]
    lenet = models.build("lenet", activation="tanh", init="glorot_uniform", norm="none", outputs=10)
    x = jnp.asarray(np.random.default_rng(0).normal(size=(1, 28, 28, 1)), jnp.float32)
    params, state = lenet.init(jax.random.key(0), x)
    answer = lambda x: lenet.apply(params, state, x, key=None, train=False)[0].logits[0, 0]
    seen = float(np.mean(np.asarray(jax.grad(answer)(x)) != 0))
    return [
        Figure("the share of the inputs that a unit sees grows with every further layer", True, bool(np.all(np.diff(shares) > 0))),
        Figure("shares after 1, 2, 4, 7 convolutions of 5x5 on 28x28", None, [round(share, 3) for share in shares]),
        Figure("(almost) all inputs: more than 95 % after 7", True, shares[-1] > 0.95),
        Figure("share that an output of LeNet sees", 1.0, seen),
    ]  # fmt: skip


ROWS = {"A17": hierarchy, "A18": growth_with_depth}
