from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
import re

import pytest

from assay import report

VOID = {"meta", "br", "hr", "img", "link", "input"}
ONE = {"activation": ["relu"]}


class Page(HTMLParser):
    """Checks nesting while it reads, and gathers ids, references, elements and text."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.open, self.ids, self.references, self.tags, self.text = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag not in VOID:
            self.open.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), f"an event handler: {name}"
            if name == "id":
                self.ids.append(value)
            if name in ("src", "href", "xlink:href", "action", "data", "srcset"):
                self.references.append(value)
            self.references += re.findall(r"url\(([^)]*)\)", value or "")

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open.pop() == tag, f"</{tag}> closes something else"

    def handle_data(self, data):
        if self.open and self.open[-1] != "style":
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


def page(folder: Path) -> Page:
    path = report.write(folder)
    assert path == folder / "report.html"
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def whole(stored: Path) -> Page:
    return page(stored)


def test_the_page_stands_alone_and_is_well_formed(whole: Page):
    assert not {"script", "link", "img", "image", "iframe", "object", "base"} & set(whole.tags)
    assert len(whole.ids) == len(set(whole.ids))
    assert whole.references and all(
        each.startswith("#") and each[1:] in whole.ids for each in whole.references
    )


def test_the_page_has_no_address_of_the_network(whole: Page, stored: Path):
    text = (stored / "report.html").read_text(encoding="utf-8")
    assert "http" not in text and "@import" not in text and "data:" not in text


def test_the_order_is_question_verdicts_data_arms_curves_layers_commands(whole: Page):
    heads = [
        "Which initialisation",
        "Verdicts 6",
        "Data Every run",
        "Arms activation",
        "Learning curves",
        "Layer by layer",
        "Evidence behind",
        "Divergences",
        "Commands",
        "Environment",
    ]
    places = [whole.words.index(head) for head in heads]
    assert places == sorted(places)


def test_every_verdict_is_told_in_words(whole: Page):
    assert "6 claims: 2 confirmed, 1 refuted, 1 equivalent, 1 inconclusive, 1 not tested." in whole.words
    assert "+0.61 points" in whole.words and "Interval (98.75 %) [+0.41, +0.81]" in whole.words
    assert "Smallest of interest 1.5 times" in whole.words
    assert "– not tested elu Normalised initialisation" in whole.words
    assert "arm activation=elu is not in this run." in whole.words and whole.words.count("not tested") == 2
    assert "Source: Glorot & Bengio 2010, Table 1. 1.64 against 1.76 %" in whole.words


def test_the_splits_and_the_data_are_named(whole: Page):
    assert "Choices between models are made on the validation split (350 examples)" in whole.words
    assert "are measured on the test split (350 examples)" in whole.words
    assert "real 8x8 handwritten digits bundled with scikit-learn" in whole.words and "9a" * 32 in whole.words


def test_published_values_stand_beside_ours_with_mark_and_protocol(whole: Page):
    assert "1.64 % 1 reported, unverified" in whole.words.replace("\xa0", " ")
    assert "published 1.64 % (reported, unverified): protocol differs in dataset, width" in whole.words
    assert "published with dataset mnist, width 1000, preprocessing none" in whole.words


def test_arms_show_mean_and_t_interval(make_store: Callable[..., Path]):
    folder = make_store(axes=ONE, seeds=2, published=[], verdicts=[])
    from pyarrow import parquet

    low, high = sorted(parquet.read_table(folder / "results.parquet").column("test_error").to_pylist())
    middle, half = (
        (low + high) / 2,
        12.706204736 * (high - low) / 2,
    )  # t(0.975, 1) s / sqrt(2); s = (high - low) / sqrt(2)
    words = page(folder).words.replace("\xa0", " ")
    assert f"{100 * middle:.2f} % [{100 * max(0, middle - half):.2f}, {100 * (middle + half):.2f}]" in words


def test_divergences_are_listed_with_their_step(make_store: Callable[..., Path]):
    axes = {"activation": ["tanh", "relu"], "init": ["glorot_uniform", "he_normal"]}
    folder = make_store(axes=axes, diverging=lambda arm, seed: (arm, seed) == (1, 1), verdicts=[])
    from pyarrow import parquet

    [lost] = [
        row
        for row in parquet.read_table(folder / "results.parquet").to_pylist()
        if row["status"] == "diverged"
    ]
    assert (
        f"1 of 20 runs diverged. arm seed at step trial tanh, he_normal 1 {lost['diverged_at']} {lost['id']}"
        in page(folder).words
    )


def test_hostile_text_stays_text(make_store: Callable[..., Path]):
    evil = "</title></style><script>alert(1)</script>\"'><svg onload=x> $x^2$ ]]>"
    verdict = {
        "claim": evil,
        "statement": evil,
        "verdict": evil,
        "reason": evil,
        "metric": evil,
        "effect": 1.0,
        "interval": [0.5, 1.5],
        "smallest": 0.1,
        "n": 3,
        "source": evil,
        "cited": evil,
        "command": evil,
        "scale": evil,
    }
    folder = make_store(
        axes={"activation": ["relu", evil], "init": ["zeros", "ones"]},
        seeds=2,
        verdicts=[verdict],
        question=evil,
        cost=evil,
        command=evil,
        params={evil: 3},
        provenance={evil: evil},
        published=[
            {
                "arm": {"activation": "relu"},
                "metric": "test_error",
                "value": 0.1,
                "source": evil,
                "protocol": {evil: evil},
                "mark": "Mh",
            }
        ],
        dataset={"name": evil, "note": evil, "fingerprint": evil, "train": evil},
    )
    found = page(folder)
    assert "script" not in found.tags
    assert found.words.count("<script>alert(1)</script>") >= 12
    assert "<script" not in report.picture(folder).read_text(encoding="utf-8")


def test_the_same_store_gives_the_same_bytes(make_store: Callable[..., Path]):
    folder = make_store(
        axes={"activation": ["tanh", "relu"], "init": ["glorot_uniform", "he_normal"]}, seeds=2
    )
    first = report.write(folder).read_bytes(), report.picture(folder).read_bytes()
    assert (report.write(folder).read_bytes(), report.picture(folder).read_bytes()) == first
    assert b"1.64" in first[0]


def test_users_matplotlib_settings_do_not_matter_and_stay(make_store: Callable[..., Path]):
    import matplotlib

    folder = make_store(axes=ONE, seeds=2, published=[], verdicts=[])
    first = report.write(folder).read_bytes()
    with matplotlib.rc_context({"font.size": 30, "lines.color": "red", "svg.fonttype": "path"}):
        assert report.write(folder).read_bytes() == first
        assert matplotlib.rcParams["font.size"] == 30 and matplotlib.rcParams["svg.fonttype"] == "path"


def test_a_study_of_150_runs_stays_small(make_store: Callable[..., Path]):
    axes = {"activation": ["sigmoid", "tanh", "softsign", "relu", "elu"], "init": ["a", "b", "c"]}
    folder = make_store(axes=axes, seeds=10, published=[])
    assert report.write(folder).stat().st_size < 1_500_000


@pytest.mark.parametrize(
    ("made", "said"),
    [
        ({"verdicts": None}, "No verdicts yet"),
        ({"verdicts": []}, "This study makes no claims"),
        ({"finished": lambda arm, seed: False}, "0 trials finished · 3 arms not yet run"),
        ({"finished": lambda arm, seed: arm < 2 and seed < 1}, "2 trials finished · 1 arms not yet run"),
        ({"probe": False}, "Learning curves"),
        ({"diverging": lambda arm, seed: True}, "6 of 6 runs diverged"),
        ({"axes": ONE}, "the only arm"),
        ({"axes": {}}, "the only arm"),
        ({"seeds": 1, "axes": ONE}, "1 trials finished"),
        ({"dataset": {}, "params": {}, "provenance": {}, "base": {}}, "Environment"),
    ],
)
def test_missing_pieces_leave_a_sensible_page(make_store: Callable[..., Path], made: dict, said: str):
    folder = make_store(
        **({"axes": {"activation": ["tanh", "relu", "elu"]}, "seeds": 2, "published": []} | made)
    )
    words = page(folder).words
    assert said in words
    assert "nan" not in words.lower().replace("provenance", "") and "None" not in words


def test_planned_arms_without_a_result_are_shown(make_store: Callable[..., Path]):
    axes = {"activation": ["sigmoid", "tanh"], "init": ["glorot_uniform", "he_normal"]}
    words = page(
        make_store(axes=axes, finished=lambda arm, seed: arm != 1, seeds=2, published=[], verdicts=[])
    ).words
    assert "sigmoid he_normal 0 – – – 0 n/a" in words


def test_sixty_arms_never_share_one_axes(make_store: Callable[..., Path]):
    from assay.report import panels, store

    axes = {"activation": [f"act{i}" for i in range(10)], "init": [f"init{i}" for i in range(6)]}
    folder = make_store(axes=axes, seeds=2, evals=5, layers=3, published=[], verdicts=[])
    arranged, legend = panels.arrange(store.read(folder).arms, "validation_error")
    assert len(arranged) == 10 and all(len(panel.arms) == 6 for panel in arranged) and len(legend) == 6
    words = page(folder).words
    assert (
        "Shown: 40 arms" not in words
        and "Shown: the 40 arms with the lowest and the highest means, of 60." in words
    )
    assert "Shown: 24 of 60 arms" in words


def test_a_field_of_many_values_gets_a_panel_each(make_store: Callable[..., Path]):
    from assay.report import panels, store

    folder = make_store(
        axes={"lr": [0.01 * i for i in range(1, 31)]}, seeds=1, published=[], verdicts=[], probe=False
    )
    arranged, legend = panels.arrange(store.read(folder).arms, "validation_error")
    assert len(arranged) == panels.PANELS and legend == []
    assert [panel.title for panel in arranged][0].startswith("lr=")
