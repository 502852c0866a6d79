"""Does the noise of minibatches average out with larger batches and smaller steps?

    ./launch.sh batch_noise

Cost: about a minute on two CPU cores (3 batch sizes x 3 learning rates, 12 seeds, two overlapping Gaussian clouds).
Expected: the variance of a batch's gradient is that of one example's over the batch size (McCandlish et al. 2018,
equation 2.2), and the loss that noise leaves at a constant learning rate grows with lr / batch size (Mandt et al. 2017,
arXiv:1704.04289, section 4; Goyal et al. 2017: multiply both alike and little changes). At the learning rate 1e-9 the
networks stay where they were initialised, so that their gradients differ by the batch size alone.
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study

SMALL, MIDDLE, LARGE = 4, 32, 256
STILL, LOW, HIGH = 1e-9, 0.1, 0.8

STUDY = Study(
    base=Config(
        task="gradient_noise", dataset="gauss(noise=0.5,n=16384)", model="mlp(depth=1,width=32)", activation="tanh",
        optimizer="sgd", epochs=12, evals=4, target_error=0.1, probe=(),
    ),
    axes={"batch_size": (SMALL, MIDDLE, LARGE), "lr": (STILL, LOW, HIGH)},
    seeds=12,
    smoke={"epochs": 0.1, "dataset": "gauss(noise=0.5,n=2000)", "task": "gradient_noise(draws=20)"},
)  # fmt: skip


def _arm(batch_size: int, lr: float) -> dict[str, float]:
    return {"batch_size": batch_size, "lr": lr}


SOURCE = {"source": "Hamalainen part 1, minibatches", "cited": "noise averages out with small steps or large batches"}

CLAIMS = (
    Claim(
        id="variance-falls", statement="At 64 times the batch size the gradient has at least 32 times less variance.",
        better=_arm(LARGE, STILL), worse=_arm(SMALL, STILL), metric="gradient_variance", scale="ratio", smallest=32.0,
        **SOURCE,
    ),
    Claim(
        id="variance-is-inverse", statement="Times the batch size, that variance is the same to 10 %.",
        better=_arm(LARGE, STILL), worse=_arm(SMALL, STILL), metric="batch_gradient_variance", scale="ratio",
        smallest=1.1, expects="equivalence", **SOURCE,
    ),
    Claim(
        id="larger-batch", statement="At the high learning rate, batches of 256 end at a lower loss than batches of 4.",
        better=_arm(LARGE, HIGH), worse=_arm(SMALL, HIGH), metric="test_loss", smallest=0.005, **SOURCE,
    ),
    Claim(
        id="smaller-step", statement="With batches of 4, the low learning rate ends at a lower loss than the high one.",
        better=_arm(SMALL, LOW), worse=_arm(SMALL, HIGH), metric="test_loss", smallest=0.005, **SOURCE,
    ),
    Claim(
        id="same-ratio", statement="Batch size and learning rate both times eight: the same loss to 0.005.",
        better=_arm(MIDDLE, HIGH), worse=_arm(SMALL, LOW), metric="test_loss", smallest=0.005, expects="equivalence",
        source="Goyal et al. 2017, section 2.1", cited="linear scaling rule",
    ),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
