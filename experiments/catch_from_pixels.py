"""Does a network learn to play from pixels, and what do the replay, the target network and depth add?

    ./launch.sh catch_from_pixels
    ./launch.sh catch_from_pixels --activation=relu,tanh --dataset='catch(rows=12,columns=9)'

Cost: about 6 minutes on two CPU cores (2 networks, with and without replay and target network, 5 seeds, catch).
Expected: Mnih et al. 2015, extended data tables 3 and 4, score in Breakout: 316.8 with replay and target network,
240.7 without the target network, 10.2 without the replay, 3.2 without both, 3.0 for a linear network with both. Here
the game is catch, where perfect play wins every episode. A replay of 32 holds the last moves alone.
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study

BOTH, NO_TARGET = "q_learning", "q_learning(target_every=0)"
NO_REPLAY, NEITHER = "q_learning(replay=32)", "q_learning(replay=32,target_every=0)"
DEEP, LINEAR = "q_network", "mlp(depth=0)"

STUDY = Study(
    base=Config(
        task=BOTH,
        dataset="catch",
        model=DEEP,
        activation="relu",
        init="he_normal",
        optimizer="adam",
        lr=0.001,
        schedule="cosine",
        batch_size=32,
        epochs=40,
        evals=10,
        target_error=0.05,
    ),
    axes={"task": (BOTH, NO_TARGET, NO_REPLAY, NEITHER), "model": (DEEP, LINEAR)},
    seeds=5,
    smoke={"epochs": 0.2, "evals": 2, "dataset": "catch"},
)

SOURCE = "Mnih et al. 2015, extended data tables 3 and 4"

CLAIMS = (
    Claim(
        id="deep-beats-linear",
        statement="The convolutional network loses at least 20 points fewer episodes of catch than a linear one.",
        better={"task": BOTH, "model": DEEP},
        worse={"task": BOTH, "model": LINEAR},
        smallest=0.2,
        source=SOURCE,
        cited="Breakout: 316.8 against 3.0",
    ),
    Claim(
        id="replay",
        statement="The replay saves at least 2 points of lost episodes.",
        better={"task": BOTH, "model": DEEP},
        worse={"task": NO_REPLAY, "model": DEEP},
        smallest=0.02,
        source=SOURCE,
        cited="Breakout: 316.8 against 10.2",
    ),
    Claim(
        id="target-network",
        statement="The target network saves at least 2 points of lost episodes.",
        better={"task": BOTH, "model": DEEP},
        worse={"task": NO_TARGET, "model": DEEP},
        smallest=0.02,
        source=SOURCE,
        cited="Breakout: 316.8 against 240.7",
    ),
)

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
