"""Model: two pure functions. The adapter below is the one place that knows flax's mutable collections."""

from collections.abc import Callable, Mapping, Sequence
import inspect
from typing import Any, NamedTuple

from flax import linen as nn
import jax
from jax.extend import core
import jax.numpy as jnp

from assay.models.kit import Activate, ConvTranspose
from assay.models.local import ConvLocal

LINEAR = (nn.Dense, nn.Conv, nn.ConvLocal, ConvLocal, ConvTranspose)  # modules with a kernel that an initialiser makes

Params = Mapping[str, Any]
State = Mapping[str, Any]


class Output(NamedTuple):
    """What a model returns.

    Attributes:
      logits: the readout, float32: `[B, outputs]`, or an image or map `[B, H, W, outputs]`.
      linear: outputs of the dense and convolution layers by "NNNN.path" (NNNN counts in forward order).
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
      apply: `(params, state, x, *, key, train, offsets, method) -> (Output, state)`; `offsets` (default none) are
        added to the pre-activations of the same names, so that the gradient by them is the back-propagated signal;
        `method` (default the whole network) names a part that runs alone, such as an autoencoder's "encode".
    """

    init: Callable[..., tuple[Params, State]]
    apply: Callable[..., tuple[Output, State]]


def path(name: str) -> tuple[str, ...]:
    """Where params hold what belongs to a name of an Output: "0002.Block_0/Dense_1" -> ("Block_0", "Dense_1")."""
    _, _, rest = name.partition(".")
    return tuple(rest.split("/")) if rest else ()


def from_linen(module: nn.Module, shape: Sequence[int | None]) -> Model:
    """Makes a Model of any linen module whose `__call__` takes `x` and optionally `train`.

    Layers inside flax's lifted transformations (`nn.remat`, `nn.scan`, ...) run, but an Output does not name them.

    Args:
      shape: of an example's logits; None for a size that is free.

    Raises:
      ValueError: `__call__` needs other arguments; at init and apply, logits of another shape.
    """
    kind_of_module = type(module).__name__
    takes_train = {None: _takes_train(module)}

    def checked(logits, x):
        found = getattr(logits, "shape", None)
        fits = found is not None and len(found) == 1 + len(shape) and found[0] == x.shape[0]
        if not fits or any(want not in (None, have) for want, have in zip(shape, found[1:])):
            wanted = ", ".join("any" if size is None else str(size) for size in (x.shape[0], *shape))
            found = type(logits).__name__ if found is None else found
            raise ValueError(f"{kind_of_module} must return logits of shape ({wanted}), not {found}")
        return logits.astype(jnp.float32)

    def call(variables, x, *, key, train, offsets, mutable, method):
        if method not in takes_train:
            takes_train[method] = "train" in inspect.signature(getattr(module, method)).parameters
        records = {"linear": {}, "preactivations": {}, "activations": {}}
        outside = core.get_opaque_trace_state(convention="flax")

        def observe(call_next, args, kwargs, context):
            kind = _kind(context)
            # Values of an inner trace (nn.remat, nn.scan) must not leave it.
            if kind is None or core.get_opaque_trace_state(convention="flax") != outside:
                return call_next(*args, **kwargs)
            kept = records["activations" if kind == "activation" else "linear"]
            name = f"{len(kept):04d}.{'/'.join(context.module.path)}"
            if kind == "activation":
                if name in offsets:
                    args = (args[0] + offsets[name], *args[1:])
                records["preactivations"][name] = args[0]
            kept[name] = out = call_next(*args, **kwargs)
            return out

        kwargs = {"train": train} if takes_train[method] else {}
        rngs = None if key is None else {"dropout": key}
        with nn.intercept_methods(observe):
            logits, new_state = module.apply(variables, x, rngs=rngs, mutable=mutable, method=method, **kwargs)
        logits = checked(logits, x) if method is None else logits.astype(jnp.float32)
        return Output(logits, **records), new_state

    def init(key, x):
        kwargs = {"train": False} if takes_train[None] else {}
        logits, variables = module.init_with_output({"params": key}, x, **kwargs)
        checked(logits, x)
        state = dict(variables)
        return state.pop("params", {}), state

    def apply(params, state, x, *, key, train, offsets={}, method=None):
        variables = {"params": params, **state}
        mutable = list(state) if train else []
        output, new_state = call(
            variables, x, key=key, train=train, offsets=offsets, mutable=mutable, method=method
        )
        return output, new_state if train else state

    return Model(init, apply)


def _takes_train(module: nn.Module) -> bool:
    parameters = inspect.signature(module.__call__).parameters
    takes_train = "train" in parameters
    try:
        inspect.Signature(parameters.values()).bind(None, **({"train": True} if takes_train else {}))
    except TypeError:
        name, wanted = type(module).__name__, "(self, x) or (self, x, train)"
        raise ValueError(f"{name}.__call__ must take {wanted}, not (self, {', '.join(parameters)})") from None
    return takes_train


def _kind(context: nn.module.InterceptorContext) -> str | None:
    if context.method_name != "__call__":
        return None
    if isinstance(context.module, Activate):
        return "activation"
    return "linear" if isinstance(context.module, LINEAR) else None
