"""Does a U-Net need its skip connections?

    ./launch.sh unet_skips
    ./launch.sh unet_skips --dataset='npz(path="runs/isbi2012.npz")'

Cost: about 10 minutes on two CPU cores (8 maps, 4 poolings, 6 seeds; ISBI-2012 the same).
Expected: Ronneberger et al. 2015 draw the skips and do not ablate them; their network of 64 maps and 4 poolings has a
pixel error of 6.11 % and a Rand error of 3.82 % on the challenge's own test images, whose labels are not public. Here
the network has 8 maps and batch normalisation and trains for 330 steps, without border weights, since the first claim
counts pixels.

The default data are drawn (`membranes`, no download). The real ones are the 30 labelled images of the ISBI-2012
challenge, as TIFF files of 30 pages each. This writes them as arrays: the first 24 sections of the stack for training,
of which 2 are held out for validation, and the last 6, neighbours of each other, for test.

    import numpy
    from PIL import Image, ImageSequence
    def pages(file):
        with Image.open(file) as stack:
            return numpy.stack([numpy.array(page) for page in ImageSequence.Iterator(stack)])
    x, y = pages("train-volume.tif"), pages("train-labels.tif") // 255
    numpy.savez("runs/isbi2012.npz", x_train=x[:24], y_train=y[:24], x_test=x[24:], y_test=y[24:])
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study

WITH, WITHOUT = (f"unet(dropout=0.0,skip={skip},width=8)" for skip in (True, False))

STUDY = Study(
    base=Config(
        task="segment(balance=False,w0=0.0)",
        dataset="membranes",
        activation="relu",
        init="he_normal",
        norm="batch_norm",
        optimizer="adam",
        lr=0.003,
        schedule="cosine",
        batch_size=2,
        epochs=30,
        evals=2,
        augment="chain(of='random_crop(size=128),rotate,flip')",
        target_error=0.15,
    ),
    axes={"model": (WITH, WITHOUT)},
    seeds=6,
    smoke={
        "epochs": 1,
        "dataset": "membranes(cell=8,n=10,size=32)",
        "augment": "chain(of='random_crop(size=16),flip')",
        "model": tuple(f"unet(depth=2,dropout=0.0,skip={skip},width=4)" for skip in (True, False)),
    },
)

SOURCE = {
    "source": "Ronneberger et al. 2015, section 2",
    "cited": "high resolution features from the contracting path are combined with the upsampled output to localize",
}

CLAIMS = (
    Claim(
        id="skips-pixels", statement="Skips lower the pixel error by at least half a point.",
        better={"model": WITH}, worse={"model": WITHOUT}, smallest=0.005, **SOURCE,
    ),
    Claim(
        id="skips-objects", statement="Skips lower the Rand error by at least two points.",
        better={"model": WITH}, worse={"model": WITHOUT}, metric="rand_error", smallest=0.02, **SOURCE,
    ),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
