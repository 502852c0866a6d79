"""Does ELU learn faster than ReLU on MNIST, in eight dense layers and in a convolutional network?

    ./launch.sh elu

Cost: about a minute on two CPU cores (2 networks, 2 activations, 5 seeds, one pass over 10,000 images of MNIST).
Expected: Clevert et al. 2016, section 4.1, eight layers of 128 units on MNIST: the training error of ELU falls fastest,
and its units keep a mean activation nearer to zero than those of ReLU and of leaky ReLU with a slope of 0.1.
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study

DENSE, CONVOLUTIONAL = "mlp(depth=8,width=128)", "strided_cnn(dropout=0.0)"

STUDY = Study(
    base=Config(
        dataset="few(n=10000)", init="he_normal", lr=0.01, optimizer="momentum", batch_size=64, epochs=1, evals=13,
        target_error=0.1, probe=(),
    ),
    axes={"model": (DENSE, CONVOLUTIONAL), "activation": ("elu", "relu")},
    seeds=5,
    smoke={"epochs": 0.2, "dataset": "digits", "model": (DENSE,)},
)  # fmt: skip

SOURCE = {"source": "Clevert et al. 2016, arXiv:1511.07289, section 4.1", "cited": "ELU's training error falls fastest"}


def _faster(id: str, model: str, where: str) -> Claim:
    return Claim(
        id=id,
        statement=f"In {where}, ELU comes to 10 % training error in fewer steps than ReLU.",
        better={"model": model, "activation": "elu"},
        worse={"model": model, "activation": "relu"},
        metric="steps_to_target",
        scale="ratio",
        smallest=1.1,
        **SOURCE,
    )


CLAIMS = (
    _faster("dense-relu", DENSE, "eight dense layers"),
    _faster("cnn-relu", CONVOLUTIONAL, "a convolutional network"),
    Claim(
        id="dense-error", statement="After one pass, eight dense layers err less with ELU than with ReLU.",
        better={"model": DENSE, "activation": "elu"}, worse={"model": DENSE, "activation": "relu"}, smallest=0.003,
        **SOURCE,
    ),
    Claim(
        id="cnn-error", statement="After one pass, the convolutional network makes less test error with ELU.",
        better={"model": CONVOLUTIONAL, "activation": "elu"}, worse={"model": CONVOLUTIONAL, "activation": "relu"},
        smallest=0.003, **SOURCE,
    ),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
