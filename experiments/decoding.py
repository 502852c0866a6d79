"""Does a text go round in circles when the likeliest character is always taken?

    ./launch.sh decoding
    ./launch.sh decoding --task='next_token(temperature=0.05),next_token(temperature=0.5),next_token'

Cost: about 2 minutes on two CPU cores (two temperatures, 6 seeds, half a pass over a million characters of Shakespeare).
Expected: Holtzman et al. 2020 (arXiv:1904.09751): the likeliest continuation is repetitive where a drawn one is not.
At temperature 0.05 the likeliest character is taken almost always. sampled_repetition is the share of the windows of
eight characters that have occurred before in a continuation of 240.
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study

COLD, WARM = "next_token(temperature=0.05)", "next_token"

STUDY = Study(
    base=Config(
        dataset="tiny_shakespeare",
        model="char_mlp(depth=1)",
        activation="relu",
        init="he_normal",
        optimizer="adam",
        lr=0.003,
        schedule="cosine",
        batch_size=256,
        epochs=0.5,
        evals=1,
        probe=(),
    ),
    axes={"task": (COLD, WARM)},
    seeds=6,
    smoke={"dataset": "markov_text", "epochs": 0.2},
)

CLAIMS = (
    Claim(
        id="drawing-avoids-loops",
        statement="Drawn characters repeat at least 0.3 of the text less than the likeliest ones do.",
        better={"task": WARM},
        worse={"task": COLD},
        metric="sampled_repetition",
        smallest=0.3,
        source="Holtzman et al. 2020, section 1",
        cited="maximum-likelihood decoding gives text that is bland and strangely repetitive",
    ),
)

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
