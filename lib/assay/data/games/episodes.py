"""Games as data sets: their examples are the seeds of episodes, for there is nothing else to store."""

from collections.abc import Callable
import functools
import pathlib

import numpy as np

from assay import spec as specs
from assay.data.dataset import complete, Dataset, Parts, Source, Split
from assay.data.games.breakout import breakout
from assay.data.games.catch import catch
from assay.data.games.connect_four import connect_four
from assay.data.games.game import Game
from assay.data.games.tic_tac_toe import tic_tac_toe

TRAIN, VALIDATION, TEST = 1000, 200, 500  # episodes

GAMES: dict[str, Callable[..., Game]] = {
    "breakout": breakout,
    "catch": catch,
    "connect_four": connect_four,
    "tic_tac_toe": tic_tac_toe,
}


def episodes(make: Callable[..., Game]) -> Callable[..., Source]:
    """The constructor of a game's data set, with the arguments of the game's.

    Examples: seeds of episodes, int32 [N, 1], disjoint between the splits; y is 0; `num_classes` counts the actions.
    """

    @functools.wraps(make)
    def source(**settings: object) -> Source:
        game = make(**settings)

        def read(spec: str, data_dir: pathlib.Path) -> Dataset:
            del data_dir  # nothing is stored
            seeds = np.arange(TRAIN + VALIDATION + TEST, dtype=np.int32)[:, None]
            parts = np.split(seeds, (TRAIN, TRAIN + VALIDATION))
            splits = (Split(x, np.zeros(len(x), np.int32)) for x in parts)
            return complete(
                spec, Parts(*splits, game.actions, "game, no data: examples are seeds of episodes")
            )

        return read

    return source


def game_of(dataset: str) -> Game:
    """The game behind the name of a data set.

    Raises:
      SpecError: it is no game.
    """
    spec = specs.parse(dataset)
    if spec.name not in GAMES:
        raise specs.SpecError(f"dataset {dataset} is no game; games are {', '.join(sorted(GAMES))}")
    return specs.build(GAMES, spec, "dataset")
