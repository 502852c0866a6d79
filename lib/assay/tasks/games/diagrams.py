"""Board positions as pictures and as text."""

import numpy as np

FRAMES = 10  # of a game's picture
COLOURS = np.array([[255, 255, 255], [31, 119, 180], [214, 39, 40]], np.uint8)  # empty, who began, the other
SIGNS = np.array([".", "X", "O"])


def pictures(games: np.ndarray) -> np.ndarray:
    """Games as rows of at most 10 pictures: int8 `[B, positions, H, W]` -> uint8 `[B, pictures, H, W, 3]`."""
    at = np.linspace(0, games.shape[1] - 1, min(FRAMES, games.shape[1])).round().astype(int)
    return COLOURS[games[:, at]]


def text(game: np.ndarray) -> str:
    """The positions of one game side by side, X for who began: int8 `[positions, rows, columns]`."""
    moves = np.abs(game).sum(axis=(1, 2))
    game = game[: np.argmax(moves) + 1]  # without the repeats after the end
    return "\n".join("  ".join("".join(row) for row in rows) for rows in SIGNS[game.swapaxes(0, 1)])
