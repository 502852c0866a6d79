"""Do the regions into which units divide the plane get more complex from layer to layer?

    ./launch.sh unit_regions

Cost: about 2 minutes on two CPU cores (2 data sets, 3 layers, 2 activations, 8 seeds).
Expected: units of the first layer divide the plane by a straight line, whatever they learnt; a lecture deck shows
convex and concave regions in the second and third. Measured by nonconvexity: of pairs of points on one side of a
unit, the share whose midpoint is on the other side, 0 for straight lines and a quarter for the quadrants of xor. The
pictures show the units.
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study

RELU, TANH = "relu", "tanh"


def _layer(layer: int) -> str:
    return f"unit_regions(layer={layer})"


STUDY = Study(
    base=Config(
        model="mlp(depth=3,width=8)", init="glorot_uniform", optimizer="adam", lr=0.01, schedule="cosine",
        batch_size=20, epochs=100, evals=4, probe=(),
    ),
    axes={
        "dataset": ("circle", "spiral"),
        "task": (_layer(1), _layer(2), _layer(3)),
        "activation": (RELU, TANH),
    },
    seeds=8,
    smoke={"epochs": 1, "dataset": ("circle(n=200)",)},
)  # fmt: skip

SOURCE = {
    "source": "Hamalainen 2018, part 1, TensorFlow Playground",
    "cited": "the first layer's neurons divide the plane linearly, later ones make convex and concave regions",
    "metric": "nonconvexity",
}


def _claim(dataset: str, activation: str, layer: int) -> Claim:
    """Units of a layer are less convex than those of the layer before."""
    below, above = (
        {"dataset": dataset, "activation": activation, "task": _layer(each)} for each in (layer - 1, layer)
    )
    units = f"On the {dataset}, {activation} units of layer"
    return Claim(
        id=f"{dataset}-{activation}-{layer}",
        statement=f"{units} {layer} exceed those of layer {layer - 1} in nonconvexity by at least 0.01.",
        better=below,
        worse=above,
        smallest=0.01,
        **SOURCE,
    )


CLAIMS = (
    _claim("circle", RELU, 2),
    _claim("circle", RELU, 3),
    _claim("circle", TANH, 2),
    _claim("circle", TANH, 3),
    _claim("spiral", RELU, 2),
    _claim("spiral", RELU, 3),
)

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
