"""Games: their rules by hand-played episodes, and perfect play against published counts."""

import functools

from hypothesis import given, settings, strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from assay import data
from assay.data.games import best_moves, game_of, GAMES, solve
from assay.data.games.board import Board, lines
from assay.spec import SpecError


@functools.cache
def game(spec):
    """A game whose functions are compiled once."""
    made = game_of(spec)
    names = ("reset", "step", "observe", "legal", "over", "won")
    return made._replace(**{name: jax.jit(getattr(made, name)) for name in names})


def play(spec, actions, key=0):
    """States and rewards of an episode."""
    rules, rewards = game(spec), []
    states = [rules.reset(jax.random.key(key))]
    for action in actions:
        state, reward = rules.step(states[-1], jnp.int32(action))
        states.append(state)
        rewards.append(float(reward))
    return states, rewards


@pytest.mark.parametrize("name", GAMES)
def test_a_game_is_a_data_set_of_disjoint_seeds(name):
    loaded = data.load(name)
    splits = (loaded.train, loaded.validation, loaded.test)
    seeds = np.concatenate([split.x for split in splits])
    assert seeds.dtype == np.int32 and seeds.shape == (1700, 1) and len(np.unique(seeds)) == 1700
    assert loaded.num_classes == game_of(name).actions and "no data" in loaded.note


@pytest.mark.parametrize("name", GAMES)
def test_what_a_game_promises(name):
    rules = game(name)
    state = rules.reset(jax.random.key(3))
    seen = rules.observe(state)
    assert seen.dtype == jnp.uint8 and seen.ndim == 3
    assert rules.legal(state).shape == (rules.actions,) and rules.legal(state).all()
    for move in range(rules.longest):
        before, over = state, bool(rules.over(state))
        state, reward = rules.step(state, jnp.int32(np.flatnonzero(rules.legal(state))[0] if not over else 1))
        assert reward.dtype == jnp.float32
        if over:  # a finished episode stays as it is and pays nothing
            jax.tree.map(np.testing.assert_array_equal, before, state)
            assert reward == 0
    assert rules.over(state)


@pytest.mark.parametrize(
    "spec,fault",
    [
        ("catch(rows=2)", "more rows than half"),
        ("breakout(rows=5)", "rows >= wall"),
        ("connect_four(length=5)", "does not fit"),
        ("catch(row=3)", "did you mean 'rows'"),
    ],
)
def test_senseless_boards_are_refused(spec, fault):
    with pytest.raises(SpecError, match=fault):
        data.load(spec)


def test_what_is_no_game_says_which_are():
    with pytest.raises(SpecError, match="digits is no game; games are breakout, catch"):
        game_of("digits")


# Catch.


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10_000))
def test_following_the_ball_always_wins_catch(seed):
    rules = game("catch")
    state, total = rules.reset(jax.random.key(seed)), 0.0
    for move in range(rules.longest):
        assert not rules.over(state)
        picture = np.asarray(rules.observe(state))[:, :, 0]
        assert (picture > 0).sum() == 2 and picture[move].any() and picture[-1].any()
        ball, paddle = picture[move].argmax(), picture[-1].argmax()
        state, reward = rules.step(state, jnp.int32(1 + np.sign(ball - paddle)))
        total += float(reward)
    assert rules.over(state) and rules.won(state) and total == 1


def test_running_away_loses_catch_and_walls_hold():
    states, rewards = play("catch", [0] * 9)
    assert [int(state.paddle) for state in states] == [2, 1] + [0] * 8
    assert rewards[:-1] == [0] * 8 and rewards[-1] == (1 if states[0].column == 0 else -1)


# Breakout, on a court of 6 rows and 5 columns with one row of bricks.

COURT = "breakout(rows=6,columns=5,wall=1,longest=30)"


def court(row, column, down, right, paddle=2, bricks=range(5)):
    start = game(COURT).reset(jax.random.key(0))
    number = {"row": row, "column": column, "down": down, "right": right, "paddle": paddle}
    wall = jnp.zeros((6, 5), bool).at[1, jnp.array(list(bricks), int)].set(True)
    return start._replace(bricks=wall, **{name: jnp.int32(value) for name, value in number.items()})


def test_the_ball_starts_below_the_wall_and_falls():
    state = game(COURT).reset(jax.random.key(0))
    assert (state.row, state.down) == (2, 1) and state.right in (-1, 1) and state.bricks.sum() == 5
    starts = jax.vmap(game_of(COURT).reset)(jax.random.split(jax.random.key(1), 60))
    assert set(np.asarray(starts.column)) == set(range(5)) and set(np.asarray(starts.right)) == {-1, 1}


@pytest.mark.parametrize(
    "before,action,after,reward",
    [
        ((3, 1, 1, 1), 1, (4, 2, 1, 1), 0),  # flies on
        ((3, 4, 1, 1), 1, (4, 4, 1, -1), 0),  # the right side
        ((3, 0, 1, -1), 1, (4, 0, 1, 1), 0),  # the left side
        ((2, 1, -1, 1), 1, (2, 2, 1, 1), 1),  # a brick: back down, in its own row
        ((4, 2, 1, 1), 1, (4, 3, -1, 1), 0),  # straight above the paddle: reflected
        ((4, 1, 1, 1), 1, (4, 2, -1, -1), 0),  # beside it: back whence it came
        ((4, 0, 1, 1), 0, (4, 1, -1, -1), 0),  # the paddle has moved below it
    ],
)
def test_bounces(before, action, after, reward):
    state, paid = game(COURT).step(court(*before), jnp.int32(action))
    assert tuple(int(n) for n in (state.row, state.column, state.down, state.right)) == after
    assert paid == reward and not game(COURT).over(state)
    assert (int(state.last_row), int(state.last_column)) == before[:2]
    assert state.bricks.sum() == 5 - reward


