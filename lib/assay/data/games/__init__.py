"""Games, as rules in JAX and as data sets of episode seeds."""

from assay.data.games.episodes import episodes, game_of, GAMES
from assay.data.games.game import Game
from assay.data.games.perfect import best_moves, solve, Table

__all__ = ["Game", "GAMES", "Table", "best_moves", "episodes", "game_of", "solve"]
