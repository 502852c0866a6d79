"""Do the improved versions of gradient descent improve on it when each has a learning rate of its own?

    ./launch.sh optimizers
    ./launch.sh optimizers --dataset=digits --epochs=5

Cost: about 3 minutes on two CPU cores (5 optimisers on 2 data sets, each at 8 learning rates, 12 seeds).
Expected: Sutskever et al. 2013 and Kingma & Ba 2015 report faster training by momentum and by Adam; Schmidt et al. 2021
(arXiv:2007.01547) find that tuning one optimiser helps about as much as choosing among many. All five have the same
eight learning rates and the same number of steps; the rate is chosen on validation, the test error compared. The spiral
is the hard case: its two arms are wound into each other.
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study

OPTIMIZERS = ("sgd", "momentum", "nesterov", "rmsprop", "adam")

STUDY = Study(
    base=Config(
        model="mlp(depth=3,width=32)", activation="tanh", lr=0.1, batch_size=25, epochs=25, evals=20, probe=(),
    ),
    axes={"dataset": ("digits", "spiral"), "optimizer": OPTIMIZERS},
    tune={"lr": (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0)},
    seeds=12,
    smoke={"epochs": 0.2, "dataset": ("digits",), "lr": (0.01, 0.1)},
)  # fmt: skip

SOURCE = {"source": "Farkas lecture 9, training", "cited": "improved versions of gradient descent"}


def _claim(dataset: str, optimizer: str, smallest: float) -> Claim:
    return Claim(
        id=f"{optimizer}-{dataset}",
        statement=f"On {dataset}, {optimizer} errs at least {100 * smallest:g} points less than plain descent.",
        better={"dataset": dataset, "optimizer": optimizer},
        worse={"dataset": dataset, "optimizer": "sgd"},
        smallest=smallest,
        **SOURCE,
    )


# A point of the easy set is a third of its error; the hard set leaves room for more.
LEAST = {"digits": 0.01, "spiral": 0.05}
CLAIMS = tuple(_claim(dataset, name, least) for dataset, least in LEAST.items() for name in OPTIMIZERS[1:])

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
