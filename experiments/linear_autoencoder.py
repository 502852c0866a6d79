"""Does a linear autoencoder find the principal components?

    ./launch.sh linear_autoencoder

Cost: about 10 minutes on two CPU cores (2 code widths and a deeper linear network, 5 seeds, MNIST; needs MNIST).
Expected: Baldi & Hornik 1989: the squared error has one minimum, PCA's, and the decoder spans the same subspace; so
test_mse is within 1 % of pca_mse and subspace_angle below 2 degrees. More linear layers change nothing. Hinton &
Salakhutdinov 2006 give 13.87 as PCA's squared error an MNIST image at 30 components. discarded_variance,
the sum of the eigenvalues left out, is PCA's error on the training images; on test images it may be another.
"""

from assay import cli
from assay.claims import Claim, references
from assay.config import Config
from assay.sweep.study import Study

NARROW, WIDE = "autoencoder(hidden=(),code=6)", "autoencoder(hidden=(),code=30)"
DEEP = "autoencoder(hidden=(100,),code=30)"

STUDY = Study(
    base=Config(
        task="reconstruct",
        dataset="mnist",
        activation="linear",
        init="glorot_uniform",
        optimizer="adam",
        lr=0.01,
        schedule="cosine",
        batch_size=500,
        epochs=40,
        evals=10,
    ),
    axes={"model": (NARROW, WIDE, DEEP)},
    seeds=5,
    smoke={"epochs": 0.1},
)

CLAIMS = (
    Claim(
        id="linear-layers-add-nothing",
        statement="Two more linear layers change the test error by less than 1 %.",
        better={"model": DEEP},
        worse={"model": WIDE},
        metric="test_mse",
        scale="ratio",
        smallest=1.01,
        expects="equivalence",
        source="Baldi & Hornik 1989",
        cited="a linear network's error has no local minima, and the global one is the projection of PCA",
    ),
)

PUBLISHED = (references.published("hinton2006science-fig2-mnist-pca", {"dataset": "mnist", "model": WIDE}),)

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS, PUBLISHED)
