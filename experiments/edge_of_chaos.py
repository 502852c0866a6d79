"""At what weight variance does a deep tanh network train: where mean-field theory puts the edge of chaos?

    ./launch.sh edge_of_chaos
    ./launch.sh edge_of_chaos --dataset=mnist --epochs=1

Cost: about 5 minutes on two CPU cores (5 depths, 9 weight variances, 5 seeds, the 8x8 digits).
Expected: Schoenholz et al. 2017, figure 5, MNIST: tanh networks of 300 units with sigma_b2 = 0.05 train to a depth of
about six times the theory's depth scale xi_c, which diverges where chi_1 = 1, at sigma_w2 = 1.76; so the deeper a
network, the nearer to 1.76 it must begin.

Rule for the measured critical value (`docs/draw_theory.py` applies it to the stored study): of the deepest network, the
geometric mean of the two sigma_w2 at which the mean test accuracy, interpolated along log sigma_w2, falls half the way
from its best value to that of chance.
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study

DEPTHS = (8, 16, 32, 64, 128)
SIGMA_W2 = (1.0, 1.3, 1.5, 1.62, 1.76, 1.95, 2.2, 2.7, 4.0)
SIGMA_B2 = 0.05
ORDERED, CRITICAL, CHAOTIC = 1.3, 1.76, 2.7


def _model(depth: int) -> str:
    return f"mlp(depth={depth},width=100)"


def _init(sigma_w2: float) -> str:
    return f"meanfield(sigma_w2={sigma_w2:g},sigma_b2={SIGMA_B2:g})"


STUDY = Study(
    base=Config(activation="tanh", optimizer="momentum", lr=0.0003, epochs=12, evals=1, probe=()),
    axes={"model": tuple(map(_model, DEPTHS)), "init": tuple(map(_init, SIGMA_W2))},
    seeds=5,
    smoke={"epochs": 1, "model": (_model(8),)},
)

SOURCE = {"source": "Schoenholz et al. 2017, figure 5", "cited": "trainable to about 6 xi_c; critical at 1.76"}


def _arm(depth: int, sigma_w2: float) -> dict[str, str]:
    return {"model": _model(depth), "init": _init(sigma_w2)}


CLAIMS = (
    Claim(
        id="ordered-64",
        statement="At 64 layers, the critical variance beats the ordered one (1.3) by 10 points of test error.",
        better=_arm(64, CRITICAL), worse=_arm(64, ORDERED), smallest=0.1, **SOURCE,
    ),
    Claim(
        id="chaotic-64",
        statement="At 64 layers, the critical variance beats the chaotic one (2.7) by 10 points of test error.",
        better=_arm(64, CRITICAL), worse=_arm(64, CHAOTIC), smallest=0.1, **SOURCE,
    ),
    Claim(
        id="ordered-128",
        statement="At 128 layers, the critical variance beats the ordered one (1.3) by 10 points of test error.",
        better=_arm(128, CRITICAL), worse=_arm(128, ORDERED), smallest=0.1, **SOURCE,
    ),
    Claim(
        id="chaotic-128",
        statement="At 128 layers, the critical variance beats the chaotic one (2.7) by 10 points of test error.",
        better=_arm(128, CRITICAL), worse=_arm(128, CHAOTIC), smallest=0.1, **SOURCE,
    ),
    Claim(
        id="shallow",
        statement="At 8 layers, the ordered variance (1.3) is within 10 points of test error of the critical one.",
        better=_arm(8, CRITICAL), worse=_arm(8, ORDERED), smallest=0.1, expects="equivalence", **SOURCE,
    ),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
