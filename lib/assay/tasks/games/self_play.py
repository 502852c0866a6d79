"""Self-play with tree search (Silver et al. 2017, Nature 550: AlphaGo Zero; 2018, Science 362: AlphaZero)."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from assay.data import batches
from assay.data.games import best_moves, Game, game_of, solve, Table
from assay.models import Model
from assay.spec import SpecError
from assay.tasks.games import diagrams
from assay.tasks.games import replay as memory
from assay.tasks.games.matches import match, positions, uniform
from assay.tasks.games.search import advice, legal_logits, search
from assay.tasks.schedule import at_step
from assay.tasks.task import Findings, Learning, Problem, Task, TrainState

PLAYERS = ("search", "net", "random", "perfect")


class Position(NamedTuple):
    """What is learnt from: what the mover saw (uint8), shares of the search's visits, outcome to the mover."""

    observation: jax.Array
    visits: jax.Array
    outcome: jax.Array


class Playing(NamedTuple):
    """Games under way, `[B, ...]`: states; what was seen and searched `[B, longest, ...]`; moves made."""

    states: Any
    observations: jax.Array
    visits: jax.Array
    moves: jax.Array


class Learner(NamedTuple):
    """What a learner has besides parameters: the model's state, games under way, a replay of positions."""

    network: Any
    playing: Playing
    replay: memory.Replay


def self_play(
    simulations: int = 25,
    play: str = "search",
    replay: int = 5000,
    noise: float = 0.25,
    opening: int = 0,
    updates: int = 1,
) -> Learning:
    """Learns a game for two from games of the network, with search, against itself.

    A step plays one move in as many games as a batch has examples, drawn by the visits of a search with the
    network; and takes gradient steps on as many positions each from the replay, on the cross-entropy from visits to
    policy plus (outcome - value)^2. Evaluation plays each example's game against perfect play (drawn from all
    perfect moves) and against random moves; even seeds begin, odd ones move second.

    Metrics of an example: loss (points given away: 0 a win, 1/2 a draw, 1 a loss, mean of both games), error (1
    if the game against perfect play is lost), random_error (1 if that against random moves is not won).

    Args:
      simulations: of the search of one move.
      play: who plays in evaluation: "search" (the network with search, no noise), "net" (its likeliest move),
        "random", or "perfect". Training is the same.
      replay: positions remembered.
      noise: share of Dirichlet noise in the root's prior while training.
      opening: first moves of a training game that are drawn uniformly; those that self-play has come to avoid are
        answered by an opponent's choice alone.
      updates: gradient steps for each move played.
    """
    if simulations < 1 or replay < 1:
        raise ValueError(f"simulations and replay must be at least 1, not {simulations} and {replay}")
    if opening < 0:
        raise ValueError(f"opening must be 0 moves or more, not {opening}")
    if updates < 1:
        raise ValueError(f"updates must be at least 1, not {updates}")
    if play not in PLAYERS:
        raise ValueError(f"play must be one of {', '.join(PLAYERS)}, not {play!r}")
    if not 0 <= noise <= 1:
        raise ValueError(f"noise must be from 0 to 1, not {noise:g}")

    def make(problem: Problem) -> Task:
        game = game_of(problem.dataset.name)
        if game.players != 2:
            raise SpecError(f"task self_play needs a game for two, such as tic_tac_toe, not {problem.dataset.name}")
        learner = _Rules(
            game,
            _table(problem.dataset.name),
            problem.model(game.actions + 1),
            simulations,
            play,
            replay,
            noise,
            opening,
            updates,
        )
        return Task(learner.init, learner.step, learner.evaluate, examine=functools.partial(_examine, learner))

    return Learning(make=make, metrics=("loss", "error", "random_error"), loss="own")


@functools.cache
def _table(dataset: str) -> Table:
    try:
        return solve(game_of(dataset))
    except ValueError as error:
        raise SpecError(f"dataset {dataset}: {error}") from error


