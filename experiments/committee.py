"""How much lower is the error of a committee of networks than that of one of them?

    ./launch.sh committee
    ./launch.sh committee --dataset=fashion_mnist

Cost: about 5 minutes on two CPU cores (committees of 1, 3 and 10 networks, 6 seeds, 5 epochs of MNIST).
Expected: Ciresan et al. 2012 (arXiv:1202.2745): a committee of 35 convolutional networks has 0.23 % test error on
MNIST, below each of its members. Here the members are fully connected, and differ in their initialisation alone; the report
gives the error of committees of every size up to ten.
"""

from assay import cli
from assay.claims import Claim, references
from assay.config import Config
from assay.sweep.study import Study


def _of(members: int) -> str:
    return f"ensemble(members={members})"


STUDY = Study(
    base=Config(
        dataset="mnist",
        model="mlp(depth=2,width=100)",
        activation="relu",
        init="he_normal",
        optimizer="momentum",
        lr=0.05,
        schedule="cosine",
        batch_size=128,
        epochs=5,
        evals=5,
    ),
    axes={"task": (_of(1), _of(3), _of(10))},
    seeds=6,
    smoke={"epochs": 0.1, "task": (_of(1), _of(3))},
)

SOURCE = {"source": "Ciresan et al. 2012, section 3.1", "cited": "35 networks together: 0.23 % test error on MNIST"}


def _claim(id: str, statement: str, better: int, worse: int, smallest: float, **more) -> Claim:
    arms = {"better": {"task": _of(better)}, "worse": {"task": _of(worse)}}
    return Claim(id=id, statement=statement, smallest=smallest, **arms, **SOURCE, **more)


CLAIMS = (
    _claim("ten-one", "Ten networks together err at least 0.1 points less than one.", 10, 1, 0.001),
    _claim("three-one", "Three networks together err at least 0.1 points less than one.", 3, 1, 0.001),
    _claim("ten-three", "Ten networks together err less than three.", 10, 3, 0.0),
    _claim(
        "members-alike", "A member of ten errs as often as a network alone, to 0.1 points.", 10, 1, 0.001,
        metric="test_member_error", expects="equivalence",
    ),
)  # fmt: skip

PUBLISHED = (references.published("ciresan2012-mnist-committee", {"dataset": "mnist", "task": _of(10)}),)

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS, PUBLISHED)
