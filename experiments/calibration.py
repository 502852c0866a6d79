"""Does a network with softmax and cross-entropy learn the true probabilities of the classes?

    ./launch.sh calibration

Cost: about 3 minutes on two CPU cores (2 amounts of data x 2 networks x 3 losses, 8 seeds, two Gaussian clouds).
Expected: Bishop 1995, section 6.7: cross-entropy and squared error are both minimal where the outputs are the
conditional probabilities of the classes. The clouds overlap (Bayes error 7.9 %), so that these are known: their log
odds are linear, and a linear network has no error but of estimation. The distance between learnt and true probability
must then fall as data grow; smoothed labels are an error of the loss that data do not cure.
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study

FEW, MANY = (f"gauss(noise=0.5,n={n})" for n in (400, 12800))
LINEAR, NETWORK = "mlp(depth=0)", "mlp(depth=2,width=32)"
LOSSES = ("cross_entropy", "cross_entropy(smoothing=0.1)", "squared_error")

STUDY = Study(
    base=Config(
        task="known_posterior",
        activation="tanh",
        optimizer="adam",
        lr=0.003,
        schedule="cosine",
        batch_size=10,
        epochs=20,
        evals=3,
        target_error=0.02,
        probe=(),
    ),
    axes={"dataset": (FEW, MANY), "model": (LINEAR, NETWORK), "loss": LOSSES},
    tune={"lr": (0.0003, 0.001, 0.003, 0.01, 0.03)},
    seeds=8,
    smoke={"epochs": 0.5, "dataset": (FEW,), "model": (NETWORK,), "lr": (0.003, 0.01)},
)


def _arm(dataset: str = MANY, model: str = NETWORK, loss: str = LOSSES[0]) -> dict[str, str]:
    return {"dataset": dataset, "model": model, "loss": loss}


SOURCE = {"source": "Hamalainen part 1, softmax and cross-entropy", "cited": "learns the probabilities of the classes"}

CLAIMS = (
    Claim(
        id="consistent", statement="32 times the data bring the probabilities at least twice as near to the true ones.",
        better=_arm(), worse=_arm(FEW), metric="test_distance", scale="ratio", smallest=2.0, **SOURCE,
    ),
    Claim(
        id="as-the-true-model", statement="With many data the network is as near as the linear one, to 0.02.",
        better=_arm(), worse=_arm(model=LINEAR), metric="test_distance", smallest=0.02, expects="equivalence", **SOURCE,
    ),
    Claim(
        id="unlike-smoothing", statement="Smoothed labels are at least 0.02 further from the true probabilities.",
        better=_arm(), worse=_arm(loss=LOSSES[1]), metric="test_distance", smallest=0.02, **SOURCE,
    ),
    Claim(
        id="as-squared-error", statement="The outputs of squared error are as near to the true ones, to 0.02.",
        better=_arm(), worse=_arm(loss=LOSSES[2]), metric="test_distance", smallest=0.02, expects="equivalence",
        source="Bishop 1995, section 6.7", cited="both losses are minimal at the conditional probabilities",
    ),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
