"""Which initialisation suits which activation in a network of five hidden layers?

    ./launch.sh init_activation
    ./launch.sh init_activation --dataset=mnist --activation='tanh,elu(alpha=0.5)' --init=he_normal,glorot_uniform --seeds=20

Cost: about a minute on two CPU cores (4 x 3 arms, 20 seeds, the 8x8 digits).
Expected: Glorot & Bengio 2010, table 1, MNIST column (five hidden layers of 1,000 units): test error 1.64 % softsign,
1.76 % tanh, 2.21 % sigmoid with uniform fan-in initialisation; 1.72 % and 1.64 % for softsign and tanh with theirs.
"""

from assay import cli
from assay.claims import Claim, references
from assay.config import Config
from assay.sweep.study import Study

STUDY = Study(
    base=Config(dataset="digits", model="mlp(depth=5,width=64)", lr=0.05, batch_size=32, epochs=40, evals=40),
    axes={
        "activation": ("sigmoid", "tanh", "softsign", "relu"),
        "init": ("uniform_fan_in", "glorot_uniform", "he_normal"),
    },
    seeds=20,
    smoke={"epochs": 2},
)

SOURCE = "Glorot & Bengio 2010"

CLAIMS = (
    Claim(
        id="glorot-tanh",
        statement="With tanh, Glorot's initialisation reaches a lower test error than the uniform fan-in one.",
        better={"activation": "tanh", "init": "glorot_uniform"},
        worse={"activation": "tanh", "init": "uniform_fan_in"},
        smallest=0.002,
        source=f"{SOURCE}, table 1",
        cited="MNIST 1.64 % against 1.76 %",
    ),
    Claim(
        id="glorot-softsign",
        statement="With softsign, the choice between the two matters less than 1 point.",
        better={"activation": "softsign", "init": "glorot_uniform"},
        worse={"activation": "softsign", "init": "uniform_fan_in"},
        smallest=0.01,
        expects="equivalence",
        source=f"{SOURCE}, table 1",
        cited="MNIST 1.72 % against 1.64 %",
    ),
    Claim(
        id="sigmoid-worst",
        statement="With uniform fan-in initialisation, tanh reaches a lower test error than sigmoid.",
        better={"activation": "tanh", "init": "uniform_fan_in"},
        worse={"activation": "sigmoid", "init": "uniform_fan_in"},
        smallest=0.002,
        source=f"{SOURCE}, table 1",
        cited="MNIST 1.76 % against 2.21 %",
    ),
    Claim(
        id="softsign-tanh",
        statement="With uniform fan-in initialisation, softsign reaches a lower test error than tanh.",
        better={"activation": "softsign", "init": "uniform_fan_in"},
        worse={"activation": "tanh", "init": "uniform_fan_in"},
        smallest=0.002,
        source=f"{SOURCE}, table 1",
        cited="MNIST 1.64 % against 1.76 %",
    ),
    Claim(
        id="he-relu",
        statement="With ReLU, He's initialisation trains faster than Glorot's: fewer steps to 25 % training error.",
        better={"activation": "relu", "init": "he_normal"},
        worse={"activation": "relu", "init": "glorot_uniform"},
        metric="steps_to_target",
        scale="ratio",
        smallest=1.1,
        source="He et al. 2015, figure 2",
        cited="the 22-layer network starts reducing its error earlier",
    ),
)

PUBLISHED = tuple(
    references.published(
        f"glorot2010-table1-mnist-{activation}{'-n' if init == 'glorot_uniform' else ''}",
        {"dataset": "mnist", "activation": activation, "init": init},
    )
    for activation, init in (
        ("softsign", "uniform_fan_in"),
        ("softsign", "glorot_uniform"),
        ("tanh", "uniform_fan_in"),
        ("tanh", "glorot_uniform"),
        ("sigmoid", "uniform_fan_in"),
    )
)

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS, PUBLISHED)
