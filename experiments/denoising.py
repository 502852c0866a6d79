"""How much noise does an autoencoder take out of a digit, and does its code find digits of the same class?

    ./launch.sh denoising
    ./launch.sh denoising --task='denoise(noise="salt_pepper"),denoise(noise="mask",level=0.5)'

Cost: about 10 minutes on two CPU cores (a linear network and one of five hidden layers, 5 seeds, MNIST; needs MNIST).
Expected: at Gaussian noise of standard deviation 0.3, clipped to 0..1, at least 5 dB more PSNR than the noisy image
(test_psnr_gain); neighbours in the code share the class more often than neighbours in pixels (code_retrieval_error
below pixel_retrieval_error). Vincent et al. 2008 train so, and give no PSNR.
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study

DEEP, LINEAR = "autoencoder(hidden=(500,250),code=30)", "autoencoder(hidden=(),code=30)"

STUDY = Study(
    base=Config(
        task="denoise",
        dataset="mnist",
        activation="relu",
        init="he_normal",
        norm="batch_norm",
        loss="cross_entropy",
        optimizer="adam",
        lr=0.002,
        schedule="cosine",
        batch_size=128,
        epochs=8,
        evals=8,
    ),
    axes={"model": (LINEAR, DEEP)},
    seeds=5,
    smoke={"epochs": 0.1},
)

SOURCE = {"source": "Vincent et al. 2008", "cited": "noise is removed by projection to a curved manifold"}

CLAIMS = (
    Claim(
        id="hidden-layers-denoise",
        statement="Hidden layers make denoised digits at least 1 dB better than a linear code does.",
        better={"model": DEEP}, worse={"model": LINEAR}, metric="test_psnr", smallest=1.0, **SOURCE,
    ),
    Claim(
        id="hidden-layers-retrieve",
        statement="Of the ten nearest codes, at least half a point fewer are of another class than with a linear code.",
        better={"model": DEEP}, worse={"model": LINEAR}, metric="code_retrieval_error", smallest=0.005, **SOURCE,
    ),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
