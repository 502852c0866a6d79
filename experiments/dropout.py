"""Does dropout regularise, is one half the right rate, and do its units depend less on each other?

    ./launch.sh dropout
    ./launch.sh dropout --dataset='few(n=5000)'

Cost: about two minutes on two CPU cores (5 rates, 8 seeds, 1,000 images of MNIST to learn from).
Expected: Srivastava et al. 2014: less test error (MNIST 1.60 % to 1.25 %), least between rates of 0.4 and 0.8 of units
kept (figure 9), and from 1,000 examples on (figure 10); units that cannot rely on others learn features that are useful
by themselves (section 7.1). If so, units of a layer should be less correlated; that is `coadaptation`, the mean
absolute correlation of two units of a hidden layer over test images.

All arms have the same width and the same 800 steps, which is against dropout: Srivastava et al. advise 1 / (1 - rate)
times the width and longer training (appendix A).
"""

from assay import cli
from assay.claims import Claim, references
from assay.config import Config
from assay.sweep.study import Study


def network(rate: float) -> str:
    """The Spec of the network with that rate of dropout in its hidden layers."""
    return f"mlp(depth=2,dropout={rate},width=128)" if rate else "mlp(depth=2,width=128)"


BASE = Config(
    task="generalise", dataset="few", activation="relu", init="he_normal", optimizer="momentum", lr=0.02, batch_size=50,
    epochs=40, evals=4,
)  # fmt: skip
STUDY = Study(
    base=BASE,
    axes={"model": tuple(network(rate) for rate in (0.0, 0.1, 0.25, 0.5, 0.75))},
    seeds=8,
    smoke={"epochs": 1, "dataset": "digits"},
)

SOURCE = {"source": "Srivastava et al. 2014", "cited": "less overfitting, best at 0.5, features useful by themselves"}


def _claim(id: str, statement: str, against: float, smallest: float, **details) -> Claim:
    arms = {"better": {"model": network(0.5)}, "worse": {"model": network(against)}}
    return Claim(id=id, statement=statement, smallest=smallest, **arms, **SOURCE, **details)


CLAIMS = (
    _claim("error", "Dropout of one half lowers the test error by at least half a point.", 0.0, 0.005),
    _claim("gap", "Dropout of one half narrows the gap to new examples by at least half a point.", 0.0, 0.005,
           metric="gap_error"),
    _claim("half-tenth", "A rate of one half makes less test error than one of a tenth.", 0.1, 0.002),
    _claim("half-three-quarters", "A rate of one half makes less test error than one of three quarters.", 0.75, 0.002),
    _claim("coadaptation", "With dropout of one half, units of a layer are less correlated, by at least 0.02.", 0.0,
           0.02, metric="coadaptation"),
)  # fmt: skip

PUBLISHED = tuple(
    references.published(f"srivastava2014-mnist-{method}", {"dataset": "mnist", "model": network(rate)})
    for method, rate in (("standard", 0.0), ("dropout", 0.5))
)

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS, PUBLISHED)
