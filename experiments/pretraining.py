"""Is a classifier better when its layers first model their input without labels, in the same number of steps?

    ./launch.sh pretraining
    ./launch.sh pretraining --dataset=mnist --epochs=5 --lr=0.003

Cost: about 3 minutes on two CPU cores (two stacks and none, all labels or a twentieth, 1 and 3 hidden
layers, 5 learning rates, 24 seeds, the 8x8 digits).
Expected: Bengio et al. 2007, table 2, MNIST, deep networks trained to convergence: 1.2 % test error after
a stack of RBMs, 1.4 % after auto-encoders, 2.4 % without (from memory). Erhan et al. 2010: the gain grows
with depth. Here every arm has the same number of steps, half of which pre-training takes from fine-tuning,
and each has the learning rate that validates best. All units are sigmoid, as an RBM's are.
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study

STACKS = {"rbm": "RBMs", "autoencoder": "auto-encoders"}
FEW = 0.05  # share of the training examples with a label


def _task(stack: str, labelled: float = 1.0) -> str:
    return f"pretrain(labelled={labelled},stack='{stack}')"


STUDY = Study(
    base=Config(
        dataset="digits",
        activation="sigmoid",
        init="glorot_uniform",
        optimizer="adam",
        lr=0.01,
        schedule="cosine",
        batch_size=64,
        epochs=60,
        evals=10,
    ),
    axes={
        "task": tuple(_task(stack, share) for share in (1.0, FEW) for stack in (*STACKS, "none")),
        "model": ("mlp(depth=1,width=100)", "mlp(depth=3,width=100)"),
    },
    tune={"lr": (0.001, 0.003, 0.01, 0.03, 0.1)},
    seeds=24,
    smoke={"epochs": 1, "lr": (0.01, 0.03)},
)

SOURCE = {
    "source": "Bengio et al. 2007, table 2",
    "cited": "MNIST test error: 1.2 % after RBMs, 1.4 % after auto-encoders, 2.4 % without (from memory)",
}


def _claim(stack: str, labelled: float, depth: int, smallest: float) -> Claim:
    labels, points = "all" if labelled == 1 else "few", 100 * smallest
    layers = {1: "one hidden layer", 3: "three hidden layers"}[depth]
    model = {"model": f"mlp(depth={depth},width=100)"}
    better, worse = ({"task": _task(name, labelled), **model} for name in (stack, "none"))
    return Claim(
        id=f"{stack}-{labels}-{depth}",
        statement=f"With {labels} labels and {layers}, {STACKS[stack]} save at least {points:g} points.",
        better=better,
        worse=worse,
        smallest=smallest,
        **SOURCE,
    )


# Half of the published gain counts; two points with few labels, where errors are several times as many.
CLAIMS = tuple(
    _claim(stack, *case) for stack in STACKS for case in ((1.0, 3, 0.005), (FEW, 3, 0.02), (FEW, 1, 0.02))
)

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
