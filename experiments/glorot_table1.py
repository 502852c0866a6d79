"""Does the MNIST column of Glorot & Bengio's table 1 hold in a narrower network?

    ./launch.sh glorot_table1

Cost: about 9 minutes on two CPU cores (3 x 2 arms, 20 seeds; needs MNIST).
Expected: Glorot & Bengio 2010, table 1, MNIST column: test error 1.64 % softsign, 1.72 % softsign N, 1.76 % tanh,
1.64 % tanh N, 2.21 % sigmoid; N is their initialisation (glorot_uniform), the others uniform_fan_in. Narrowed here to
200 units a layer from 1,000, and trained by Adam for 5 epochs in place of SGD with tuned learning rates.
"""

import dataclasses

from assay import cli
from assay.sweep.study import Study

from experiments import init_activation

STUDY = Study(
    base=dataclasses.replace(
        init_activation.STUDY.base,
        dataset="mnist",
        model="mlp(depth=5,width=200)",
        optimizer="adam",
        lr=0.001,
        schedule="cosine",
        batch_size=64,
        epochs=5,
        evals=10,
    ),
    axes={"activation": ("softsign", "tanh", "sigmoid"), "init": ("uniform_fan_in", "glorot_uniform")},
    seeds=20,
    smoke={"epochs": 0.1},
)

CLAIMS = tuple(claim for claim in init_activation.CLAIMS if claim.id != "he-relu")

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS, init_activation.PUBLISHED)
