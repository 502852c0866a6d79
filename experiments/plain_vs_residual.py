"""Do deeper convolutional networks get worse without shortcuts, and do shortcuts cure it?

    ./launch.sh plain_vs_residual
    ./launch.sh plain_vs_residual --dataset=cifar10 --epochs=20

Cost: about 5 minutes on two CPU cores (3 depths, with and without shortcuts, 8 maps, 6 seeds, the 8x8 digits).
Expected: He et al. 2016, figure 6, CIFAR-10: the plain network of 56 layers has a higher training and test error than
that of 20; the residual network of 56 layers has a lower one than the plain network (ResNet-20 8.75 %, ResNet-56
6.97 % at 16 maps). Here the networks are half as wide and the images far smaller.
"""

from assay import cli
from assay.claims import Claim, references
from assay.config import Config
from assay.sweep.study import Study


def _networks(*depths: int) -> tuple[str, ...]:
    return tuple(f"resnet(depth={depth},skip={skip},width=8)" for depth in depths for skip in (True, False))


STUDY = Study(
    base=Config(dataset="digits", activation="relu", init="he_normal", optimizer="momentum", lr=0.05, epochs=10),
    axes={"model": _networks(8, 20, 56)},
    seeds=6,
    smoke={"epochs": 1, "model": _networks(8)},
)


def _net(depth: int, skip: bool) -> dict[str, str]:
    return {"model": f"resnet(depth={depth},skip={skip},width=8)"}


SOURCE = {"source": "He et al. 2016, figures 1 and 6", "cited": "56 layers: higher training and test error than 20"}

CLAIMS = (
    Claim(
        id="degradation-train", statement="The plain network of 56 layers has a higher training error than that of 20.",
        better=_net(20, False), worse=_net(56, False), metric="train_error", smallest=0.01, **SOURCE,
    ),
    Claim(
        id="degradation-test", statement="The plain network of 56 layers has a higher test error than that of 20.",
        better=_net(20, False), worse=_net(56, False), smallest=0.01, **SOURCE,
    ),
    Claim(
        id="residual-56", statement="At 56 layers, shortcuts lower the test error.",
        better=_net(56, True), worse=_net(56, False), smallest=0.01, **SOURCE,
    ),
    Claim(
        id="residual-8", statement="At 8 layers, shortcuts change the test error by less than 2 points.",
        better=_net(8, True), worse=_net(8, False), smallest=0.02, expects="equivalence", **SOURCE,
    ),
)  # fmt: skip

PUBLISHED = tuple(
    references.published(f"he2016-table6-cifar10-resnet{depth}", {"dataset": "cifar10"} | _net(depth, True))
    for depth in (20, 56)
)

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS, PUBLISHED)
