"""How much better than pair frequencies does a network predict the next character of a text?

    ./launch.sh next_character
    ./launch.sh next_character --dataset='tiny_shakespeare(window=16)'

Cost: about 5 minutes on two CPU cores (5 networks, 6 seeds, one pass over a million characters of Shakespeare).
Expected: Bengio et al. 2003, tables 1 and 2, on words: the network's perplexity is 24 % (Brown) and 8 % (AP News) below
that of the best n-gram model. Here on characters, against the bigram model: a network that reads one character is that
model (the report gives its bits beside those of the counted one), the others read eight. The report shows how each
continues a text, by the likeliest characters and by drawn ones.
"""

from assay import cli
from assay.claims import Claim
from assay.config import Config
from assay.sweep.study import Study

PAIRS = "char_mlp(context=1,depth=0,embed=0)"
LINEAR = "char_mlp(depth=0,embed=0)"
CONV = "text_conv(depth=3,width=32)"


def _mlp(depth: int) -> str:
    return f"char_mlp(depth={depth})"


STUDY = Study(
    base=Config(
        task="next_token",
        dataset="tiny_shakespeare",
        activation="relu",
        init="he_normal",
        optimizer="adam",
        lr=0.003,
        schedule="cosine",
        batch_size=256,
        epochs=1,
        evals=3,
        probe=(),
    ),
    axes={"model": (PAIRS, LINEAR, _mlp(1), _mlp(3), CONV)},
    seeds=6,
    smoke={"dataset": "markov_text", "epochs": 0.5, "model": (PAIRS, _mlp(1))},
)

SOURCE = {
    "source": "Bengio et al. 2003, tables 1 and 2",
    "cited": "the network's perplexity is 24 % (Brown) and 8 % (AP News) below that of the best n-gram model",
    "metric": "test_bits",
}


def _claim(id: str, better: str, worse: str, statement: str, smallest: float) -> Claim:
    arms = {"better": {"model": better}, "worse": {"model": worse}}
    return Claim(id=id, statement=statement, smallest=smallest, **arms, **SOURCE)


CLAIMS = (
    _claim(
        "beats-bigram", _mlp(1), PAIRS,
        "One hidden layer over eight characters needs at least 0.5 bits a character less than pairs do.", 0.5,
    ),
    _claim(
        "conv-beats-bigram", CONV, PAIRS,
        "Three convolutions over eight characters need at least 0.5 bits a character less than pairs do.", 0.5,
    ),
    _claim(
        "hidden-layer", _mlp(1), LINEAR,
        "With a hidden layer, eight characters are worth at least 0.1 bits more than in a linear model.", 0.1,
    ),
    _claim("depth", _mlp(3), _mlp(1), "Three hidden layers need fewer bits than one, by at least 0.02.", 0.02),
    _claim(
        "sharing", _mlp(3), CONV, "Three dense layers need fewer bits than three convolutions, by at least 0.02.", 0.02,
    ),
)  # fmt: skip

if __name__ == "__main__":
    cli.main(STUDY, CLAIMS)
