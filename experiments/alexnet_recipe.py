"""Does AlexNet's recipe for its learning rate and weight decay beat a constant rate on a small CNN?

    ./launch.sh alexnet_recipe
    ./launch.sh alexnet_recipe --model='alexnet(form="cifar")' --dataset=cifar10 --epochs=90 --augment=crop_flip

Cost: about 5 minutes on two CPU cores (4 recipes, 8 seeds, LeNet with ReLU on Fashion-MNIST, 3 epochs).
Expected: Krizhevsky et al. 2012, section 5: momentum 0.9, weight decay 5e-4, learning rate 0.01 divided by 10 three
times when the validation error stopped falling, batches of 128, about 90 epochs of ImageNet; their figure is the recipe
itself, without a comparison. This is a proxy: another network, smaller images, 3 epochs, and the rate falls after 1/2,
3/4 and 7/8 of the run.
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study

CONSTANT, LOWERED = "constant", "step(at=(0.5,0.75,0.875),factor=0.1)"

STUDY = Study(
    base=Config(
        dataset="fashion_mnist",
        model="lenet",
        activation="relu",
        init="he_normal",
        optimizer="momentum",
        lr=0.01,
        batch_size=128,
        epochs=3,
        evals=6,
        probe=(),
    ),
    axes={"schedule": (CONSTANT, LOWERED), "weight_decay": (0.0, 5e-4)},
    seeds=8,
    smoke={"epochs": 0.2, "dataset": "digits", "model": "mlp(depth=1,width=16)"},
)

SOURCE = {
    "source": "Farkas lecture 9, AlexNet",
    "cited": "SGD, rate 0.01 decreased threefold, momentum 0.9, weight decay 5e-4",
}

CLAIMS = (
    Claim(
        id="lowered", statement="Lowering the rate three times lowers the test error by 0.3 points at least.",
        better={"schedule": LOWERED, "weight_decay": 5e-4}, worse={"schedule": CONSTANT, "weight_decay": 5e-4},
        smallest=0.003, **SOURCE,
    ),
    Claim(
        id="decay", statement="With the lowered rate, the decay changes the test error by less than 0.5 points.",
        better={"schedule": LOWERED, "weight_decay": 5e-4}, worse={"schedule": LOWERED, "weight_decay": 0.0},
        smallest=0.005, expects="equivalence", **SOURCE,
    ),
    Claim(
        id="recipe", statement="The whole recipe errs 0.3 points less at least than a constant rate without decay.",
        better={"schedule": LOWERED, "weight_decay": 5e-4}, worse={"schedule": CONSTANT, "weight_decay": 0.0},
        smallest=0.003, **SOURCE,
    ),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
