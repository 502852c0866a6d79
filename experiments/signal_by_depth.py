"""How fast do signal and gradient fade in ten layers, by activation and initialisation, and does it matter?

    ./launch.sh signal_by_depth

Cost: about four minutes on two CPU cores (7 x 7 arms, 8 seeds, the 8x8 digits).
Expected: U(+-1/sqrt(n)) multiplies the variance of the signal by 1/3 a layer in a linear network and by 1/6 in a ReLU
network: 0.24 and 0.39 powers of ten of the standard deviation. Fixed small weights lose the more the smaller they are;
Glorot & Bengio 2010 and He et al. 2015 choose theirs so that nothing is lost. A sigmoid's slope is 1/4 at most, so that
its gradient fades under all of them; a lecture tells the newer activations as the remedy.

`signal_slope` and `gradient_slope` are powers of ten a layer, up or down: 0 is best.
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study

STUDY = Study(
    base=Config(dataset="digits", model="mlp(depth=10,width=64)", lr=0.05, batch_size=32, epochs=30, evals=60),
    axes={
        "activation": ("tanh", "sigmoid", "linear", "softsign", "relu", "elu", "selu"),
        "init": (
            "uniform_fan_in", "normal(std=0.01)", "normal(std=0.05)", "uniform(m=0.05)",
            "glorot_uniform", "he_normal", "lecun_normal",
        ),
    },
    seeds=8,
    smoke={"epochs": 1},
)  # fmt: skip

VANISHING = {"source": "Farkas lecture 9, new activations", "cited": "they help to avoid vanishing gradients"}
NAIVE = {"source": "Farkas lecture 9, initialisation", "cited": "small values from U(-m, m) or N(0, s^2)"}
FAN_IN = {"source": "Bradley 2009; Glorot & Bengio 2010, section 4.2", "cited": "U(+-1/sqrt(n)): n Var(W) = 1/3"}


def _fades(better: tuple[str, str], worse: tuple[str, str], id: str, statement: str, **details) -> Claim:
    arms = {side: dict(zip(("activation", "init"), arm)) for side, arm in (("better", better), ("worse", worse))}
    return Claim(id=id, statement=statement, **arms, **{"metric": "start_gradient_slope", "smallest": 0.05} | details)


CLAIMS = (
    _fades(
        ("relu", "he_normal"), ("sigmoid", "glorot_uniform"), "relu-sigmoid",
        "Each with its initialisation, ReLU's gradient fades less than the sigmoid's.", **VANISHING,
    ),
    _fades(
        ("relu", "he_normal"), ("tanh", "glorot_uniform"), "relu-tanh",
        "Each with its initialisation, ReLU's gradient fades less than tanh's.", **VANISHING,
    ),
    _fades(
        ("relu", "uniform_fan_in"), ("tanh", "uniform_fan_in"), "relu-tanh-fan-in",
        "With uniform fan-in initialisation for both, ReLU's gradient fades less than tanh's.", **VANISHING,
    ),
    _fades(
        ("elu", "he_normal"), ("sigmoid", "glorot_uniform"), "elu-trains",
        "Where the sigmoid's gradient vanishes in ten layers, ELU learns: 20 points of test error.",
        metric="test_error", smallest=0.2, **VANISHING,
    ),
    _fades(
        ("tanh", "glorot_uniform"), ("tanh", "normal(std=0.01)"), "small-normal-signal",
        "N(0, 0.01^2) weights lose at least 0.2 powers of ten of the signal in every layer more than Glorot's.",
        metric="start_signal_slope", smallest=0.2, **NAIVE,
    ),
    _fades(
        ("tanh", "normal(std=0.05)"), ("tanh", "normal(std=0.01)"), "scale-matters",
        "N(0, 0.05^2) weights train better than N(0, 0.01^2): 20 points of test error.",
        metric="test_error", smallest=0.2, **NAIVE,
    ),
    _fades(
        ("tanh", "glorot_uniform"), ("tanh", "uniform(m=0.05)"), "small-uniform-trains",
        "Weights from U(-0.05, 0.05) cost at least 20 points of test error in ten layers of tanh.",
        metric="test_error", smallest=0.2, **NAIVE,
    ),
    _fades(
        ("linear", "uniform_fan_in"), ("relu", "uniform_fan_in"), "fan-in-relu",
        "U(+-1/sqrt(n)) loses at least 0.1 powers of ten a layer more in a ReLU network than in a linear one.",
        metric="start_signal_slope",
        smallest=0.1, source="Glorot & Bengio 2010, section 4.2", cited="variance times 1/3; 1/6",
    ),
    _fades(
        ("tanh", "glorot_uniform"), ("tanh", "uniform_fan_in"), "fan-in-speed",
        "Ten layers of tanh reach 25 % training error in half the steps of U(+-1/sqrt(n)), or fewer, with Glorot's.",
        metric="steps_to_target", scale="ratio", smallest=2.0, **FAN_IN,
    ),
    _fades(
        ("tanh", "glorot_uniform"), ("tanh", "uniform_fan_in"), "fan-in-error",
        "U(+-1/sqrt(n)) costs ten layers of tanh at least 5 points of test error.",
        metric="test_error", smallest=0.05, **FAN_IN,
    ),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
