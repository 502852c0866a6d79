"""Do nearest neighbours, trees and forests fail where a deep network learns?

    ./launch.sh shallow_baselines
    ./launch.sh shallow_baselines --dataset='spiral,sawtooth'

Cost: about 2 minutes on two CPU cores (5 data sets, a network of 8 seeds, 3 learners without seeds).
Expected: Bengio 2009, section 3: kernel machines, nearest neighbours and trees, which split the space into regions
and learn each from the examples in it, need as many examples as the target has regions (2^D corners for D signs), deep
networks may not. Parity of 6 comes with 63 and with 16 training examples a corner. The learners have no seed
(assay.tasks.baseline), so the spread is the network's. Networks of one layer: experiment universal_approximation.
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study

NETWORK, NEIGHBOURS, TREE, FOREST = (
    "classify", *(f"baseline(learner='{name}')" for name in ("nearest_neighbours", "tree", "forest"))
)  # fmt: skip
EASY, HARD, SCARCE = "parity(dims=2,n=2000)", "parity(dims=6,n=8000)", "parity(dims=6,n=2000)"
PRODUCTS = "interactions"

STUDY = Study(
    base=Config(
        model="mlp(depth=3,width=32)", activation="relu", init="he_normal",
        optimizer="adam", lr=0.01, schedule="cosine", batch_size=100, epochs=100, evals=4, probe=(),
    ),
    axes={"dataset": (EASY, HARD, SCARCE, PRODUCTS, "digits"), "task": (NETWORK, NEIGHBOURS, TREE, FOREST)},
    seeds=8,
    smoke={"epochs": 1, "dataset": ("parity(dims=2,n=800)",), "task": (NETWORK, NEIGHBOURS)},
)  # fmt: skip

SOURCE = {
    "source": "Hamalainen 2018, part 1; Bengio 2009, section 3",
    "cited": "exponentially complex targets defeat shallow networks, trees, forests and nearest neighbours",
}


def _claim(id: str, statement: str, dataset: str, learner: str, smallest: float, **more) -> Claim:
    better, worse = ({"dataset": dataset, "task": task} for task in (NETWORK, learner))
    return Claim(id=id, statement=statement, better=better, worse=worse, smallest=smallest, **SOURCE, **more)


CLAIMS = (
    _claim(
        "neighbours", "On parity of 6, nearest neighbours err at least 10 points more than a deep network.",
        HARD, NEIGHBOURS, 0.1,
    ),
    _claim("tree", "On parity of 6, a tree errs at least 10 points more than a deep network.", HARD, TREE, 0.1),
    _claim("forest", "On parity of 6, a forest errs at least 10 points more than a deep network.", HARD, FOREST, 0.1),
    _claim(
        "scarce-neighbours", "On a quarter of these examples, nearest neighbours err at least 10 points more.",
        SCARCE, NEIGHBOURS, 0.1,
    ),
    _claim(
        "products-neighbours", "On products of ten inputs, nearest neighbours err at least 10 points more.",
        PRODUCTS, NEIGHBOURS, 0.1,
    ),
    _claim("products-tree", "On products of ten inputs, a tree errs at least 10 points more.", PRODUCTS, TREE, 0.1),
    _claim(
        "products-forest", "On products of ten inputs, a forest errs at least 10 points more.", PRODUCTS, FOREST, 0.1,
    ),
    _claim(
        "easy-forest", "On parity of 2, a forest errs as often as the deep network, to 2 points.",
        EASY, FOREST, 0.02, expects="equivalence",
    ),
    _claim(
        "digits-neighbours", "On the digits, nearest neighbours err as often as the deep network, to 2 points.",
        "digits", NEIGHBOURS, 0.02, expects="equivalence",
    ),
    _claim("digits-tree", "On the digits, a decision tree errs at least 10 points more.", "digits", TREE, 0.1),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
