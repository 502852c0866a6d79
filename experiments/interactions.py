"""How much of what products of two inputs decide does a linear model miss?

    ./launch.sh interactions

Cost: about 2 minutes on two CPU cores (3 data sets, 3 networks, 10 seeds).
Expected: a linear model cannot use an interaction at all. Of scores with no, half and all of their variance from
products of two inputs it errs in 0, about 25 and 50 % of cases (arccos(sqrt(1 - share)) / pi for normal scores); a
network with a hidden layer learns them. Without interactions the network should be no better; whether it is worse is
asked as well.
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study

LINEAR, SMALL, WIDE = "mlp(depth=0)", "mlp(depth=1,width=10)", "mlp(depth=1,width=100)"


def _share(share: float) -> str:
    return f"interactions(share={share})"


STUDY = Study(
    base=Config(
        activation="relu", init="he_normal", optimizer="adam", lr=0.005, schedule="cosine",
        batch_size=100, epochs=60, evals=4, probe=(),
    ),
    axes={"dataset": (_share(0.0), _share(0.5), _share(1.0)), "model": (LINEAR, SMALL, WIDE)},
    seeds=10,
    smoke={"epochs": 1, "dataset": ("interactions(n=800)",), "model": (LINEAR, SMALL)},
)  # fmt: skip

SOURCE = {
    "source": "Farkas lecture 9; Goodfellow et al. 2016, section 6.1",
    "cited": "the linear model cannot understand the interaction between any two input variables",
}


def _claim(id: str, statement: str, share: float, better: str, worse: str, smallest: float, **more) -> Claim:
    arms = {side: {"dataset": _share(share), "model": m} for side, m in (("better", better), ("worse", worse))}
    return Claim(id=id, statement=statement, smallest=smallest, **arms, **SOURCE, **more)


CLAIMS = (
    _claim(
        "all", "Where products decide all, 100 hidden units err at least 30 points less than a linear model.",
        1.0, WIDE, LINEAR, 0.3,
    ),
    _claim(
        "half", "Where products decide half, 100 hidden units err at least 10 points less than a linear model.",
        0.5, WIDE, LINEAR, 0.1,
    ),
    _claim(
        "half-small", "Where products decide half, 10 hidden units err at least 10 points less than a linear model.",
        0.5, SMALL, LINEAR, 0.1,
    ),
    _claim(
        "none", "Where products decide nothing, 100 hidden units err as often as a linear model, to 1 point.",
        0.0, WIDE, LINEAR, 0.01, expects="equivalence",
    ),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
