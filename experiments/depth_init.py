"""How deep can a ReLU network be before its initialisation decides whether it trains at all?

    ./launch.sh depth_init

Cost: about two minutes on two CPU cores (3 depths x 3 initialisations, 16 seeds, the 8x8 digits).
Expected: He et al. 2015, figures 2 and 3: at 22 layers both initialisations converge, He's earlier; at 30 layers
Glorot's stalls and He's converges. Without any training the signal shrinks by 2^(-L/2) under Glorot's variance:
4.9e-4 at 22 layers, 3.1e-5 at 30. And the reading of sqrt(2/n) as a variance instead of a standard deviation, which a
lecture slide invites, explodes.
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study

SHALLOW, MIDDLE, DEEP = (f"mlp(depth={depth},width=128)" for depth in (10, 22, 30))

STUDY = Study(
    base=Config(dataset="digits", activation="relu", optimizer="momentum", lr=0.005, batch_size=32, epochs=40),
    axes={
        "model": (SHALLOW, MIDDLE, DEEP),
        "init": ("glorot_normal", "he_normal", "he_variance_misread"),
    },
    seeds=16,
    smoke={"epochs": 1},
)


def _he_beats(other: str, model: str, id: str, statement: str, **details) -> Claim:
    return Claim(
        id=id,
        statement=statement,
        better={"model": model, "init": "he_normal"},
        worse={"model": model, "init": other},
        **details,
    )


CLAIMS = (
    _he_beats(
        "glorot_normal", DEEP, "he-30", "At 30 layers Glorot's initialisation stalls where He's trains: 20 points of training error.",
        metric="train_error", smallest=0.2, source="He et al. 2015, figure 3", cited="Xavier stalls, He converges",
    ),
    _he_beats(
        "glorot_normal", MIDDLE, "he-22", "At 22 layers He's initialisation needs fewer steps to 25 % training error than Glorot's.",
        metric="steps_to_target", scale="ratio", smallest=1.1, source="He et al. 2015, figure 2", cited="both converge, He earlier",
    ),
    _he_beats(
        "glorot_normal", SHALLOW, "he-10", "At 10 layers both reach the same test error within 2 points.",
        smallest=0.02, expects="equivalence", source="He et al. 2015, section 2.2", cited="Glorot's suffices for shallower networks",
    ),
    _he_beats(
        "he_variance_misread", SHALLOW, "std-not-variance",
        "sqrt(2/n) is the standard deviation: read as the variance, ten layers already fail by 20 points of test error.",
        smallest=0.2, source="Farkas lecture 9, initialisation slide", cited="N(0, sqrt(2/n)) beside Normal(0, s^2)",
    ),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
