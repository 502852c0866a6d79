"""What is timed: nine networks, each with its task, data shape and batch."""

from typing import NamedTuple

import numpy as np

from assay.data import Dataset, Split

RATE = 1e-4  # of plain SGD: over thousands of steps on two batches nothing diverges, and no gradient vanishes


class Case(NamedTuple):
    """One network and its training step.

    Attributes:
      model: Spec of the network; activation relu, init he_normal.
      norm: Spec of its normalisation.
      shape: of an example.
      batch: examples of a step.
      steps: steps that are timed in one go.
      parameters: of the network; every variant must have them.
      task, loss: Specs.
      classes: of an example, or of each of its pixels.
    """

    model: str
    shape: tuple[int, int, int]
    batch: int
    steps: int
    parameters: int
    norm: str = "none"
    task: str = "classify"
    loss: str = "cross_entropy"
    classes: int = 10


GREY, COLOUR = (28, 28, 1), (32, 32, 3)
CASES = {
    "mlp": Case("mlp(depth=2,width=256)", GREY, 128, 200, 269_322),
    "lenet": Case("lenet", GREY, 128, 40, 61_706),
    "strided_cnn": Case("strided_cnn", GREY, 128, 80, 23_882),
    "resnet20": Case("resnet(depth=20)", COLOUR, 128, 2, 269_722, "batch_norm"),
    "vgg11": Case("vgg(depth=11,dense=0)", COLOUR, 32, 2, 9_228_362, "batch_norm"),
    "densenet40": Case("densenet(depth=40,growth=12)", COLOUR, 32, 2, 1_019_722, "batch_norm"),
    "unet": Case(
        "unet", (128, 128, 1), 2, 1, 31_030_658, task="segment(balance=False,w0=0.0)", classes=2
    ),
    "dcgan": Case(
        "dcgan(depth=3,width=64)", COLOUR, 64, 2, 1_732_356, "batch_norm", "adversarial", "non_saturating"
    ),
    "autoencoder": Case("autoencoder", GREY, 128, 20, 2_837_314, task="reconstruct", loss="squared_error"),
}


def dataset(case: Case) -> Dataset:
    """Noise in the form of the case's data: as many images in a split as two batches have."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (2 * case.batch, *case.shape), np.uint8)
    pixels = case.shape[:2] if case.task.startswith("segment") else ()
    split = Split(x, rng.integers(0, case.classes, (len(x), *pixels), np.int32))
    zero, one = np.zeros(case.shape[-1:], np.float32), np.ones(case.shape[-1:], np.float32)
    return Dataset("noise", split, split, split, case.classes, zero, one, "noise", f"noise {case}")
