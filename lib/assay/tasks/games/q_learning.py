"""Q-learning from pixels with replay and a target network (Mnih et al. 2015, Nature 518, algorithm 1).

The games are played inside the step: environment and learner are one compiled program.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from assay.data import batches
from assay.data.games import Game, game_of
from assay.models import Model
from assay.spec import SpecError
from assay.tasks.games import replay as memory
from assay.tasks.task import Findings, Learning, Problem, Task, TrainState

EPISODES, FRAMES = 4, 10  # of the picture


class Transition(NamedTuple):
    """One move: what was seen (uint8), done, paid, whether it ended the episode, and what was seen then."""

    observation: jax.Array
    action: jax.Array
    reward: jax.Array
    over: jax.Array
    after: jax.Array


class Learner(NamedTuple):
    """What a learner has besides its parameters.

    Attributes:
      network: the model's state.
      target: (params, state) of the target network; None without one.
      games: states of the games that are being played, as many as a batch has examples.
      replay: of transitions.
    """

    network: Any
    target: Any
    games: Any
    replay: memory.Replay


def q_learning(
    discount: float = 0.99,
    replay: int = 10_000,
    target_every: int = 100,
    double: bool = False,
    epsilon: float = 0.05,
    explore: float = 0.5,
) -> Learning:
    """Learns what every action is worth by playing.

    A step plays one move in as many games as a batch has examples (a finished one begins anew from its example's
    seed), then takes one gradient step on as many transitions from the replay, on the Huber loss of
    reward + discount * max_a Q_target(after, a) - Q(observation, action). Evaluation plays greedily.

    Metrics of an episode: loss (mean Huber loss of its moves, the network being its own target), error (1 unless
    it is won), return (sum of rewards).

    Args:
      replay: transitions remembered.
      target_every: steps after which the target network becomes the network; 0: the network is its own target.
      double: the network chooses the action that the target network values (van Hasselt et al. 2016).
      epsilon, explore: the share of random moves falls from 1 to `epsilon` over the share `explore` of the run.
    """
    for name, value in (("discount", discount), ("epsilon", epsilon), ("explore", explore)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} must be from 0 to 1, not {value:g}")
    if replay < 1 or target_every < 0:
        raise ValueError(
            f"replay must be at least 1 and target_every 0 or more, not {replay} and {target_every}"
        )
    if double and not target_every:
        raise ValueError("double needs a target network; target_every must be above 0")

    def make(problem: Problem) -> Task:
        game = game_of(problem.dataset.name)
        if game.players != 1:
            raise SpecError(
                f"task q_learning needs a game for one, such as catch, not {problem.dataset.name}"
            )
        share = optax.linear_schedule(1.0, epsilon, round(explore * problem.steps))
        learner = _Rules(game, problem.model(game.actions), discount, double, target_every, replay, share)
        episodes = problem.dataset.test.x[:EPISODES, 0]
        examine = lambda train_state, key: _examine(learner, train_state, episodes)
        return Task(learner.init, learner.step, learner.evaluate, examine=examine)

    return Learning(make=make, metrics=("loss", "error", "return"), loss="own")


def values(
    model: Model, params: Any, state: Any, observations: jax.Array, **kwargs: Any
) -> tuple[jax.Array, Any]:
    """What every action is worth: uint8 `[B, H, W, C]` -> float32 `[B, actions]`; and the model's new state."""
    kwargs = {"key": None, "train": False} | kwargs
    output, state = model.apply(params, state, batches.unit(observations), **kwargs)
    return output.logits, state


def td_targets(
    reward: jax.Array, over: jax.Array, values_after: jax.Array, choice: jax.Array, discount: float
) -> jax.Array:
    """reward + discount * the value `[B, actions]` of the action that is greedy by `choice`; reward at the end."""
    chosen = jnp.take_along_axis(values_after, jnp.argmax(choice, axis=-1)[:, None], axis=-1)[:, 0]
    return reward + jnp.where(over, 0.0, discount * chosen)


