"""Does dropout train many networks at once, whose average is better than one and as good as scaled weights?

    ./launch.sh dropout_masks

Cost: about a minute on two CPU cores (3 ways to answer, 6 seeds, 1,000 images of MNIST to learn from).
Expected: Srivastava et al. 2014, section 7.5 and figure 11: the average over k sampled networks gets better with k,
reaches the network with scaled weights at about k = 50, and is a little better from there on.

The arms train the same network, and answer differently: with scaled weights, or by the mean of the probabilities
under 1 or 10 masks, drawn anew for every image.
"""

import dataclasses

from assay import cli
from assay.claims import Claim
from assay.sweep.study import Study

from experiments import dropout

SCALED, ONE, TEN = "generalise", "generalise(masks=1)", "generalise(masks=10)"

STUDY = Study(
    base=dataclasses.replace(dropout.BASE, model=dropout.network(0.5), evals=1, probe=()),
    axes={"task": (SCALED, ONE, TEN)},
    seeds=6,
    smoke={"epochs": 1, "dataset": "digits"},
)

SOURCE = {"source": "Srivastava et al. 2014, section 7.5", "cited": "many thinned networks; scaled weights approximate"}

CLAIMS = (
    Claim(
        id="many-one", statement="Ten sampled networks together make at least 1 point less test error than one.",
        better={"task": TEN}, worse={"task": ONE}, smallest=0.01, **SOURCE,
    ),
    Claim(
        id="scaled-average", statement="Scaled weights answer as ten networks do, within half a point of error.",
        better={"task": SCALED}, worse={"task": TEN}, smallest=0.005, expects="equivalence", **SOURCE,
    ),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
