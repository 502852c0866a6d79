"""What does tree search add to a network that has learnt a game by playing itself?

    ./launch.sh self_play
    ./launch.sh self_play --model=policy_value

Cost: about 15 minutes on two CPU cores (search with the network, the network alone, random and perfect moves; 6 seeds).
Expected: Silver et al. 2017 (Nature 550), figure 6: AlphaGo Zero with search is rated 5,185 Elo, its network without
search 3,055. Here the game is tic-tac-toe, which perfect play never loses: after 96 passes neither should the network
with search (test_error: share of games lost to perfect play); after 8, the search has something to add to it
(test_loss: points given away to perfect play and to random moves, 0 all won, 1 all lost).
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study


def _play(play: str, simulations: int = 25) -> str:
    return f"self_play(opening=1,play='{play}',replay=20000,simulations={simulations},updates=4)"


SEARCH, NET, RANDOM, PERFECT = _play("search"), _play("net"), _play("random", 1), _play("perfect", 1)
SHORT, LONG = 8.0, 96.0

STUDY = Study(
    base=Config(
        dataset="tic_tac_toe",
        model="mlp(depth=2,width=128)",
        activation="relu",
        init="he_normal",
        optimizer="adam",
        lr=0.003,
        schedule="cosine",
        batch_size=64,
        evals=1,
        target_error=0.05,
    ),
    axes={"epochs": (SHORT, LONG), "task": (SEARCH, NET, RANDOM, PERFECT)},
    seeds=6,
    smoke={"dataset": "tic_tac_toe", "epochs": (0.2, 0.5), "task": (_play("net", 2), _play("random", 1))},
)

SOURCE = {"source": "Silver et al. 2017 (Nature 550), figure 6", "cited": "5,185 Elo with search, 3,055 without"}


def _claim(id: str, statement: str, better: str, worse: str, smallest: float, epochs: float = SHORT, **more) -> Claim:
    arms = {"better": {"task": better, "epochs": epochs}, "worse": {"task": worse, "epochs": epochs}}
    return Claim(id=id, statement=statement, smallest=smallest, **arms, **SOURCE, **({"metric": "test_loss"} | more))


CLAIMS = (
    _claim("search-beats-net", "Early on, search gives away at least 0.01 points a game less than the network alone.", SEARCH, NET, 0.01),
    _claim("net-beats-random", "Even then, the network gives away at least 0.1 points less than random moves.", NET, RANDOM, 0.1),
    _claim(
        "search-never-loses", "In the end search loses as few games to perfect play as perfect play does: none, to 1 point.",
        SEARCH, PERFECT, 0.01, LONG, metric="test_error", expects="equivalence",
    ),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
