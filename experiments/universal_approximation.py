"""How wide must one hidden layer be for parity and a sawtooth, and do more layers need fewer units?

    ./launch.sh universal_approximation
    ./launch.sh universal_approximation --dataset='parity(dims=8)' --model='mlp(depth=1,width=64),mlp(depth=3,width=32)'

Cost: about 4 minutes on two CPU cores (4 data sets, 8 networks, 8 seeds).
Expected: one hidden layer approximates everything (Cybenko 1989; Hornik 1991), but the width may grow exponentially:
a sawtooth of 2^k teeth takes k layers of constant width, or 2^k units in one (Telgarsky 2016). What is compared here
is what Adam finds in a fixed number of steps, not what exists. Parity is of 2, 4 and 6 signs; 8, 16, 24 units grow in
proportion to them, 8, 32, 128 double with every sign.
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study


def _parity(dims: int) -> str:
    return f"parity(dims={dims})"


def _one(width: int) -> str:
    return f"mlp(depth=1,width={width})"


def _three(width: int) -> str:
    return f"mlp(depth=3,width={width})"


TEETH = "sawtooth(teeth=8)"

STUDY = Study(
    base=Config(
        activation="relu", init="he_normal", optimizer="adam", lr=0.01, schedule="cosine",
        batch_size=100, epochs=100, evals=4, probe=(),
    ),
    axes={
        "dataset": (_parity(2), _parity(4), _parity(6), TEETH),
        # 256 units and 3 layers of 31 have 2,306 and 2,265 parameters on parity of 6; 3 layers of 21 on the sawtooth
        # 1,010 against 1,026.
        "model": (_one(8), _one(16), _one(24), _one(32), _one(128), _one(256), _three(21), _three(31)),
    },
    seeds=8,
    smoke={"epochs": 1, "dataset": ("parity(dims=2,n=800)",), "model": (_one(8), _three(21))},
)  # fmt: skip

EXISTS = {
    "source": "Farkas lecture 9; Cybenko 1989",
    "cited": "one hidden layer of enough units approximates any function",
}
WIDTH = {
    "source": "Farkas lecture 9; Goodfellow et al. 2016, section 6.4.1",
    "cited": "the layer may be infeasibly large: exponential",
}
DEPTH = {
    "source": "Farkas lecture 9; Hamalainen 2018, part 1; Telgarsky 2016",
    "cited": "depth is more effective than width; fewer units",
}


def _arm(dataset: str, model: str) -> dict[str, str]:
    return {"dataset": dataset, "model": model}


def _claim(id: str, statement: str, better: dict, worse: dict, smallest: float, **more) -> Claim:
    return Claim(id=id, statement=statement, better=better, worse=worse, smallest=smallest, **more)


CLAIMS = (
    _claim(
        "width-helps", "On parity of 4, 256 units in one layer err at least 20 points less than 8.",
        _arm(_parity(4), _one(256)), _arm(_parity(4), _one(8)), 0.2, **EXISTS,
    ),
    _claim(
        "width-suffices", "256 units in one layer learn parity of 4 as well as parity of 2, to 2 points.",
        _arm(_parity(2), _one(256)), _arm(_parity(4), _one(256)), 0.02, expects="equivalence", **EXISTS,
    ),
    _claim(
        "proportional-4", "Twice the units for twice the signs do not suffice: 10 points more error on 4 than on 2.",
        _arm(_parity(2), _one(8)), _arm(_parity(4), _one(16)), 0.1, **WIDTH,
    ),
    _claim(
        "proportional-6", "Three times the units for three times the signs do not suffice: 10 points more error.",
        _arm(_parity(2), _one(8)), _arm(_parity(6), _one(24)), 0.1, **WIDTH,
    ),
    _claim(
        "doubling-4", "A width that doubles with every sign suffices from 2 to 4 signs: the same error to 5 points.",
        _arm(_parity(2), _one(8)), _arm(_parity(4), _one(32)), 0.05, expects="equivalence", **WIDTH,
    ),
    _claim(
        "doubling-6", "A width that doubles with every sign suffices from 2 to 6 signs: the same error to 5 points.",
        _arm(_parity(2), _one(8)), _arm(_parity(6), _one(128)), 0.05, expects="equivalence", **WIDTH,
    ),
    _claim(
        "depth-parity", "On parity of 6, three layers of 31 err 5 points less than 256 units, of as many parameters.",
        _arm(_parity(6), _three(31)), _arm(_parity(6), _one(256)), 0.05, **DEPTH,
    ),
    _claim(
        "depth-sawtooth",
        "On the sawtooth, three layers of 21 err 5 points less than 256 units, of as many parameters.",
        _arm(TEETH, _three(21)), _arm(TEETH, _one(256)), 0.05, **DEPTH,
    ),
    _claim(
        "fewer-units", "On the sawtooth, 63 units in three layers err 5 points less than 128 in one.",
        _arm(TEETH, _three(21)), _arm(TEETH, _one(128)), 0.05, **DEPTH,
    ),
    _claim(
        "fewer-units-parity", "On parity of 6, 63 units in three layers err 5 points less than 128 in one.",
        _arm(_parity(6), _three(21)), _arm(_parity(6), _one(128)), 0.05, **DEPTH,
    ),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
