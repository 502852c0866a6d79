"""How much more of an image do 30 numbers hold when nine layers make them than when one does?

    ./launch.sh deep_autoencoder

Cost: about 12 minutes on two CPU cores (the 9-layer network and a linear one, 5 seeds, MNIST; needs MNIST).
Expected: Hinton & Salakhutdinov 2006, squared error an image (784 times test_mse): 3.00 for 784-1000-500-250-30 and
back, 8.01 for logistic PCA (the linear network here, with logistic outputs), 13.87 for PCA (pca_mse), so 4.6 times
less than PCA. They pre-trained with restricted Boltzmann machines and fine-tuned to convergence; here it is batch
normalisation, ReLU, Adam and 6 passes, so a smaller ratio is to be expected.
"""

from assay import cli
from assay.claims import Claim, references
from assay.config import Config
from assay.sweep.study import Study

DEEP, LOGISTIC_PCA = "autoencoder", "autoencoder(hidden=())"

STUDY = Study(
    base=Config(
        task="reconstruct",
        dataset="mnist",
        activation="relu",
        init="he_normal",
        norm="batch_norm",
        loss="cross_entropy",
        optimizer="adam",
        lr=0.002,
        schedule="cosine",
        batch_size=128,
        epochs=6,
        evals=6,
    ),
    axes={"model": (LOGISTIC_PCA, DEEP)},
    seeds=5,
    smoke={"epochs": 0.1},
)

CLAIMS = (
    Claim(
        id="deep-beats-logistic-pca",
        statement="At 30 numbers, the 9-layer autoencoder has at most two thirds of logistic PCA's squared error.",
        better={"model": DEEP},
        worse={"model": LOGISTIC_PCA},
        metric="test_mse",
        scale="ratio",
        smallest=1.5,
        source="Hinton & Salakhutdinov 2006, figure 2",
        cited="3.00 against 8.01 an image",
    ),
)

PUBLISHED = tuple(
    references.published(f"hinton2006science-fig2-mnist-{method}", {"dataset": "mnist", "model": model}, metric)
    for method, model, metric in (
        ("autoencoder", DEEP, "test_mse"),
        ("logistic-pca", LOGISTIC_PCA, "test_mse"),
        ("pca", LOGISTIC_PCA, "pca_mse"),
    )
)

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS, PUBLISHED)
