"""Do SELU networks of 64 layers need their own kind of dropout?

    ./launch.sh alpha_dropout

Cost: about three minutes on two CPU cores (4 networks, 2 initialisations, 4 learning rates, 8 seeds, the 8x8 digits).
Expected: Klambauer et al. 2017, "New dropout technique": ordinary dropout sets units to 0, which moves mean and
variance off SELU's fixed point; alpha dropout sets them to its lower limit and keeps both. They use rates of 0.05 and
0.1, and no dropout as well. Every arm has the learning rate that validates best.
"""

import dataclasses

from assay import cli
from assay.claims import Claim
from assay.sweep.study import Study

from experiments import self_normalising

NONE = self_normalising.network(64)
SHALLOW = "mlp(alpha=True,depth=8,dropout=0.05,width=64)"
PLAIN = "mlp(depth=64,dropout=0.05,width=64)"
ALPHA = "mlp(alpha=True,depth=64,dropout=0.05,width=64)"

STUDY = Study(
    base=dataclasses.replace(self_normalising.STUDY.base, activation="selu"),
    axes={"model": (SHALLOW, NONE, PLAIN, ALPHA), "init": ("lecun_normal", "he_normal")},
    seeds=8,
    smoke={"epochs": 1, "lr": (0.01,)},
    tune=self_normalising.STUDY.tune,
)

SOURCE = {"source": "Klambauer et al. 2017, new dropout technique", "cited": "alpha dropout keeps mean and variance"}


def _arm(model: str, init: str = "lecun_normal") -> dict[str, str]:
    return {"model": model, "init": init}


CLAIMS = (
    Claim(
        id="alpha-plain", statement="At 64 layers, alpha dropout makes 5 points less test error than ordinary dropout.",
        better=_arm(ALPHA), worse=_arm(PLAIN), smallest=0.05, **SOURCE,
    ),
    Claim(
        id="alpha-none", statement="SELU at 64 layers needs alpha dropout: without any it errs 1 point more.",
        better=_arm(ALPHA), worse=_arm(NONE), smallest=0.01, **SOURCE,
    ),
    Claim(
        id="alpha-init", statement="With alpha dropout, too, He's initialisation costs at least 5 points.",
        better=_arm(ALPHA), worse=_arm(ALPHA, "he_normal"), smallest=0.05, **SOURCE,
    ),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
