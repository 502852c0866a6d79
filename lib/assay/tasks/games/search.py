"""Tree search with a policy-value network (Silver et al. 2017, Nature 550), by DeepMind's mctx."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from assay.data import batches
from assay.data.games import Game
from assay.models import Model

DIRICHLET = 0.3  # concentration of the root's noise, the paper's for chess


class Advice(NamedTuple):
    """A network's view of positions: logits of the moves `[B, actions]`; value to the mover `[B]`, -1 to 1."""

    logits: jax.Array
    value: jax.Array


class Searched(NamedTuple):
    """What a search found: a move `[B]`, int32; how often it tried every move `[B, actions]`, as shares."""

    action: jax.Array
    visits: jax.Array


def advice(
    model: Model, params: Any, state: Any, observations: jax.Array, **kwargs: Any
) -> tuple[Advice, Any]:
    """A network's view of uint8 `[B, H, W, C]`, and its new state; the last output is the value before tanh."""
    kwargs = {"key": None, "train": False} | kwargs
    output, state = model.apply(params, state, batches.unit(observations), **kwargs)
    return Advice(output.logits[:, :-1], jnp.tanh(output.logits[:, -1])), state


def legal_logits(logits: jax.Array, legal: jax.Array) -> jax.Array:
    """Logits with the least number in place of those of illegal moves."""
    return jnp.where(legal, logits, jnp.finfo(logits.dtype).min)


def mean_outcomes(tree: Any, node: jax.Array) -> jax.Array:
    """The paper's Q of each move, mean outcome of its visits and 0 before the first: float32 `[actions]`.

    mctx's own transformation stretches the values of siblings to 0..1, which leaves untried moves far behind.
    """
    legal = tree.children_prior_logits[node] > jnp.finfo(jnp.float32).min
    return jnp.where(legal, tree.qvalues(node), -2.0)  # a legal move has -1 at least


def search(
    game: Game,
    network: Any,
    states: Any,
    key: jax.Array,
    *,
    simulations: int,
    noise: float,
    temperature: float,
) -> Searched:
    """Searches from each state of a game for two, none of them over, with the rules themselves as the model.

    Args:
      network: `(observations) -> Advice`.
      noise: share of Dirichlet noise in the root's prior.
      temperature: moves are drawn by visits ** (1 / temperature); 0: the most visited.
    """
    import mctx

    def looked_at(states):
        seen, over = network(jax.vmap(game.observe)(states)), jax.vmap(game.over)(states)
        return legal_logits(seen.logits, jax.vmap(game.legal)(states)), jnp.where(over, 0.0, seen.value), over

    def expand(_, key, action, states):
        del key  # the rules are deterministic
        states, reward = jax.vmap(game.step)(states, action)
        logits, value, over = looked_at(states)
        # What is good for who moves next is as bad for who has moved; after the end there is nothing.
        discount = jnp.where(over, 0.0, -1.0)
        return mctx.RecurrentFnOutput(
            reward=reward, discount=discount, prior_logits=logits, value=value
        ), states

    logits, value, _ = looked_at(states)
    with jax.numpy_dtype_promotion("standard"):  # mctx adds integers to floats
        found = mctx.muzero_policy(
            (),
            key,
            mctx.RootFnOutput(prior_logits=logits, value=value, embedding=states),
            expand,
            num_simulations=simulations,
            qtransform=mean_outcomes,
            invalid_actions=(~jax.vmap(game.legal)(states)).astype(jnp.float32),
            dirichlet_fraction=noise,
            dirichlet_alpha=DIRICHLET,
            temperature=temperature,
        )
    return Searched(found.action.astype(jnp.int32), found.action_weights)
