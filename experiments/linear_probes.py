"""Do the layers of a network make the classes easier for a linear model, and in how few dimensions?

    ./launch.sh linear_probes
    ./launch.sh linear_probes --dataset=fashion_mnist

Cost: about 4 minutes on two CPU cores (6 probes of one network, 6 seeds, MNIST; needs MNIST).
Expected: Alain & Bengio 2016, figure 5: the error of linear probes falls from layer to layer. With cross-entropy and
ten classes the last layer may tend to nine dimensions (Papyan, Han & Donoho 2020), so nine principal components of it
are compared with all of its 64 units and with nine of the pixels. Layers that are only initialised are the control.
"""

from assay import cli
from assay.claims import Claim, references
from assay.config import Config
from assay.sweep.study import Study


def _probe(layer: int, *more: str) -> str:
    return f"linear_probe({','.join((*more, f'layer={layer}'))})"


PIXELS, FIRST, LAST = (_probe(layer) for layer in (0, 1, 4))
UNTRAINED = "linear_probe(layer=4,trained=False)"
NINE_PIXELS, NINE = _probe(0, "components=9"), _probe(4, "components=9")

STUDY = Study(
    base=Config(
        dataset="mnist", model="mlp(depth=4,width=64)", activation="relu", init="he_normal",
        optimizer="adam", lr=0.002, schedule="cosine", batch_size=128, epochs=5, evals=2, probe=(),
    ),
    axes={"task": (PIXELS, FIRST, LAST, UNTRAINED, NINE_PIXELS, NINE)},
    seeds=6,
    smoke={"epochs": 0.1, "task": (PIXELS, LAST)},
)  # fmt: skip

EASIER = {
    "source": "Farkas lecture 9; Ehinger 2021; Alain & Bengio 2016",
    "cited": "features more amenable to linear classifiers",
}
EMBEDDING = {"source": "Ehinger 2021, quiz", "cited": "an embedding is a lower-dimensional useful space"}


def _claim(id: str, statement: str, better: str, worse: str, smallest: float, **more) -> Claim:
    arms = {"better": {"task": better}, "worse": {"task": worse}}
    return Claim(id=id, statement=statement, smallest=smallest, **{"metric": "probe_error", **arms, **more})


CLAIMS = (
    _claim(
        "last-pixels", "Probes err at least 3 points less on the last layer than on pixels.",
        LAST, PIXELS, 0.03, **EASIER,
    ),
    _claim(
        "last-first", "Probes err at least half a point less on the last layer than on the first.",
        LAST, FIRST, 0.005, **EASIER,
    ),
    _claim(
        "untrained", "Probes err at least 3 points less on a last layer that learnt than on an initial one.",
        LAST, UNTRAINED, 0.03, **EASIER,
    ),
    _claim(
        "nine-all", "Nine components of the last layer give the error of all of it, to half a point.",
        NINE, LAST, 0.005, expects="equivalence", **EMBEDDING,
    ),
    _claim(
        "nine-pixels", "Nine components of the last layer err at least 10 points less than nine of the pixels.",
        NINE, NINE_PIXELS, 0.1, **EMBEDDING,
    ),
    _claim(
        "dimension", "The last layer has at most half the dimensions of the pixels (participation ratio).",
        LAST, PIXELS, 2.0, metric="dimension", scale="ratio", **EMBEDDING,
    ),
)  # fmt: skip

PUBLISHED = (
    references.published("lecun1998-fig9-mnist-linear", {"dataset": "mnist", "task": PIXELS}, metric="probe_error"),
)

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS, PUBLISHED)
