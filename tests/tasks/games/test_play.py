"""Q-learning and self-play: targets by hand, what the search finds, and packs that equal solo runs."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from assay import data, models
from assay import spec as specs
from assay.data.games import game_of, solve
from assay.data.games.board import Board
from assay.spec import SpecError
from assay.tasks import Batch, LOSSES, Problem, TASKS
from assay.tasks.games import matches
from assay.tasks.games.q_learning import td_targets
from assay.tasks.games.search import Advice, search

TX = optax.sgd(0.05)
COUNTED = optax.GradientTransformation(lambda params: jnp.int32(0), lambda updates, count, params: (updates, count + 1))
X = jnp.arange(4, dtype=jnp.int32)[:, None]
TIC_TAC_TOE = game_of("tic_tac_toe")


def jit(function):
    return jax.jit(function, compiler_options={"xla_backend_optimization_level": 0})  # compiles faster


def made(task, dataset, steps=10):
    settings = {"activation": "tanh", "init": "lecun_normal", "norm": "none"}
    model = lambda outputs: models.build("mlp(depth=1,width=6)", outputs=outputs, **settings)
    return specs.build(TASKS, task, "task").make(Problem(model, LOSSES["own"](), data.load(dataset), steps))


def trained(task, steps, seed):
    """A run's state and losses."""

    def step(number, carry):
        state, losses = carry
        batch = Batch(X, jnp.zeros(4, jnp.int32), jax.random.fold_in(jax.random.key(seed), number), number)
        state, loss = task.step(state, batch, TX)
        return state, losses.at[number].set(loss)

    state = task.init(jax.random.key(seed), X, TX)
    return jax.lax.fori_loop(0, steps, step, (state, jnp.zeros(steps)))


@pytest.mark.parametrize(
    "task,dataset,steps",
    [
        ("q_learning(replay=16,target_every=3,double=True)", "catch(rows=4,columns=3)", 8),
        ("self_play(simulations=2,replay=64,play='net',opening=1,updates=2)", "tic_tac_toe", 12),
    ],
)
def test_learning_moves_the_network_and_packs_equal_solo(task, dataset, steps):
    learning = made(task, dataset)

    @jit
    def both(seeds):
        packed = jax.lax.map(lambda seed: trained(learning, steps, seed), seeds)
        metrics = learning.evaluate(jax.tree.map(lambda leaf: leaf[1], packed[0]), X, None, jax.random.key(0))
        return packed, metrics

    packed, metrics = both(jnp.arange(2))
    solo = jit(functools.partial(trained, learning, steps))(jnp.int32(1))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a[1], b, rtol=1e-5, atol=1e-6), packed, solo)
    state, losses = solo
    assert np.isfinite(losses).all() and losses[-1] > 0
    assert all(isinstance(leaf, jax.Array) for leaf in jax.tree.leaves(state))
    assert state.state.replay.added > 0
    before = jit(lambda: learning.init(jax.random.key(1), X, TX))()
    assert all(jax.tree.leaves(jax.tree.map(lambda a, b: bool(np.any(a != b)), before.params, state.params)))
    names = specs.build(TASKS, task, "task").metrics
    assert set(names) == set(metrics) and all(metrics[name].shape == (4,) for name in names)
    assert set(np.asarray(metrics["error"]).tolist()) <= {0.0, 1.0}


def test_openings_are_drawn_uniformly_and_every_move_brings_its_updates():
    """Against a network that knows nothing search opens in the first cell, whatever it is asked."""
    learning = made("self_play(simulations=1,replay=2000,noise=0.0,opening=1,updates=3)", "tic_tac_toe")
    seeds = jnp.arange(200, dtype=jnp.int32)[:, None]
    batch, counted = Batch(seeds, jnp.zeros(200, jnp.int32), jax.random.key(0), jnp.int32(0)), COUNTED

    @jit
    def step():
        return learning.step(learning.init(jax.random.key(1), batch.x, counted), batch, counted)[0]

    state = step()
    second = jax.vmap(lambda s: game_of("tic_tac_toe").observe(s))(state.state.playing.states)
    opened = np.bincount(np.flatnonzero(np.asarray(second).reshape(200, 9, 2).any(axis=2)) % 9, minlength=9)
    assert opened.sum() == 200 and opened.min() > 8  # binomial: mean 22, standard deviation 4.4
    assert state.opt_state == 3


