"""Restricted Boltzmann machines, one or in a stack: the deep belief network."""

from collections.abc import Mapping, Sequence
from typing import Any

from flax import linen as nn
import jax
import jax.numpy as jnp

from assay.models import boltzmann
from assay.models.dropout import check_rate, dropout
from assay.models.kit import Kit
from assay.models.boltzmann import RBM


class Layer(nn.Module):
    """The weights of one machine, run upwards: `[B, V]` -> `[B, hidden]`."""

    kit: Kit
    hidden: int

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        self.param("bias", self.kit.initializer.bias, x.shape[-1:], jnp.float32)  # of the visible units
        return self.kit.normalise_act(self.kit.dense(self.hidden)(x), train)


class DBN(nn.Module):
    """Deep belief network (Hinton, Osindero & Teh 2006): 784-500-500-2000 with 10 label units by default.

    Its forward pass is that of a multilayer perceptron with sigmoid units: each layer's probabilities given those
    below. `layers` and `joint` read the machines out of its parameters; what trains or samples them needs sigmoid
    units without normalisation, in float32.

    Attributes:
      outputs: number of label units beside the last but one layer, whose weights are the readout's, transposed;
        or the shape of an example: no label units, and the output is the reconstruction's logits, down the stack.
      widths: hidden units of each machine, from the bottom.
      dropout: share of each layer's units left out where the whole network trains by back-propagation.
    """

    kit: Kit
    outputs: int | Sequence[int]
    widths: tuple = (500, 500, 2000)
    dropout: float = 0.0

    def __post_init__(self):
        if not self.widths or not all(type(width) is int and width >= 1 for width in self.widths):
            raise ValueError(
                f"widths must hold the sizes of one hidden layer or more, as in (500,500), not {self.widths!r}"
            )
        check_rate(self.dropout)
        super().__post_init__()

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        x = x.reshape(x.shape[0], -1)  # [B, V]
        for i, width in enumerate(self.widths):
            x = dropout(Layer(self.kit, width, name=layer_name(i))(x, train), self.dropout, train)
        if isinstance(self.outputs, int):
            return self.kit.readout(self.outputs)(x)
        return reconstruction(layers(self.variables["params"]), x).reshape(-1, *self.outputs)


def rbm(kit: Kit, outputs: int | Sequence[int], hidden: int = 500) -> DBN:
    """One restricted Boltzmann machine."""
    return DBN(kit, outputs, (hidden,))


def layer_name(i: int) -> str:
    """Where the parameters of a DBN hold its i-th machine, from the bottom."""
    return f"Layer_{i}"


READOUT = "Dense_0"  # where they hold the label units


def layers(params: Mapping[str, Any]) -> tuple[RBM, ...]:
    """The machines in the parameters of a DBN, from the bottom, without label units."""
    found = [params[layer_name(i)] for i in range(sum(name.startswith("Layer_") for name in params))]
    return tuple(RBM(layer["Dense_0"]["kernel"], layer["bias"], layer["Dense_0"]["bias"]) for layer in found)


def joint(params: Mapping[str, Any]) -> RBM:
    """The top machine in the parameters of a DBN, with its label units behind the visible ones."""
    return boltzmann.with_labels(layers(params)[-1], params[READOUT]["kernel"], params[READOUT]["bias"])


def reconstruction(stack: Sequence[RBM], h: jax.Array) -> jax.Array:
    """Down through a stack by probabilities: hidden units of the top `[B, H]` to logits of the bottom `[B, V]`."""
    for machine in reversed(stack[1:]):
        h = jax.nn.sigmoid(boltzmann.down(machine, h))
    return boltzmann.down(stack[0], h)


def downwards(weights: Sequence[tuple[jax.Array, jax.Array]], v: jax.Array, key: jax.Array) -> jax.Array:
    """One pass down that draws all hidden units: probabilities of the top machine's visible units to those of pixels.

    Args:
      weights: (`[H, V]`, `[V]`) of each layer below the top machine, from the bottom.
      v: `[B, H]` of the last of them.
    """
    for i, (kernel, bias) in enumerate(reversed(weights)):
        v = jax.nn.sigmoid(boltzmann.drawn(jax.random.fold_in(key, i), v) @ kernel + bias[None])
    return v
