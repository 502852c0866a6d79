"""Do trained ReLU networks use the exponentially many linear regions that depth makes possible?

    ./launch.sh linear_regions
    ./launch.sh linear_regions --dataset=xor,circle --epochs=50

Cost: about 2 minutes on two CPU cores (9 networks, trained and untrained, 8 seeds, two spirals).
Expected: Montufar et al. 2014: of four layers of 8 units, some network has 151,552 regions at least, of one layer of 32
units none has more than 529. Hanin & Rolnick 2019: at initialisation and after training the number follows the number
of units, not the depth.
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study

WIDTH = 8
DEPTHS = (1, 2, 3, 4, 5)
TRAINED, UNTRAINED = 0.01, 1e-12  # learning rates: steps of 1e-12 are lost in a weight's rounding


def deep(depth: int) -> str:
    return f"mlp(depth={depth},width={WIDTH})"


def shallow(depth: int) -> str:
    """One hidden layer of as many units."""
    return f"mlp(depth=1,width={depth * WIDTH})"


STUDY = Study(
    base=Config(
        task="linear_regions", dataset="spiral(noise=0.2)", activation="relu",
        init="meanfield(sigma_w2=2,sigma_b2=0.1)",
        optimizer="adam", batch_size=50, epochs=150, evals=1, probe=(),
    ),
    axes={"model": (*map(deep, DEPTHS), *map(shallow, DEPTHS[1:])), "lr": (TRAINED, UNTRAINED)},
    seeds=8,
    smoke={"dataset": "spiral(noise=0.2,n=200)", "epochs": 2, "model": (deep(2),)},
)  # fmt: skip


def _arm(model: str, lr: float) -> dict[str, str | float]:
    return {"model": model, "lr": lr}


BOUND = {
    "source": "Montufar et al. 2014, section 3",
    "cited": "151,552 regions at least against 529 at most: 286 times",
}
FEW = {"source": "Hanin & Rolnick 2019", "cited": "the count follows that of units, whatever the depth"}

CLAIMS = (
    Claim(
        id="exponential",
        statement="Trained, one layer of 32 units has at least 286 times fewer regions than four of 8.",
        better=_arm(shallow(4), TRAINED), worse=_arm(deep(4), TRAINED), metric="regions", scale="ratio", smallest=286,
        **BOUND,
    ),
    Claim(
        id="untrained",
        statement="Untrained, four layers of 8 units have as many regions as one of 32, within a factor of 3.",
        better=_arm(shallow(4), UNTRAINED), worse=_arm(deep(4), UNTRAINED), metric="regions", scale="ratio", smallest=3,
        expects="equivalence", **FEW,
    ),
    Claim(
        id="trained",
        statement="Trained, four layers of 8 units have as many regions as one of 32, within a factor of 3.",
        better=_arm(shallow(4), TRAINED), worse=_arm(deep(4), TRAINED), metric="regions", scale="ratio", smallest=3,
        expects="equivalence", **FEW,
    ),
    Claim(
        id="layers",
        statement="Trained, five layers of 8 units have at least twice the regions of two.",
        better=_arm(deep(2), TRAINED), worse=_arm(deep(5), TRAINED), metric="regions", scale="ratio", smallest=2, **FEW,
    ),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