def test_the_target_network_follows_every_so_many_steps():
    learning = made("q_learning(replay=16,target_every=3)", "catch(rows=4,columns=3)")
    after = jit(lambda: [trained(learning, steps, 0)[0] for steps in (2, 3, 4)])()
    start = jit(lambda: learning.init(jax.random.key(0), X, TX))()
    same = lambda a, b: jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-6), a, b)
    same(after[0].state.target[0], start.params)
    same(after[1].state.target[0], after[1].params)
    same(after[2].state.target[0], after[1].params)


def test_targets_by_hand():
    reward, over = jnp.array([0.5, 0.0, 1.0]), jnp.array([False, False, True])
    after = jnp.array([[1.0, 3.0], [4.0, 2.0], [9.0, 9.0]])
    np.testing.assert_allclose(td_targets(reward, over, after, after, 0.9), [0.5 + 2.7, 3.6, 1.0], rtol=1e-6)
    online = jnp.array([[5.0, 0.0], [0.0, 1.0], [0.0, 0.0]])  # double: it chooses, the target values
    np.testing.assert_allclose(td_targets(reward, over, after, online, 0.9), [0.5 + 0.9, 1.8, 1.0], rtol=1e-6)


@functools.cache
def searched(simulations):
    """Moves and visits where the network knows nothing: a win in one, a threat to block, few cells left."""
    boards = [
        [[1, 1, 0], [-1, -1, 0], [0, 0, 0]],
        [[-1, -1, 0], [1, 0, 0], [0, 0, 1]],
        [[1, -1, 1], [-1, -1, 1], [0, 1, 0]],
    ]
    states = Board(jnp.array(boards, jnp.int8), jnp.zeros(3, bool))
    nothing = lambda seen: Advice(jnp.zeros((len(seen), 9)), jnp.zeros(len(seen)))
    run = functools.partial(search, TIC_TAC_TOE, nothing, simulations=simulations, noise=0.0, temperature=0.0)
    found = jit(run)(states, jax.random.key(0))
    return np.asarray(found.action), np.asarray(found.visits) * simulations, np.array(boards).reshape(3, 9)


def test_search_wins_in_one_and_blocks():
    actions, _, _ = searched(50)
    assert actions[0] == 2 and actions[1] == 2


def test_visits_sum_to_the_simulations_and_are_legal():
    _, visits, boards = searched(50)
    np.testing.assert_allclose(visits.sum(axis=1), 50, rtol=1e-5)
    np.testing.assert_allclose(visits, visits.round(), atol=1e-4)
    assert (visits[boards != 0] == 0).all()


def test_perfect_play_never_loses_and_random_play_does():
    table = solve(TIC_TAC_TOE)
    legal = lambda states: jax.vmap(TIC_TAC_TOE.legal)(states)

    def perfect(key, states):
        return matches.uniform(key, matches_best(table, states))

    def random(key, states):
        return matches.uniform(key, legal(states))

    def matches_best(table, states):
        return data.games.best_moves(table, jax.vmap(TIC_TAC_TOE.observe)(states))

    @jit
    def scores(key):
        states = jax.vmap(TIC_TAC_TOE.reset)(jax.random.split(key, 64))
        second = jnp.arange(64) % 2 == 1
        play = lambda a, b: matches.match(TIC_TAC_TOE, a, b, states, second, key)
        return play(perfect, perfect), play(perfect, random), play(random, perfect)

    drawn, won, lost = map(np.asarray, scores(jax.random.key(0)))
    assert (drawn == 0).all()
    assert (won >= 0).all() and won.mean() > 0.7
    assert (lost <= 0).all() and lost.mean() < -0.7


@pytest.mark.parametrize(
    "task,dataset,fault",
    [
        ("q_learning", "tic_tac_toe", "needs a game for one"),
        ("self_play", "catch", "needs a game for two"),
        ("q_learning", "digits", "is no game"),
        ("self_play", "connect_four(rows=6,columns=7)", "at most 20 cells"),
        ("q_learning(double=True,target_every=0)", "catch", "double needs a target"),
        ("q_learning(epsilon=2)", "catch", "epsilon must be"),
        ("self_play(play='me')", "tic_tac_toe", "play must be one of"),
        ("self_play(opening=-1)", "tic_tac_toe", "opening must be 0 moves or more"),
        ("self_play(updates=0)", "tic_tac_toe", "updates must be at least 1"),
    ],
)
def test_what_cannot_be_played_is_refused(task, dataset, fault):
    with pytest.raises(SpecError, match=fault):
        made(task, dataset)
