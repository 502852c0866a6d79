"""How much better than a fully connected network is a convolutional one on handwritten digits?

    ./launch.sh mlp_vs_lenet

Cost: about 3 minutes on two CPU cores (2 networks, 5 seeds, MNIST; needs MNIST).
Expected: a lecture deck gives "about 5 %" test error for the best fully connected attempts and "less than 1 %" for
convolutional ones; LeCun et al. 1998, figure 9: 4.7 % for 784-300-10 and 0.95 % for LeNet-5. A 784-100-10 network
trained by today's means does better than 5 %.
"""

from assay import cli
from assay.claims import Claim, references
from assay.config import Config
from assay.sweep.study import Study

MLP, LENET = "mlp(depth=1,width=100)", "lenet"

STUDY = Study(
    base=Config(
        dataset="mnist",
        activation="relu",
        init="he_normal",
        optimizer="nesterov",
        lr=0.05,
        schedule="cosine",
        batch_size=128,
        epochs=12,
    ),
    axes={"model": (MLP, LENET)},
    seeds=5,
    smoke={"epochs": 0.1},
)

CLAIMS = (
    Claim(
        id="cnn-beats-mlp",
        statement="LeNet makes at least half a point less test error than the 784-100-10 network.",
        better={"model": LENET},
        worse={"model": MLP},
        smallest=0.005,
        source="Chapman CS 530; LeCun et al. 1998, figure 9",
        cited="about 5 % against less than 1 %",
    ),
)

PUBLISHED = tuple(
    references.published(key, {"dataset": "mnist", "model": model})
    for key, model in (
        ("chapman-cs530-mnist-mlp", MLP),
        ("lecun1998-fig9-mnist-784-300-10", MLP),
        ("lecun1998-fig9-mnist-lenet5", LENET),
    )
)

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS, PUBLISHED)
