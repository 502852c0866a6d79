"""Which nonlinearity learns best, each with the initialisation that was made for it?

    ./launch.sh activations
    ./launch.sh activations --activation='relu,elu(alpha=2.0),gelu' --init=he_normal,lsuv --seeds=20

Cost: about a minute on two CPU cores (12 x 2 arms, 10 seeds, the 8x8 digits).
Expected: the order of their invention - threshold, sigmoid, linear, thresholded linear, tanh, softsign, ReLU, leaky
ReLU, ELU - is told as one of progress. Maas et al. 2013, section 3: leaky rectifiers do nearly what rectifiers
do; Xu et al. 2015: a slope on the negative side improves results, a large one most; Glorot et al. 2011: the hard
rectifier is as good as its smooth form, softplus, or better; Clevert et al. 2016, figure 4: ELU learns fastest.

The pairs are the sources': Glorot's initialisation for the sigmoidal functions and the linear ones, He's for the
rectifiers. SELU has `self_normalising`; the speed of ELU, `elu`.
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study

SIGMOIDAL = ("threshold", "sigmoid", "linear", "thresholded_linear", "tanh", "softsign")
LEAKY = tuple(f"leaky_relu(alpha={alpha})" for alpha in (0.01, 0.2, 0.5))

STUDY = Study(
    base=Config(
        dataset="digits", model="mlp(depth=5,width=64)", optimizer="adam", lr=0.002, batch_size=32, epochs=20, evals=5,
        probe=(),
    ),
    axes={
        "activation": ("relu", *SIGMOIDAL, *LEAKY, "elu", "softplus"),
        "init": ("glorot_uniform", "he_normal"),
    },
    seeds=10,
    smoke={"epochs": 1},
)


def _init(activation: str) -> str:
    return "glorot_uniform" if activation in SIGMOIDAL else "he_normal"


def _beats(better: str, worse: str, id: str, statement: str, smallest: float = 0.005, **details) -> Claim:
    """The first, with its initialisation, against the second with its own."""
    return Claim(
        id=id,
        statement=statement,
        better={"activation": better, "init": _init(better)},
        worse={"activation": worse, "init": _init(worse)},
        smallest=smallest,
        **details,
    )


EVOLUTION = {
    "source": "Farkas lecture 9, evolution of activation functions",
    "cited": "logic threshold, sigmoid, linear, thresholded linear, tanh and softsign, ReLU",
}
LEAK = {
    "source": "Xu et al. 2015, arXiv:1505.00853",
    "cited": "a slope on the negative side consistently improves the results",
}
ELU = {"source": "Clevert et al. 2016, section 4.1", "cited": "8 layers of 128, MNIST: ELU's error falls fastest"}

CLAIMS = (
    _beats(
        "sigmoid", "threshold", "sigmoid-threshold",
        "The sigmoid makes less test error than the threshold it smooths, which is trained straight through.",
        **EVOLUTION,
    ),
    _beats(
        "sigmoid", "linear", "sigmoid-linear", "In five layers, sigmoid units make less test error than linear ones.",
        **EVOLUTION,
    ),
    _beats(
        "thresholded_linear", "linear", "ramp-linear", "Linear units make less test error if cut off at 0 and 1.",
        **EVOLUTION
    ),
    _beats("tanh", "sigmoid", "tanh-sigmoid", "tanh makes less test error than the sigmoid.", **EVOLUTION),
    _beats("relu", "tanh", "relu-tanh", "ReLU makes less test error than tanh.", **EVOLUTION),
    _beats(
        LEAKY[0], "relu", "leak-small", "A leak of 0.01 changes the test error of ReLU by less than 1 point.",
        smallest=0.01, expects="equivalence",
        source="Maas et al. 2013, section 3", cited="nearly as the standard rectifier",
    ),
    _beats(LEAKY[1], "relu", "leak-large", "A leak of 0.2 makes less test error than none.", **LEAK),
    _beats(LEAKY[1], LEAKY[2], "leak-too-large", "A leak of 0.2 makes less test error than one of 0.5.", **LEAK),
    _beats("elu", "relu", "elu-error", "ELU makes less test error than ReLU.", **ELU),
    _beats(
        "relu", "softplus", "relu-softplus", "ReLU makes less test error than softplus, its smooth form.",
        source="Glorot, Bordes & Bengio 2011, section 3", cited="the hard rectifier is at least as good",
    ),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
