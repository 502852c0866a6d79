"""How well does one stack of Boltzmann machines name handwritten digits, and how well does it draw them?

    ./launch.sh dbn_mnist
    ./launch.sh dbn_mnist --model='dbn(dropout=0.2)' --epochs=60

Cost: about 10 minutes on two CPU cores (784-500-500-1000 units fine-tuned in two ways, 5 seeds; needs MNIST).
Expected: Hinton, Osindero & Teh 2006, table 1: 1.25 % test error for 784-500-500-2000 after 300 epochs of
the up-down algorithm, with a top machine that learns p(image, label); figure 8 shows digits drawn with
their label clamped. Here the passes are 16 in all. One arm is for naming digits: a quarter of the run
layer by layer, then back-propagation with dropout. The other is for drawing them: up-down, with chains of
the top machine that persist and learn p(image | label), so that its own answers say little; dropout is no
part of it.
"""

from assay import cli
from assay.claims import Claim, references
from assay.config import Config
from assay.sweep.study import Study

NAME = "deep_belief(fine_tuning='backprop',share=0.25)"
DRAW = "deep_belief(persistent=True,share=0.8)"

STUDY = Study(
    base=Config(
        dataset="mnist",
        model="dbn(dropout=0.2,widths=(500,500,1000))",
        activation="sigmoid",
        init="normal(std=0.01)",
        optimizer="adam",
        lr=0.002,
        schedule="cosine",
        batch_size=100,
        epochs=16,
        evals=8,
    ),
    axes={"task": (NAME, DRAW)},
    seeds=5,
    smoke={"epochs": 0.1},
)

SOURCE = {
    "source": "Hinton, Osindero & Teh 2006, table 1 and figure 8",
    "cited": "one network: 1.25 % test error, and digits drawn for their label",
}

CLAIMS = (
    Claim(
        id="named-better",
        statement="Fine-tuned by back-propagation, the stack errs at least 1 point less in naming digits.",
        better={"task": NAME},
        worse={"task": DRAW},
        smallest=0.01,
        **SOURCE,
    ),
    Claim(
        id="drawn-better",
        statement="Fine-tuned by up-down, at least 10 points more of its clamped digits are recognised.",
        better={"task": DRAW},
        worse={"task": NAME},
        metric="clamped_error",
        smallest=0.1,
        **SOURCE,
    ),
)

PUBLISHED = (references.published("hinton2006-table1-mnist-dbn", {"dataset": "mnist", "task": NAME}),)

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS, PUBLISHED)