def test_the_ceiling_and_the_end_of_the_wall():
    rules = game(COURT)
    state, _ = rules.step(court(1, 1, -1, 1, bricks=[4]), jnp.int32(1))
    state, _ = rules.step(state, jnp.int32(1))
    assert (state.row, state.down) == (0, 1)  # from row 0 against the ceiling
    state, reward = rules.step(state, jnp.int32(1))
    assert reward == 1 and rules.won(state) and rules.over(state)


def test_a_lost_ball_ends_the_episode():
    rules = game(COURT)
    state, reward = rules.step(court(4, 4, 1, -1, paddle=0), jnp.int32(1))
    assert state.lost and rules.over(state) and not rules.won(state) and reward == 0


def test_breakout_in_colours():
    picture = np.asarray(
        game(COURT).observe(court(3, 1, 1, 1)._replace(last_row=jnp.int32(2), last_column=jnp.int32(0)))
    )
    expected = np.zeros((6, 5, 3))
    expected[5, 2, 0], expected[3, 1, 1], expected[2, 0, 1], expected[1, :, 2] = 255, 255, 128, 255
    np.testing.assert_array_equal(picture, expected)


# Boards.


def test_lines_of_the_boards():
    assert len(lines(3, 3, 3)) == 8 and len(lines(6, 7, 4)) == 69 and len(lines(4, 4, 4)) == 10
    wins = {tuple(line) for line in lines(3, 3, 3)}
    assert wins == {(0, 1, 2), (3, 4, 5), (6, 7, 8), (0, 3, 6), (1, 4, 7), (2, 5, 8), (0, 4, 8), (2, 4, 6)}


@pytest.mark.parametrize("line", lines(3, 3, 3).tolist())
def test_every_line_of_tic_tac_toe_wins(line):
    others = [cell for cell in range(9) if cell not in line][:2]
    moves = [line[0], others[0], line[1], others[1], line[2]]
    states, rewards = play("tic_tac_toe", moves)
    rules = game("tic_tac_toe")
    assert rewards == [0, 0, 0, 0, 1] and rules.over(states[-1]) and rules.won(states[-1])
    assert not any(rules.over(state) for state in states[:-1]) and not rules.legal(states[-1]).any()


def test_a_drawn_game():
    states, rewards = play("tic_tac_toe", [0, 4, 8, 1, 7, 6, 2, 5, 3])
    rules = game("tic_tac_toe")
    assert not any(rewards) and rules.over(states[-1]) and not rules.won(states[-1])
    seen = np.asarray(rules.observe(states[3]))  # O is to move
    assert seen[1, 1].tolist() == [255, 0] and seen[0, 0].tolist() == seen[2, 2].tolist() == [0, 255]


def test_stones_fall_in_connect_four():
    states, rewards = play("connect_four", [0, 1, 0, 1, 0, 1, 0])
    assert rewards[-1] == 1  # four in the first column
    np.testing.assert_array_equal(states[4].stones[:, 0], [0, 0, 1, 1])
    assert game("connect_four").legal(states[-2]).all()
    full, _ = play("connect_four", [0, 0, 0, 0])
    assert game("connect_four").legal(full[-1]).tolist() == [False, True, True, True]


# Perfect play.


@functools.cache
def table(spec):
    return solve(game_of(spec))


def minimax(stones):
    """The value of tic-tac-toe to the mover, in plain Python."""
    if any(all(stones[cell] == -1 for cell in line) for line in lines(3, 3, 3).tolist()):
        return -1
    free = [cell for cell in range(9) if stones[cell] == 0]
    values = [-minimax(tuple(-s if i != cell else -1 for i, s in enumerate(stones))) for cell in free]
    return max(values, default=0)


def test_tic_tac_toe_has_5478_positions_and_is_drawn():
    solved = table("tic_tac_toe")
    assert len(solved.keys) == 5478 and (np.diff(solved.keys.astype(np.int64)) > 0).all()
    assert (
        solved.values[0] == 0 and solved.best[0].all()
    )  # key 0 is the empty board: every opening holds the draw


def test_small_connect_four_has_tromps_161029_positions_and_is_drawn():
    solved = table("connect_four")
    assert len(solved.keys) == 161_029 and solved.values[0] == 0


def test_values_and_moves_against_plain_minimax():
    random, boards = np.random.default_rng(0), []
    while len(boards) < 40:
        stones, moves = np.zeros(9, int), random.permutation(9)[: random.integers(3, 8)]
        stones[moves[::-1][::2]], stones[moves[::-1][1::2]] = -1, 1
        if minimax(tuple(-stones)) != -1 and minimax(tuple(stones)) != -1 or len(moves) < 5:
            boards.append(stones)
    stones = jnp.asarray(np.array(boards).reshape(-1, 3, 3), jnp.int8)
    seen = jax.vmap(game_of("tic_tac_toe").observe)(Board(stones, jnp.zeros(40, bool)))
    found = np.asarray(best_moves(table("tic_tac_toe"), seen))
    for board, best in zip(boards, found):
        after = {}
        for cell in np.flatnonzero(board == 0):
            moved = board.copy()
            moved[cell] = 1
            after[cell] = -minimax(tuple(-moved))
        assert set(np.flatnonzero(best)) == {
            cell for cell, value in after.items() if value == max(after.values())
        }


def test_perfect_play_is_refused_where_it_would_be_too_long():
    with pytest.raises(ValueError, match="at most 20 cells, not 42"):
        solve(game_of("connect_four(rows=6,columns=7)"))
