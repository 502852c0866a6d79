"""Of about 59,000 parameters, should a network make depth or width, and should its layers widen or taper?

    ./launch.sh depth_or_width
    ./launch.sh depth_or_width --dataset=fashion_mnist

Cost: about 3 minutes on two CPU cores (7 networks, 7 seeds, MNIST; needs MNIST).
Expected: lecture decks say that depth is more effective than width, that deeper networks need fewer units and
generalise better, and that doubling the width from layer to layer helps; none gives a figure. On MNIST every network
of this size is near 2 % test error, so a fifth of a point is taken as the least difference of interest. The sawtooth
and parity, where depth could matter more, are in the experiment universal_approximation.
"""

from assay import cli
from assay.claims import Claim, references
from assay.config import Config
from assay.sweep.study import Study

# 59,635, 59,695, 59,210 and 59,808 parameters
ONE, TWO, THREE, FIVE = (
    f"mlp(depth={depth},width={width})" for depth, width in ((1, 75), (2, 69), (3, 64), (5, 58))
)  # fmt: skip
DOUBLING = "mlp(depth=3,growth=2.0,width=46)"  # 59,396: layers of 46, 92 and 184
HALVING = "mlp(depth=3,growth=0.5,width=71)"  # 59,183: 71, 36 and 18
AS_MANY_UNITS = "mlp(depth=2,width=37)"  # 74 units, against 75 in one layer; 30,841 parameters

STUDY = Study(
    base=Config(
        dataset="mnist", activation="relu", init="he_normal", optimizer="adam", lr=0.002, schedule="cosine",
        batch_size=128, epochs=5, evals=2, probe=(),
    ),
    axes={"model": (ONE, TWO, THREE, FIVE, DOUBLING, HALVING, AS_MANY_UNITS)},
    seeds=7,
    smoke={"epochs": 0.1, "model": (ONE, TWO)},
)  # fmt: skip

DEPTH = {"source": "Farkas lecture 9; Hamalainen 2018, part 1", "cited": "depth is more effective than width"}
UNITS = {
    "source": "Farkas lecture 9; Goodfellow et al. 2016, section 6.4.1",
    "cited": "deeper: far fewer units, better generalisation",
}
WIDEN = {"source": "Hamalainen 2018, part 1", "cited": "double the width from layer to layer"}


def _claim(id: str, statement: str, better: str, worse: str, **more) -> Claim:
    arms = {"better": {"model": better}, "worse": {"model": worse}}
    return Claim(id=id, statement=statement, smallest=0.002, **arms, **more)


CLAIMS = (
    _claim("three-one", "Three layers err at least 0.2 points less than one.", THREE, ONE, **DEPTH),
    _claim("five-one", "Five layers err at least 0.2 points less than one.", FIVE, ONE, **DEPTH),
    _claim(
        "units", "In two layers, 74 units err at least 0.2 points less than 75 in one.", AS_MANY_UNITS, ONE, **UNITS,
    ),
    _claim(
        "train", "Three layers err at least 0.2 points less than one on the training examples.", THREE, ONE,
        metric="train_error", **UNITS,
    ),
    _claim("doubling", "Layers that double err at least 0.2 points less than layers alike.", DOUBLING, THREE, **WIDEN),
    _claim(
        "doubling-halving", "Layers that double err at least 0.2 points less than layers that halve.",
        DOUBLING, HALVING, **WIDEN,
    ),
)  # fmt: skip

PUBLISHED = tuple(
    references.published(f"hinton2006-table1-mnist-{network}", {"dataset": "mnist", "model": model})
    for network, model in (("784-800-10", ONE), ("784-500-300-10", TWO))
)

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS, PUBLISHED)
