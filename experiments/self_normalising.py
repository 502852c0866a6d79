"""Does SELU train networks of 8 to 64 layers without shortcuts, where ReLU, ELU and tanh need them?

    ./launch.sh self_normalising
    ./launch.sh self_normalising --activation=selu,gelu --model='mlp(depth=64,width=64)'

Cost: about five minutes on two CPU cores (8 networks, 4 x 2 arms, 4 learning rates, 5 seeds, the 8x8 digits).
Expected: Klambauer et al. 2017: SELU networks with LeCun's initialisation train at any depth (Tox21 AUC 83.7 at 2
layers, 83.5 at 16, 82.5 at 32), ReLU's without normalisation do not. A lecture leaves the initialisation out, so SELU
is tested with He's, too, and the others with both; dropout is the question of `alpha_dropout`.

Shortcuts go from pre-activation to pre-activation, the sum divided by sqrt(2), and there is no normalisation. Every
arm is trained at four learning rates and judged at the one that validates best: 0.01, within 3 points of the best for
all four activations at 32 layers, is too much for SELU at 64 (seen on two seeds before the study was run).
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study


def network(depth: int, skip: bool = False) -> str:
    """The Spec of the network of that depth."""
    return f"mlp(depth={depth},skip=True,width=64)" if skip else f"mlp(depth={depth},width=64)"


DEPTHS = (8, 16, 32, 64)
INIT = {"selu": "lecun_normal", "relu": "he_normal", "elu": "he_normal", "tanh": "lecun_normal"}

STUDY = Study(
    base=Config(dataset="digits", lr=0.01, batch_size=32, epochs=20, evals=4, probe=()),
    axes={
        "model": tuple(network(depth, skip) for skip in (False, True) for depth in DEPTHS),
        "activation": tuple(INIT),
        "init": ("lecun_normal", "he_normal"),
    },
    seeds=5,
    smoke={"epochs": 1, "model": (network(8),), "lr": (0.01,)},
    tune={"lr": (0.001, 0.003, 0.01, 0.03)},
)


def _arm(activation: str, depth: int = 64, skip: bool = False, init: str = "") -> dict[str, str]:
    return {"model": network(depth, skip), "activation": activation, "init": init or INIT[activation]}


SELU = {"source": "Klambauer et al. 2017; a lecture on activations", "cited": "very deep networks even without skips"}

CLAIMS = (
    Claim(
        id="selu-relu", statement="At 64 layers without shortcuts SELU makes 5 points less test error than ReLU.",
        better=_arm("selu"), worse=_arm("relu"), smallest=0.05, **SELU,
    ),
    Claim(
        id="selu-elu", statement="At 64 layers without shortcuts SELU makes 5 points less test error than ELU.",
        better=_arm("selu"), worse=_arm("elu"), smallest=0.05, **SELU,
    ),
    Claim(
        id="selu-tanh", statement="At 64 layers without shortcuts SELU makes 5 points less test error than tanh.",
        better=_arm("selu"), worse=_arm("tanh"), smallest=0.05, **SELU,
    ),
    Claim(
        id="selu-depth", statement="SELU loses less than 5 points of test error from 8 layers to 64.",
        better=_arm("selu", 8), worse=_arm("selu", 64), smallest=0.05, expects="equivalence", **SELU,
    ),
    Claim(
        id="selu-skips", statement="At 64 layers shortcuts change SELU's test error by less than 5 points.",
        better=_arm("selu"), worse=_arm("selu", skip=True), smallest=0.05, expects="equivalence", **SELU,
    ),
    Claim(
        id="selu-without-skip", statement="At 64 layers, SELU without shortcuts is within 5 points of ReLU with them.",
        better=_arm("selu"), worse=_arm("relu", skip=True), smallest=0.05, expects="equivalence", **SELU,
    ),
    Claim(
        id="selu-needs-init", statement="At 64 layers, He's initialisation costs SELU at least 5 points of test error.",
        better=_arm("selu"), worse=_arm("selu", init="he_normal"), smallest=0.05,
        source="Klambauer et al. 2017, initialisation", cited="E(w) = 0 and n Var(w) = 1 make the fixed point",
    ),
    Claim(
        id="skips-rescue-relu", statement="At 64 layers, shortcuts take at least 5 points of test error off ReLU.",
        better=_arm("relu", skip=True), worse=_arm("relu"), smallest=0.05,
        source="He et al. 2016, figure 1", cited="plain networks get worse with depth, residual ones do not",
    ),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
