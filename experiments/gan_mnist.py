"""Does a generator learn digits that its discriminator cannot tell from real ones, and that are no copies?

    ./launch.sh gan_mnist
    ./launch.sh gan_mnist --loss=non_saturating --model='gan(critic_width=128,spectral_norm=True,width=128)'

Cost: about 10 minutes on two CPU cores (two losses, after 28 steps and after 6 passes, 7 seeds, MNIST; needs MNIST).
Expected: Goodfellow et al. 2014, section 3: the discriminator finds the first samples out with high confidence;
theorem 1: in the end it is right half of the time; table 1: 225 nats under a Parzen window, from wider networks.
Miyato et al. 2018: the spectral norm keeps the discriminator smooth, so that the generator can go on improving. Mao et
al. 2017: least squares give better images. What is asked is whether the discriminator that was trained along is misled
(closing_error): a fresh one, trained on the finished samples, could tell more of them.
"""

from assay import cli
from assay.claims import Claim, references
from assay.config import Config
from assay.sweep.study import Study

EARLY, LATE = 0.025, 6.0

STUDY = Study(
    base=Config(
        task="adversarial",
        dataset="mnist",
        model="gan(critic_width=32,spectral_norm=True,width=128)",
        activation="leaky_relu",
        init="he_normal",
        norm="batch_norm",
        optimizer="adam(b1=0.5)",
        lr=0.001,
        batch_size=50,
        evals=24,
    ),
    axes={"epochs": (EARLY, LATE), "loss": ("non_saturating", "least_squares")},
    seeds=7,
    smoke={"epochs": (0.01, 0.02)},
)

GOODFELLOW = "Goodfellow et al. 2014"
TRAINED, UNTRAINED = {"epochs": LATE}, {"epochs": EARLY}

CLAIMS = (
    Claim(
        id="becomes-indistinguishable",
        statement="After 6 passes the discriminator is wrong at least 35 points more often than after 28 steps.",
        better=UNTRAINED, worse=TRAINED, metric="closing_error", smallest=0.35,
        source=f"{GOODFELLOW}, section 3 and theorem 1",
        cited="samples are rejected with high confidence at first; D(x) = 1/2 in the end",
    ),
    Claim(
        id="likelihood-rises",
        statement="6 passes make test images at least 100 nats likelier under a Parzen window than 28 steps do.",
        better=TRAINED, worse=UNTRAINED, metric="log_likelihood", smallest=100.0,
        source=f"{GOODFELLOW}, theorem 1 and table 1", cited="the generated distribution comes to that of the data",
    ),
    Claim(
        id="no-copies",
        statement="After 6 passes, less than 1 % more samples are copies of training images than after 28 steps.",
        better=UNTRAINED, worse=TRAINED, metric="copies_error", smallest=0.01, expects="equivalence",
        source=f"{GOODFELLOW}, figure 2", cited="nearest training examples show that the training set is not memorised",
    ),
    Claim(
        id="least-squares-precision",
        statement="After 6 passes, least squares have at least 5 % more of the samples among the real images.",
        better=TRAINED | {"loss": "least_squares"}, worse=TRAINED | {"loss": "non_saturating"},
        metric="precision", smallest=0.05,
        source="Mao et al. 2017, section 4", cited="images of higher quality than by cross-entropy, by eye",
    ),
)  # fmt: skip

PUBLISHED = (
    references.published(
        "goodfellow2014-table1-mnist-gan", {"dataset": "mnist", "epochs": LATE, "loss": "non_saturating"}
    ),
)

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS, PUBLISHED)
