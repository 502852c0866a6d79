"""How many times faster than tanh does a ReLU network reach 25 % training error?

    ./launch.sh activation_speed
    ./launch.sh activation_speed --dataset=cifar10 --model=strided_cnn --epochs=20

Cost: about a minute on two CPU cores (2 arms, 12 seeds, the 8x8 digits).
Expected: "6x": Krizhevsky et al. 2012, figure 1, steps to 25 % training error of a 4-layer convolutional network on
CIFAR-10, each with its own learning rate. Here both have the same one, and a small network on small images.
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study

STUDY = Study(
    base=Config(
        dataset="digits",
        model="strided_cnn(dropout=0.0,padding='SAME')",
        init="he_normal",
        lr=0.02,
        batch_size=32,
        epochs=30,
        evals=90,
        target_error=0.25,
    ),
    axes={"activation": ("relu", "tanh")},
    seeds=12,
    smoke={"epochs": 2},
)

ARMS = {
    "better": {"activation": "relu"},
    "worse": {"activation": "tanh"},
    "metric": "steps_to_target",
    "scale": "ratio",
    "source": "Krizhevsky et al. 2012, figure 1; Farkas lecture 9",
    "cited": "6x",
}

CLAIMS = (
    Claim(
        id="relu-faster", statement="ReLU reaches 25 % training error in fewer steps than tanh.", smallest=1.1, **ARMS
    ),
    Claim(
        id="relu-6x",
        statement="ReLU reaches 25 % training error at least six times faster than tanh.",
        smallest=6.0,
        **ARMS,
    ),
)

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
