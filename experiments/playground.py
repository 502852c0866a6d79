"""What can a linear neuron do in TensorFlow Playground, and what does a hidden layer add?

    ./launch.sh playground
    ./launch.sh playground --dataset='spiral(noise=0.1)' --model='mlp(depth=3,width=8)'

Cost: about 3 minutes on two CPU cores (4 data sets, 4 networks, 3 activations, 8 seeds).
Expected: gauss is the only one of the four that a straight line separates. A lecture deck says that more linear
neurons do not help on the others and that switching their activation to ReLU solves them. The network of 6 and 2
units is that of ConvNetJS's classify2d demo: its two last units must lay out the plane so that a straight line
separates the classes. Where a line can do no better than chance its error is that of a coin; so linear networks are
compared by their loss.
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study

NEURON, HIDDEN, WIDE = "mlp(depth=0)", "mlp(depth=1,width=8)", "mlp(depth=1,width=64)"
DEMO = "mlp(depth=2,growth=0.34,width=6)"  # hidden layers of 6 and 2 units

STUDY = Study(
    base=Config(
        init="glorot_uniform", optimizer="adam", lr=0.02, batch_size=20, epochs=60, evals=4, probe=()
    ),
    axes={
        "dataset": ("gauss", "xor", "circle", "spiral"),
        "model": (NEURON, HIDDEN, WIDE, DEMO),
        "activation": ("linear", "relu", "tanh"),
    },
    seeds=8,
    smoke={"epochs": 1, "dataset": ("xor(n=200)",), "model": (NEURON, HIDDEN)},
)  # fmt: skip

DECK = {"source": "Hamalainen 2018, part 1, TensorFlow Playground"}
LINEAR = {"cited": "more linear neurons do not help", **DECK}
SWITCH = {"cited": "with ReLU it is solved", **DECK}
WARP = {
    "source": "Hamalainen 2018, part 1; ConvNetJS classify2d demo",
    "cited": "layers of 6 and 2 tanh units fit the data",
}


def _arm(dataset: str, model: str = NEURON, activation: str = "linear") -> dict[str, str]:
    return {"dataset": dataset, "model": model, "activation": activation}


def _claim(id: str, statement: str, better: dict, worse: dict, smallest: float, **more) -> Claim:
    return Claim(id=id, statement=statement, better=better, worse=worse, smallest=smallest, **more)


CLAIMS = (
    _claim(
        "neuron-splits", "A neuron separates two clouds as well as a hidden layer does, to 1 point.",
        _arm("gauss"), _arm("gauss", HIDDEN, "relu"), 0.01, expects="equivalence",
        cited="one linear neuron splits the plane by a straight line", **DECK,
    ),
    _claim(
        "neuron-circle", "A neuron errs at least 30 points more on the circle than on two clouds.",
        _arm("gauss"), _arm("circle"), 0.3, cited="a straight line does not separate the circle", **DECK,
    ),
    _claim(
        "xor-hidden", "On xor, one hidden layer of 8 tanh units errs at least 30 points less than a neuron.",
        _arm("xor", HIDDEN, "tanh"), _arm("xor"), 0.3,
        source="Farkas lecture 9; Minsky & Papert 1969", cited="a linear model cannot compute xor",
    ),
    _claim(
        "linear-wide", "On the circle, 64 linear units reach the loss of one neuron, to 0.05 nats.",
        _arm("circle", WIDE), _arm("circle"), 0.05, metric="test_loss", expects="equivalence", **LINEAR,
    ),
    _claim(
        "linear-wide-xor", "On xor, 64 linear units reach the loss of one neuron, to 0.05 nats.",
        _arm("xor", WIDE), _arm("xor"), 0.05, metric="test_loss", expects="equivalence", **LINEAR,
    ),
    _claim(
        "relu-circle", "On the circle, ReLU in place of linear units takes at least 30 points of error away.",
        _arm("circle", HIDDEN, "relu"), _arm("circle", HIDDEN), 0.3, **SWITCH,
    ),
    _claim(
        "relu-spiral", "On the spiral, ReLU in place of 8 linear units takes at least 30 points of error away.",
        _arm("spiral", HIDDEN, "relu"), _arm("spiral", HIDDEN), 0.3, **SWITCH,
    ),
    _claim(
        "relu-spiral-wide", "On the spiral, ReLU in place of 64 linear units takes at least 30 points of error away.",
        _arm("spiral", WIDE, "relu"), _arm("spiral", WIDE), 0.3, **SWITCH,
    ),
    _claim(
        "warp-circle", "Two tanh units after six see the circle so that a line errs 30 points less than in the plane.",
        _arm("circle", DEMO, "tanh"), _arm("circle"), 0.3, **WARP,
    ),
    _claim(
        "warp-spiral", "Two tanh units after six see the spiral so that a line errs 30 points less than in the plane.",
        _arm("spiral", DEMO, "tanh"), _arm("spiral"), 0.3, **WARP,
    ),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
