"""Which changes to the training images help a network that has only a thousand of them?

    ./launch.sh augmentation

Cost: about a minute on two CPU cores (4 arms, 6 seeds, 1,000 images of MNIST to learn from).
Expected: a lecture counts augmentation among the regularisers. Simard et al. 2003, table 1, a two-layer network on
MNIST: 1.6 % without, 1.1 % with affine and 0.7 % with elastic distortions. Mirror images of digits are mostly no
digits, so that `flip` should harm.
"""

import dataclasses

from assay import cli
from assay.claims import Claim
from assay.sweep.study import Study

from experiments import dropout

STUDY = Study(
    base=dataclasses.replace(dropout.BASE, model=dropout.network(0.0)),
    axes={"augment": ("none", "shift", "elastic(grid=5,std=1.5)", "flip")},
    seeds=6,
    smoke={"epochs": 1, "dataset": "digits"},
)

SOURCE = {"source": "Farkas lecture 9, regularisation", "cited": "augmentation improves generalisation"}


def _helps(augment: str, id: str, what: str, **details) -> Claim:
    arms = {"better": {"augment": augment}, "worse": {"augment": "none"}}
    statement = f"The test error is lower with {what}, by at least half a point."
    return Claim(**{"id": id, "statement": statement, "smallest": 0.005} | arms | SOURCE | details)


CLAIMS = (
    _helps("shift", "shift", "images moved by up to two pixels"),
    _helps("elastic(grid=5,std=1.5)", "elastic", "images bent elastically", source="Simard et al. 2003, table 1"),
    _helps("flip", "flip", "mirrored images"),
    _helps(
        "shift", "shift-gap", "", metric="gap_error",
        statement="Images moved by up to two pixels narrow the gap to new examples by at least half a point.",
    ),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
