"""Is squared error much worse than cross-entropy in classification when both are tuned?

    ./launch.sh squared_error
    ./launch.sh squared_error --dataset=digits --epochs=30

Cost: about 6 minutes on two CPU cores (2 losses, 2 optimisers, MNIST, Fashion-MNIST, 6 rates, 2 inits, 6 seeds).
Expected: the lecture says much worse. Hui & Belkin 2021 (arXiv:2006.07322), tables 1 to 3, find squared error equal or
better on most of their tasks, with learning rates tuned for each loss. Here every loss is trained for three epochs at
the same six learning rates from two initialisations, one pair is chosen on validation, and the test errors at the
chosen ones are compared: with momentum, whose largest stable step the steep directions of squared error bound, and
with Adam, which scales its steps. The initialisation is tuned because He's makes large outputs, which are errors that
squared error has to undo first; with uniform_fan_in, 1 / sqrt(n), they begin small. The report shows both rankings,
untuned (0.1 and He's for all) and tuned.
"""

from assay import cli
from assay.claims import Claim, references
from assay.config import Config
from assay.sweep.study import Study

DATASETS = ("mnist", "fashion_mnist")
OPTIMIZERS = ("momentum", "adam")

STUDY = Study(
    base=Config(
        model="mlp(depth=2,width=128)",
        activation="relu",
        init="he_normal",
        lr=0.1,
        schedule="cosine",
        batch_size=128,
        epochs=3,
        evals=3,
        target_error=0.1,
        probe=(),
    ),
    axes={"dataset": DATASETS, "optimizer": OPTIMIZERS, "loss": ("cross_entropy", "squared_error")},
    tune={"lr": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3), "init": ("he_normal", "uniform_fan_in")},
    seeds=6,
    smoke={"epochs": 0.5, "dataset": ("digits",), "lr": (0.003, 0.1), "init": ("he_normal",)},
)

SOURCE = {"source": "Hamalainen part 1, loss functions", "cited": "classification is much worse with squared error"}


def _much_worse(dataset: str, optimizer: str) -> Claim:
    return Claim(
        id=f"much-worse-{dataset}-{optimizer}",
        statement=f"On {dataset} with {optimizer}, squared error makes at least 1.2 times the errors.",
        better={"dataset": dataset, "optimizer": optimizer, "loss": "cross_entropy"},
        worse={"dataset": dataset, "optimizer": optimizer, "loss": "squared_error"},
        smallest=1.2,
        scale="ratio",
        **SOURCE,
    )


CLAIMS = tuple(_much_worse(dataset, optimizer) for optimizer in OPTIMIZERS for dataset in DATASETS)

PUBLISHED = tuple(
    references.published(f"hinton2006-table1-mnist-{network}", {"dataset": "mnist", "loss": loss})
    for network, loss in (("784-500-300-10", "cross_entropy"), ("784-500-150-10", "squared_error"))
)

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS, PUBLISHED)