class _Rules(NamedTuple):
    game: Game
    table: Table
    model: Model
    simulations: int
    play: str
    capacity: int
    noise: float
    opening: int
    updates: int

    def new_games(self, seeds: jax.Array) -> Any:
        return jax.vmap(lambda seed: self.game.reset(jax.random.key(seed)))(seeds)

    def init(self, key, x, tx):
        states = self.new_games(x[:, 0])
        seen = jax.vmap(self.game.observe)(states)
        params, network = self.model.init(key, batches.unit(seen))
        moves, actions = self.game.longest, self.game.actions
        playing = Playing(
            states,
            jnp.zeros((len(x), moves, *seen.shape[1:]), seen.dtype),
            jnp.zeros((len(x), moves, actions)),
            jnp.zeros(len(x), jnp.int32),
        )
        empty = memory.empty(self.capacity, Position(seen[0], jnp.zeros(actions), jnp.zeros(())))
        return TrainState(params, Learner(network, playing, empty), tx.init(params))

    def step(self, train_state, batch, tx):
        params, (network, playing, replay), opt_state = train_state
        move_key, learn_key = jax.random.split(batch.key)
        playing, positions, ended = self._move(params, network, playing, batch, move_key)
        replay = memory.add(replay, positions, ended)

        def update(i, carry):
            (params, network, opt_state), _ = carry
            now, key = at_step(opt_state, batch.step), jax.random.fold_in(learn_key, i)
            return self._learn(params, network, now, replay, len(batch.x), key, tx)

        carry = (params, network, opt_state), jnp.float32(0)
        (params, network, opt_state), loss = jax.lax.fori_loop(0, self.updates, update, carry)
        return TrainState(params, Learner(network, playing, replay), opt_state), loss

    def _learn(self, params, network, opt_state, replay, count, key, tx):
        """One gradient step on `count` positions of the replay."""
        replay_key, dropout_key = jax.random.split(key)
        known = memory.sample(replay, replay_key, count)

        def objective(params):
            kwargs = {"key": dropout_key, "train": True}
            said, state = advice(self.model, params, network, known.observation, **kwargs)
            policy = optax.softmax_cross_entropy(said.logits, known.visits)
            loss = jnp.mean(policy + (known.outcome - said.value) ** 2)
            # Until the first game has ended there is nothing to learn from.
            return jnp.where(replay.added > 0, loss, 0.0), state

        (loss, network), gradients = jax.value_and_grad(objective, has_aux=True)(params)
        updates, opt_state = tx.update(gradients, opt_state, params)
        return (optax.apply_updates(params, updates), network, opt_state), loss

    def _move(self, params, network, playing, batch, key):
        """One move of every game: the games, positions `[B * longest, ...]`, which are of games that ended."""
        net = lambda seen: advice(self.model, params, network, seen)[0]
        settings = {"simulations": self.simulations, "noise": self.noise, "temperature": 1.0}
        search_key, opening_key = jax.random.split(key)
        found = search(self.game, net, playing.states, search_key, **settings)
        any_move = uniform(opening_key, jax.vmap(self.game.legal)(playing.states))
        action = jnp.where(playing.moves < self.opening, any_move, found.action)
        now = (jnp.arange(len(batch.x)), playing.moves)
        observations = playing.observations.at[now].set(jax.vmap(self.game.observe)(playing.states))
        visits = playing.visits.at[now].set(found.visits)
        states, reward = jax.vmap(self.game.step)(playing.states, action)
        over = jax.vmap(self.game.over)(states)

        ago = playing.moves[:, None] - jnp.arange(self.game.longest)[None]  # moves before the last one
        outcome = reward[:, None] * jnp.where(ago % 2 == 0, 1.0, -1.0)
        ended = (over[:, None] & (ago >= 0)).reshape(-1)
        positions = jax.tree.map(
            lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), Position(observations, visits, outcome)
        )
        begun = jax.vmap(lambda o, a, b: jax.tree.map(lambda x, y: jnp.where(o, x, y), a, b))
        states = begun(over, self.new_games(batch.x[:, 0]), states)
        return Playing(states, observations, visits, jnp.where(over, 0, playing.moves + 1)), positions, ended

    def player(self, train_state, key, states):
        """The moves `[B]` of who plays in evaluation."""
        legal, seen = jax.vmap(self.game.legal)(states), jax.vmap(self.game.observe)(states)
        if self.play == "random":
            return uniform(key, legal)
        if self.play == "perfect":
            return uniform(key, best_moves(self.table, seen))
        net = lambda seen: advice(self.model, train_state.params, train_state.state.network, seen)[0]
        if self.play == "net":
            return jnp.argmax(legal_logits(net(seen).logits, legal), axis=-1).astype(jnp.int32)
        settings = {"simulations": self.simulations, "noise": 0.0, "temperature": 0.0}
        return search(self.game, net, states, key, **settings).action

    def evaluate(self, train_state, x, y, key):
        del y
        count = len(x)
        # Both opponents' games are played at once, so that there is one search to compile.
        perfect = jnp.arange(2 * count) < count

        def opponent(key, states):
            legal, seen = jax.vmap(self.game.legal)(states), jax.vmap(self.game.observe)(states)
            return uniform(key, jnp.where(perfect[:, None], best_moves(self.table, seen), legal))

        seeds = jnp.concatenate([x[:, 0]] * 2)
        player = functools.partial(self.player, train_state)
        scores = match(self.game, player, opponent, self.new_games(seeds), seeds % 2 == 1, key)
        against_perfect, against_random = scores[:count], scores[count:]
        return {
            "loss": (2 - against_perfect - against_random) / 4,
            "error": (against_perfect < 0).astype(jnp.float32),
            "random_error": (against_random < 1).astype(jnp.float32),
        }


def _examine(learner: _Rules, train_state: TrainState, key: jax.Array) -> Findings:
    """Games against perfect play, two begun by either."""
    second = np.arange(4) % 2 == 1

    @jax.jit
    def play(train_state, key):
        def perfect(key, states):
            return uniform(key, best_moves(learner.table, jax.vmap(learner.game.observe)(states)))

        player = functools.partial(learner.player, train_state)
        states = learner.new_games(jnp.arange(4, dtype=jnp.int32))
        return positions(learner.game, player, perfect, states, second, key)

    games = np.asarray(play(train_state, key))
    names = ["X" if begins else "O" for begins in ~second]
    texts = {f"against perfect play, as {name}": diagrams.text(game) for name, game in zip(names[:2], games)}
    title = "games against perfect play (blue begins: the learner in rows 1 and 3)"
    return Findings(pictures={title: diagrams.pictures(games)}, texts=texts)
