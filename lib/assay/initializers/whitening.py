"""Partial identity, and a first convolution that whitens the data's patches: how fast CIFAR-10 recipes begin."""

from collections.abc import Sequence
import math
from typing import Any

import jax
import jax.numpy as jnp

from assay import spec as specs
from assay.initializers.constants import identity
from assay.initializers.initializer import Initializer, split_shape


def dirac(of: str = "uniform_fan_in") -> Initializer:
    """Convolutions hand their input on in their first channels and begin as `of` in the others, if they have more.

    Partial identity initialisation (Jordan 2024, arXiv:2404.00498). Dense layers begin as `of`; of a
    convolution with fewer outputs than inputs, every output is an input.

    Args:
      of: Spec of another initialiser, without a data-dependent step.

    Raises:
      ValueError: `of` looks at data, or is multiplied by the activation's gain, which would multiply the identity.
    """
    rest = _built(of)
    if rest.use_gain:
        raise ValueError(f"of must have a gain of its own, not the activation's: {of}")

    def kernel(key: jax.Array, shape: Sequence[int], dtype: Any = jnp.float32) -> jax.Array:
        window, inputs, outputs = split_shape(shape)
        drawn = rest.kernel(key, shape, dtype)
        if not window:
            return drawn
        handed_on = min(inputs, outputs)
        part = identity().kernel(key, (*shape[:-1], handed_on), dtype)
        return drawn.at[..., :handed_on].set(part)

    return rest._replace(kernel=kernel)


def whitening(of: str = "dirac", eps: float = 5e-4) -> Initializer:
    """The first layer's filters are the principal axes of the data's patches, scaled to variance 1, and their negatives.

    Jordan 2024 (arXiv:2404.00498), after Coates & Ng 2011: with the eigenvectors v and eigenvalues l of the
    second moments of all patches of a batch (their mean is not taken off), the filters are v / sqrt(l + eps), those of
    the largest l first, then as many negatives. A first layer of 2 x height x width x channels has them all; with fewer
    outputs it has the leading ones, and further outputs stay as `of` made them.

    Args:
      of: Spec of the initialiser of all other kernels and the biases.
      eps: added to the eigenvalues.

    Raises:
      ValueError: eps not positive and finite; in adjust, a first layer that is no convolution of images.
    """
    if not 0 < eps < math.inf:
        raise ValueError(f"eps must be a finite number > 0, not {eps!r}")

    def adjust(preactivations: Any, params: Any, x: jax.Array) -> Any:
        path = preactivations(params)[0][0]
        return _with_kernel(params, path, lambda kernel: _whitened(kernel, x, eps))

    return _built(of)._replace(adjust=adjust)


def _built(of: str) -> Initializer:
    from assay.initializers import as_initializer, INITIALIZERS  # which has these among its own

    made = specs.build(INITIALIZERS, of, "init", as_initializer)
    if made.adjust is not None:
        raise ValueError(f"of must be an initialiser that does not look at data, not {of}")
    return made


def _whitened(kernel: jax.Array, x: jax.Array, eps: float) -> jax.Array:
    if kernel.ndim != 4 or x.ndim != 4 or kernel.shape[2] != x.shape[3]:
        raise ValueError(f"whitening needs a first layer that convolves images, not a kernel {kernel.shape} on {x.shape}")
    height, width, _, outputs = kernel.shape
    rows, columns = (size - side + 1 for size, side in zip(x.shape[1:3], (height, width)))
    taps = [x[:, i : i + rows, j : j + columns] for i in range(height) for j in range(width)]
    patches = jnp.stack(taps, 3).reshape(-1, kernel[..., 0].size).astype(jnp.float32)
    # Ascending eigenvalues; a column is an eigenvector.
    values, vectors = jnp.linalg.eigh(patches.T @ patches / len(patches))
    filters = (vectors / jnp.sqrt(values + eps)[None])[:, ::-1][:, : max(1, outputs // 2)]
    both = jnp.concatenate([filters, -filters], axis=1)[:, :outputs].reshape(height, width, x.shape[3], -1)
    return kernel.at[..., : both.shape[-1]].set(both.astype(kernel.dtype))


def _with_kernel(params: Any, path: tuple[str, ...], change: Any) -> Any:
    name, *rest = path
    return {**params, name: _with_kernel(params[name], tuple(rest), change) if rest else change(params[name])}