class _Rules(NamedTuple):
    game: Game
    model: Model
    discount: float
    double: bool
    target_every: int
    capacity: int
    random_share: Any

    def new_games(self, seeds: jax.Array) -> Any:
        return jax.vmap(lambda seed: self.game.reset(jax.random.key(seed)))(seeds)

    def init(self, key, x, tx):
        games = self.new_games(x[:, 0])
        observations = jax.vmap(self.game.observe)(games)
        params, network = self.model.init(key, batches.unit(observations))
        seen, one = observations[0], jnp.zeros(())
        empty = memory.empty(self.capacity, Transition(seen, jnp.int32(0), one, one.astype(bool), seen))
        # A copy: a buffer cannot be given to the compiled step twice.
        target = jax.tree.map(jnp.copy, (params, network)) if self.target_every else None
        return TrainState(params, Learner(network, target, games, empty), tx.init(params))

    def step(self, train_state, batch, tx):
        params, learner, opt_state = train_state
        keys = dict(zip(("explore", "action", "replay", "dropout"), jax.random.split(batch.key, 4)))
        games, played = self._play(params, learner, batch, keys)
        replay = memory.add(learner.replay, played, jnp.ones(len(played.over), bool))
        remembered = memory.sample(replay, keys["replay"], len(batch.x))

        def objective(params):
            wanted = self._targets(params, learner.network, learner.target, remembered)
            kwargs = {"key": keys["dropout"], "train": True}
            given, network = values(self.model, params, learner.network, remembered.observation, **kwargs)
            given = jnp.take_along_axis(given, remembered.action[:, None], axis=-1)[:, 0]
            return jnp.mean(optax.huber_loss(given, jax.lax.stop_gradient(wanted))), network

        (loss, network), gradients = jax.value_and_grad(objective, has_aux=True)(params)
        updates, opt_state = tx.update(gradients, opt_state, params)
        params, target = optax.apply_updates(params, updates), learner.target
        if self.target_every:
            renew = (batch.step + 1) % self.target_every == 0
            target = jax.tree.map(lambda new, old: jnp.where(renew, new, old), (params, network), target)
        return TrainState(params, Learner(network, target, games, replay), opt_state), loss

    def _play(self, params, learner, batch, keys):
        """One move of every game: the games after it, and what it was."""
        observations = jax.vmap(self.game.observe)(learner.games)
        worth, _ = values(self.model, params, learner.network, observations)
        at_random = jax.random.randint(keys["action"], (len(worth),), 0, self.game.actions)
        explores = jax.random.uniform(keys["explore"], (len(worth),)) < self.random_share(batch.step)
        action = jnp.where(explores, at_random, jnp.argmax(worth, axis=-1).astype(jnp.int32))
        moved, reward = jax.vmap(self.game.step)(learner.games, action)
        over = jax.vmap(self.game.over)(moved)
        played = Transition(observations, action, reward, over, jax.vmap(self.game.observe)(moved))
        return _where(over, self.new_games(batch.x[:, 0]), moved), played

    def _targets(self, params, network, target, moves: Transition) -> jax.Array:
        after, _ = values(self.model, *(target or (params, network)), moves.after)
        choice = values(self.model, params, network, moves.after)[0] if self.double else after
        return td_targets(moves.reward, moves.over, after, choice, self.discount)

    def greedy_move(self, train_state, games) -> tuple[Any, Transition, jax.Array]:
        """The games after the best move, what it was, and its Huber loss."""
        params, network = train_state.params, train_state.state.network
        observations = jax.vmap(self.game.observe)(games)
        worth, _ = values(self.model, params, network, observations)
        action = jnp.argmax(worth, axis=-1).astype(jnp.int32)
        moved, reward = jax.vmap(self.game.step)(games, action)
        move = Transition(
            observations, action, reward, jax.vmap(self.game.over)(moved), jax.vmap(self.game.observe)(moved)
        )
        wanted = self._targets(params, network, None, move)
        return moved, move, optax.huber_loss(jnp.max(worth, axis=-1), wanted)

    def evaluate(self, train_state, x, y, key):
        del y, key  # the seeds are all there is to an episode

        def unfinished(carry):
            return ~jnp.all(jax.vmap(self.game.over)(carry[0]))

        def move(carry):
            games, total, loss, moves = carry
            playing = ~jax.vmap(self.game.over)(games)
            games, played, error = self.greedy_move(train_state, games)
            return (
                games,
                total + played.reward,
                loss + jnp.where(playing, error, 0.0),
                moves + playing.astype(jnp.float32),
            )

        zeros = jnp.zeros(len(x))
        games, total, loss, moves = jax.lax.while_loop(
            unfinished, move, (self.new_games(x[:, 0]), zeros, zeros, zeros)
        )
        lost = ~jax.vmap(self.game.won)(games)
        return {"loss": loss / moves, "error": lost.astype(jnp.float32), "return": total}


def _where(condition: jax.Array, one: Any, other: Any) -> Any:
    """`one` where the condition `[B]` holds, else `other`: pytrees of arrays `[B, ...]`."""
    return jax.vmap(lambda c, a, b: jax.tree.map(lambda x, y: jnp.where(c, x, y), a, b))(
        condition, one, other
    )


def _examine(learner: _Rules, train_state: TrainState, seeds: np.ndarray) -> Findings:
    """Pictures of some episodes from the first frame to the last."""

    @jax.jit
    def play(train_state, seeds):
        def move(games, _):
            after, _, _ = learner.greedy_move(train_state, games)
            return after, (jax.vmap(learner.game.observe)(after), jax.vmap(learner.game.over)(after))

        games = learner.new_games(seeds)
        _, (seen, over) = jax.lax.scan(move, games, length=learner.game.longest)
        return jnp.concatenate([jax.vmap(learner.game.observe)(games)[None], seen]), over

    seen, over = jax.device_get(play(train_state, seeds))
    rows = []
    for frames, ended in zip(seen.swapaxes(0, 1), over.T):
        last = np.argmax(ended) + 1
        rows.append(frames[np.linspace(0, last, FRAMES).round().astype(int)])
    return Findings(pictures={"episodes of greedy play, from the first frame to the last": np.stack(rows)})
