"""Penalties and constraints on kernels, as optax transformations. Biases and the parameters of norms are left alone."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax


def l1_penalty(strength: float) -> optax.GradientTransformation:
    """Adds the gradient of strength * sum |w| over all kernels; 0 where a weight is 0."""
    return optax.stateless(
        lambda updates, params: _on_kernels(lambda g, w: g + strength * jnp.sign(w), updates, params)
    )


def max_norm_constraint(limit: float) -> optax.GradientTransformation:
    """Keeps the weights into every unit at an l2 norm of at most `limit` (Srivastava et al. 2014, section 5.1).

    A kernel's last axis counts units: after the update a too long vector is scaled back to the limit. It comes last in
    a chain, so that the updates it sees are those that are made.
    """

    def constrained(update, kernel):
        new = kernel + update
        squares = jnp.sum(jnp.square(new), axis=tuple(range(new.ndim - 1)), keepdims=True)
        return new * jnp.minimum(1, limit * jax.lax.rsqrt(jnp.maximum(squares, 1e-30))) - kernel

    return optax.stateless(lambda updates, params: _on_kernels(constrained, updates, params))


def _on_kernels(function: Callable, updates: optax.Updates, params: optax.Params) -> optax.Updates:
    def apply(path, update, param):
        is_kernel = path and getattr(path[-1], "key", None) == "kernel"
        return function(update, param) if is_kernel else update

    return jax.tree_util.tree_map_with_path(apply, updates, params)
