"""Does ReLU avoid the saturation that a bad initialisation drives sigmoidal units into, and what does it cost?

    ./launch.sh saturation

Cost: about two minutes on two CPU cores (4 x 4 arms, 10 seeds, the 8x8 digits).
Expected: Glorot & Bengio 2010, figures 2 and 3: sigmoidal units saturate, from the top layer on, where weights do not
fit. A lecture calls ReLU asymmetric and free of saturation: its slope is 1 for every positive input, and 0 for every
negative one, which here counts as saturated.

A unit is saturated on an example where its slope is below a tenth of the steepest of its activation; it is dead where
that holds on the whole batch. The report shows both by layer at five steps of training. N(0, 1) weights are 8 times
too large for 64 inputs, N(0, 0.01^2) 12 times too small.
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study

STUDY = Study(
    base=Config(
        dataset="digits", model="mlp(depth=5,width=64)", lr=0.05, batch_size=32, epochs=30, probe=(0, 34, 170, 510, -1)
    ),
    axes={
        "activation": ("tanh", "sigmoid", "softsign", "relu"),
        "init": ("glorot_uniform", "he_normal", "normal(std=0.01)", "normal(std=1.0)"),
    },
    seeds=10,
    smoke={"epochs": 1},
)
LARGE = "normal(std=1.0)"

BAD_INIT = {"source": "Farkas lecture 9, initialisation", "cited": "bad initial weights saturate the units"}
RELU = {"source": "Farkas lecture 9, ReLU", "cited": "asymmetric, avoids saturation"}


def _arm(activation: str, init: str) -> dict[str, str]:
    return {"activation": activation, "init": init}


CLAIMS = (
    Claim(
        id="large-saturates",
        statement="N(0, 1) weights saturate 50 points more of a tanh network than Glorot's, before training.",
        better=_arm("tanh", "glorot_uniform"), worse=_arm("tanh", LARGE),
        metric="start_saturated", smallest=0.5, **BAD_INIT,
    ),
    Claim(
        id="saturation-stays", statement="After training, too, these tanh units are saturated 25 points more often.",
        better=_arm("tanh", "glorot_uniform"), worse=_arm("tanh", LARGE),
        metric="end_saturated", smallest=0.25, **BAD_INIT,
    ),
    Claim(
        id="saturation-costs", statement="That saturation costs at least 5 points of test error.",
        better=_arm("tanh", "glorot_uniform"), worse=_arm("tanh", LARGE), smallest=0.05, **BAD_INIT,
    ),
    Claim(
        id="sigmoid-large", statement="N(0, 1) weights cost a sigmoid network more test error than Glorot's.",
        better=_arm("sigmoid", "glorot_uniform"), worse=_arm("sigmoid", LARGE), smallest=0.01, **BAD_INIT,
    ),
    Claim(
        id="relu-good-init",
        statement="Each well initialised, ReLU units are less often flat after training than tanh units.",
        better=_arm("relu", "he_normal"), worse=_arm("tanh", "glorot_uniform"),
        metric="end_saturated", smallest=0.05, **RELU,
    ),
    Claim(
        id="relu-large-init",
        statement="With N(0, 1) weights, ReLU units are less often flat before training than tanh units.",
        better=_arm("relu", LARGE), worse=_arm("tanh", LARGE), metric="start_saturated", smallest=0.05, **RELU,
    ),
    Claim(
        id="relu-dead",
        statement="Well initialised, ReLU leaves at most 5 points more units dead after training than tanh.",
        better=_arm("relu", "he_normal"), worse=_arm("tanh", "glorot_uniform"), metric="end_dead", smallest=0.05,
        expects="equivalence", **RELU,
    ),
    Claim(
        id="relu-survives-large", statement="From N(0, 1) weights, ReLU makes less test error than tanh.",
        better=_arm("relu", LARGE), worse=_arm("tanh", LARGE), smallest=0.01, **RELU,
    ),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
