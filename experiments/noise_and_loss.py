"""Is squared error best under Gaussian noise, and absolute error under Laplace noise?

    ./launch.sh noise_and_loss

Cost: about a minute on two CPU cores (2 noises x 2 losses, each at 6 learning rates, 10 seeds, sin(x)/x).
Expected: maximum likelihood says so: the squared error is the negative log-likelihood of Gaussian noise, the absolute
error that of Laplace noise. For a single location the variance of the median is pi/2 = 1.57 times that of the mean
under Gaussian noise, and half of it under Laplace noise (Lehmann & Casella 1998, section 6.2). Here a network fits a
curve; the noise is of the same variance, drawn anew at every step, and the error is measured against the curve itself.
Every arm has its own learning rate, chosen on validation.
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study

GAUSSIAN, LAPLACE = (f"target_noise(kind='{kind}',std=1.0)" for kind in ("gaussian", "laplace"))

STUDY = Study(
    base=Config(
        task="regress",
        dataset="sinc",
        model="mlp(depth=2,width=32)",
        activation="tanh",
        optimizer="adam",
        lr=0.003,
        schedule="cosine",
        batch_size=50,
        epochs=100,
        evals=5,
        target_error=0.001,
        probe=(),
    ),
    axes={"augment": (GAUSSIAN, LAPLACE), "loss": ("squared_error", "absolute_error")},
    tune={"lr": (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)},
    seeds=10,
    smoke={"epochs": 0.5, "dataset": "sinc(n=400)", "lr": (0.003, 0.01)},
)

SOURCE = {"source": "Hamalainen part 1, loss functions", "cited": "squared error is optimal for Gaussian noise"}


def _best(loss: str, other: str, noise: str, **more) -> Claim:
    arms = ({"augment": noise, "loss": name} for name in (loss, other))
    return Claim(better=next(arms), worse=next(arms), metric="test_mse", scale="ratio", **more, **SOURCE)


CLAIMS = (
    _best(
        "squared_error", "absolute_error", GAUSSIAN, id="gaussian-l2", smallest=1.1,
        statement="Under Gaussian noise the squared error leaves at least 1.1 times less error than the absolute one.",
    ),
    _best(
        "absolute_error", "squared_error", LAPLACE, id="laplace-l1", smallest=1.1,
        statement="Under Laplace noise the absolute error leaves at least 1.1 times less error than the squared one.",
    ),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
