"""Model: two pure functions. The adapter below is the one place that knows flax's mutable collections."""

from collections.abc import Callable, Mapping
import inspect
from typing import Any, NamedTuple

from flax import linen as nn
import jax
import jax.numpy as jnp

from assay.models.kit import Activate

Params = Mapping[str, Any]
State = Mapping[str, Any]


class Output(NamedTuple):
    """What a model returns.

    Attributes:
      logits: `[B, outputs]`, float32.
      linear: outputs of the dense and convolution layers by "NNN.path" (NNN counts in forward order).
      preactivations, activations: what goes into and comes out of each nonlinearity, likewise named.
    """

    logits: jax.Array
    linear: dict[str, jax.Array]
    preactivations: dict[str, jax.Array]
    activations: dict[str, jax.Array]


class Model(NamedTuple):
    """A network as two pure functions, as optax's transformation is.

    Attributes:
      init: `(key, x) -> (params, state)`; x `[B, ...]` is one batch, used for its shape.
      apply: `(params, state, x, *, key, train, offsets) -> (Output, state)`; `offsets` (default none) are added to
        the pre-activations of the same names, so that the gradient by them is the back-propagated signal.
    """

    init: Callable[..., tuple[Params, State]]
    apply: Callable[..., tuple[Output, State]]


def from_linen(module: nn.Module) -> Model:
    """Makes a Model of any linen module whose `__call__` takes `x` and optionally `train`."""
    takes_train = "train" in inspect.signature(module.__call__).parameters

    def call(variables, x, *, key, train, offsets, mutable):
        records = {"linear": {}, "preactivations": {}, "activations": {}}

        def observe(call_next, args, kwargs, context):
            kind = _kind(context)
            if kind is None:
                return call_next(*args, **kwargs)
            kept = records["activations" if kind == "activation" else "linear"]
            name = f"{len(kept):03d}.{'/'.join(context.module.path)}"
            if kind == "activation":
                if name in offsets:
                    args = (args[0] + offsets[name], *args[1:])
                records["preactivations"][name] = args[0]
            kept[name] = out = call_next(*args, **kwargs)
            return out

        kwargs = {"train": train} if takes_train else {}
        rngs = None if key is None else {"dropout": key}
        with nn.intercept_methods(observe):
            logits, new_state = module.apply(variables, x, rngs=rngs, mutable=mutable, **kwargs)
        return Output(logits.astype(jnp.float32), **records), new_state

    def init(key, x):
        kwargs = {"train": False} if takes_train else {}
        variables = dict(module.init({"params": key}, x, **kwargs))
        return variables.pop("params"), variables

    def apply(params, state, x, *, key, train, offsets={}):
        variables = {"params": params, **state}
        mutable = list(state) if train else []
        output, new_state = call(variables, x, key=key, train=train, offsets=offsets, mutable=mutable)
        return output, new_state if train else state

    return Model(init, apply)


def _kind(context: nn.module.InterceptorContext) -> str | None:
    if context.method_name != "__call__":
        return None
    if isinstance(context.module, Activate):
        return "activation"
    return "linear" if isinstance(context.module, (nn.Dense, nn.Conv)) else None
