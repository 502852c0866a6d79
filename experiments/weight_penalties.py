"""Do penalties and limits on the weights, L1, L2 and max-norm, help a network that overfits?

    ./launch.sh weight_penalties

Cost: about two minutes on two CPU cores (3 x 2 arms, 8 seeds, 1,000 images of MNIST to learn from).
Expected: a lecture says that regularisation improves generalisation, and names L1, L2, dropout and augmentation.
Srivastava et al. 2014, table 9, MNIST: L2 1.62 %, L2 and L1 1.60 %, max-norm 1.35 % test error.

The strengths were chosen beforehand by validation error, on another seed: L1 among 0.0001, 0.0003 and 0.001, L2 among
0.001, 0.003, 0.01 and 0.03, max-norm among 1, 1.5 and 2. The gap is the test error less the training error.
"""

import dataclasses

from assay import cli
from assay.claims import Claim
from assay.sweep.study import Study

from experiments import dropout

NONE, L1, NORM = "momentum", "momentum(l1=0.0001)", "momentum(max_norm=1.5)"
L2 = 0.003

STUDY = Study(
    base=dataclasses.replace(dropout.BASE, model=dropout.network(0.0)),
    axes={
        "optimizer": (NONE, L1, NORM),
        "weight_decay": (0.0, L2),
    },
    seeds=8,
    smoke={"epochs": 1, "dataset": "digits"},
)

PLAIN = {"optimizer": NONE, "weight_decay": 0.0}
ARMS = {
    "l1": ("an L1 penalty", {"optimizer": L1, "weight_decay": 0.0}),
    "l2": ("weight decay", {"optimizer": NONE, "weight_decay": L2}),
    "max-norm": ("a limit to the norm of the weights into a unit", {"optimizer": NORM, "weight_decay": 0.0}),
}
SOURCE = {"source": "Farkas lecture 9, regularisation", "cited": "regularisation improves generalisation"}

CLAIMS = (
    *(
        Claim(
            id=f"{name}-error", statement=f"The test error is lower with {what}, by at least 0.3 points.",
            better=arm, worse=PLAIN, smallest=0.003, **SOURCE,
        )
        for name, (what, arm) in ARMS.items()
    ),
    *(
        Claim(
            id=f"{name}-gap", statement=f"The gap to new examples is narrower with {what}, by at least 0.3 points.",
            better=arm, worse=PLAIN, metric="gap_error", smallest=0.003, **SOURCE,
        )
        for name, (what, arm) in ARMS.items()
    ),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
