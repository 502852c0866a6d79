"""Tic-tac-toe: three in a row on a board of 3x3."""

from assay.data.games.board import board_game
from assay.data.games.game import Game


def tic_tac_toe() -> Game:
    """Nine actions, the cells row by row. 5,478 positions; perfect play ends in a draw."""
    return board_game(
        rows=3,
        columns=3,
        length=3,
        actions=9,
        cell=lambda stones, action: action,
        legal=lambda stones: stones.reshape(-1) == 0,
    )
