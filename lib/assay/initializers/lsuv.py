"""Layer-sequential unit variance: an initialisation that looks at one batch."""

from collections.abc import Callable
import math
from typing import Any

import jax
import jax.numpy as jnp

from assay.initializers.initializer import Initializer
from assay.initializers.orthogonal import orthogonal

Path = tuple[str, ...]
PreActivations = Callable[[Any], list[tuple[Path, jax.Array]]]


def lsuv(tol: float = 0.1, iterations: int = 10) -> Initializer:
    """Orthogonal kernels, each then divided by its output's std on a batch (Mishkin & Matas 2016, alg. 1).

    Layer after layer in forward order, over all of a layer's pre-activations. A layer is done when
    |variance - 1| < tol, after `iterations` divisions, or at once where the variance is 0 or not finite.

    Args:
      tol: tolerance on the variance.
      iterations: most divisions of one kernel.

    Raises:
      ValueError: tol not positive and finite, or iterations < 1; in adjust, a path that is not in params.
    """
    if not 0 < tol < math.inf:
        raise ValueError(f"tol must be a finite number > 0, not {tol!r}")
    if iterations < 1:
        raise ValueError(f"iterations must be an integer >= 1, not {iterations!r}")

    def adjust(preactivations: PreActivations, params: Any, x: jax.Array) -> Any:
        del x

        # A single loop over (layer, trial): a loop for every layer would compile the model every time.
        def unfinished(carry):
            return carry[-1]

        def step(carry):
            params, layer, trials, _ = carry
            layers = preactivations(params)
            variances = jnp.stack([jnp.var(z.astype(jnp.float32)) for _, z in layers])
            index = jnp.arange(len(layers))
            # NaN compares false and inf is excluded: such a layer is left as it is.
            off = (jnp.abs(variances - 1) >= tol) & (variances > 0) & (variances < math.inf)
            off &= index >= jnp.where(trials < iterations, layer, layer + 1)
            chosen = jnp.argmax(off)
            divisors = jnp.where(off[chosen] & (index == chosen), jnp.sqrt(variances), 1)
            params = _divided(params, {path: divisors[i] for i, (path, _) in enumerate(layers)})
            return params, chosen, jnp.where(chosen == layer, trials + 1, 1), off[chosen]

        start = (params, jnp.int32(0), jnp.int32(0), jnp.bool_(True))
        return jax.lax.while_loop(unfinished, step, start)[0]

    return orthogonal()._replace(adjust=adjust)


def _divided(params: Any, divisors: dict[Path, jax.Array]) -> Any:
    """params with the leaf at each path divided by its scalar."""
    leaves, treedef = jax.tree_util.tree_flatten_with_path(params)
    paths = [tuple(entry.key for entry in path) for path, _ in leaves]
    if missing := [path for path in divisors if path not in paths]:
        raise ValueError(f"no kernel at {missing[0]!r} in params; known: {paths}")
    kernels = [leaf for _, leaf in leaves]
    for i, path in enumerate(paths):
        if path in divisors:
            kernels[i] = kernels[i] / divisors[path].astype(kernels[i].dtype)
    return treedef.unflatten(kernels)
