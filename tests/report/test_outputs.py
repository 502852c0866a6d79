"""Pictures and texts of findings.npz: which are shown, how, and how many."""

import base64
from collections.abc import Callable
from html.parser import HTMLParser
import io
from pathlib import Path

import numpy as np
from PIL import Image
import pytest

from assay import report
from assay.report import findings, outputs, publish, store
from assay.sweep.store import Store

PICTURES = {"samples": np.arange(2 * 3 * 4 * 5 * 1, dtype=np.uint8).reshape(2, 3, 4, 5, 1)}
COLOURED = {"colours": np.random.default_rng(0).integers(0, 256, (1, 2, 3, 3, 3), np.uint8)}
EVIL = "</pre><script>alert(1)</script>\x1b ]]>"


class Images(HTMLParser):
    """The images and the preformatted texts of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.images: list[dict[str, str]] = []
        self.tags: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.images += [dict(attrs)] if tag == "img" else []


def plant(folder: Path, wanted: Callable[[store.arms.Row], tuple[dict, dict] | None]) -> None:
    stored = Store(folder.parent, folder.name)
    for row in store.read(folder).rows:
        if found := wanted(row):
            stored.write_findings(row["id"], *found)


def small(make_store: Callable[..., Path], **changes: object) -> Path:
    made = {"axes": {"activation": ["tanh", "relu"]}, "seeds": 3, "published": [], "verdicts": [], "probe": False}
    return make_store(**made | {"evals": 2, "diverging": lambda arm, seed: False} | changes)


def section(folder: Path) -> str:
    return outputs.section(store.read(folder))


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)))


def test_a_grid_becomes_a_picture_with_grey_lines_between():
    image, scale = pixels(findings.png(PICTURES["samples"])), 25  # 5 pixels become 125
    assert image.shape == (2 * 4 * scale + 2, 3 * 5 * scale + 4) and image.dtype == np.uint8
    for i in range(2):
        for j in range(3):
            tile = image[i * (4 * scale + 2) :, j * (5 * scale + 2) :][: 4 * scale, : 5 * scale]
            np.testing.assert_array_equal(tile[::scale, ::scale], PICTURES["samples"][i, j, ..., 0])
            assert (tile == tile[::scale, ::scale].repeat(scale, 0).repeat(scale, 1)).all()
    assert (image[4 * scale : 4 * scale + 2] == 128).all() and (image[:, 5 * scale : 5 * scale + 2] == 128).all()
    coloured = pixels(findings.png(COLOURED["colours"]))
    np.testing.assert_array_equal(coloured[::42, -1::-42][:, 2::-1], COLOURED["colours"][0, 1])


@pytest.mark.parametrize(
    ("shape", "scale"),
    [((10, 10, 28, 28), 2), ((1, 3, 28, 28), 4), ((8, 8, 8, 8), 8), ((3, 10, 64, 64), 1), ((1, 2, 388, 388), 1)],
)
def test_small_pictures_are_enlarged_to_be_legible(shape: tuple[int, ...], scale: int):
    grid = np.zeros((*shape, 1), np.uint8)
    assert findings.enlargement(grid) == scale
    exhibit = findings.Exhibit("t", store.arms.Arm({}, []), 0, grid, findings.png(grid))
    assert Image.open(io.BytesIO(exhibit.content)).size == exhibit.size


def test_the_page_shows_the_lowest_seed_that_has_any(make_store: Callable[..., Path]):
    folder = small(make_store)
    other = {"samples": PICTURES["samples"] + np.uint8(1)}
    lowest = {"tanh": 1, "relu": 0}
    plant(
        folder,
        lambda row: None
        if row["seed"] < lowest[row["activation"]]
        else (PICTURES if row["seed"] == lowest[row["activation"]] else other, {"told": f"once {row['seed']}"}),
    )
    text = report.write(folder).read_text(encoding="utf-8")
    found = Images(text)
    assert [image["alt"] for image in found.images] == [
        "samples: 2 by 3 pictures of 5 by 4 pixels, tanh, seed 1",
        "samples: 2 by 3 pictures of 5 by 4 pixels, relu, seed 0",
    ]
    for image in found.images:
        kind, _, data = image["src"].partition(",")
        assert kind == "data:image/png;base64"
        np.testing.assert_array_equal(
            pixels(base64.b64decode(data)), pixels(findings.png(PICTURES["samples"]))
        )
        assert (int(image["width"]), int(image["height"])) == (379, 202)
    assert "image-rendering:pixelated" in text
    assert "once 1" in text and "once 0" in text and "once 2" not in text
    assert text.index("<h3>samples") < text.index("<h3>told")


def test_without_findings_there_is_no_section(make_store: Callable[..., Path]):
    folder = small(make_store)
    assert section(folder) == "" and "data:" not in report.write(folder).read_text(encoding="utf-8")


def test_text_stays_text_and_is_cut(make_store: Callable[..., Path]):
    folder = small(make_store, seeds=1)
    plant(folder, lambda row: ({}, {EVIL: EVIL + "x" * 5000}))
    shown = section(folder)
    assert "script" not in Images(shown).tags and "\x1b" not in shown.replace("\x1b ]]&gt;</h3>", "")
    assert f"… [{len(EVIL) + 5000 - findings.LETTERS:,} more characters]" in shown
    assert shown.count("x") < 2 * findings.LETTERS + 100


def test_of_many_arms_the_best_and_the_worst_are_shown(make_store: Callable[..., Path]):
    folder = small(make_store, axes={"lr": [0.1 * i for i in range(1, 16)]}, seeds=1)
    plant(folder, lambda row: (PICTURES, {}))
    shown = section(folder)
    assert len(Images(shown).images) == findings.ARMS
    assert "Shown: 12 of 15 arms, those with the lowest and the highest validation error; 3 are left out." in shown


def test_the_section_is_bounded(make_store: Callable[..., Path], monkeypatch: pytest.MonkeyPatch):
    noise = np.random.default_rng(0).integers(0, 256, (4, 4, 16, 16, 3), np.uint8)
    size = len(findings.png(noise))
    folder = small(make_store, seeds=1)
    plant(folder, lambda row: ({"a": noise, "b": noise, **PICTURES}, {}))
    room = 3 * size + 1000  # three of the four large ones, and both small ones
    monkeypatch.setattr(outputs, "ROOM", room)
    shown = section(folder)
    assert len(Images(shown).images) == 5 and "1 more are too large for this page" in shown
    assert len(shown) < room * 4 / 3 + 3000


@pytest.mark.parametrize("content", [b"torn", b""])
def test_a_damaged_file_is_one_line(make_store: Callable[..., Path], content: bytes):
    folder = small(make_store, seeds=1)
    plant(folder, lambda row: (PICTURES, {}))
    path = next(folder.glob("*/findings.npz"))
    path.write_bytes(content)
    with pytest.raises(report.ReportError, match=r"cannot read .*findings\.npz: .*; run the study again") as caught:
        report.write(folder)
    assert "\n" not in str(caught.value)


def test_what_is_no_grid_of_pictures_is_named(make_store: Callable[..., Path]):
    folder = small(make_store, seeds=1)
    plant(folder, lambda row: ({"flat": np.zeros((28, 28))}, {}))
    with pytest.raises(report.ReportError, match="picture/flat is no uint8"):
        section(folder)


def test_a_page_of_the_documentation_has_its_pictures_beside_it(make_store: Callable[..., Path], tmp_path: Path):
    folder = small(make_store, seeds=2)
    plant(folder, lambda row: (PICTURES | COLOURED, {"told": "once\n```\nupon"}))
    stale = tmp_path / "docs" / folder.name / "findings" / "99.png"
    stale.parent.mkdir(parents=True)
    stale.write_bytes(b"")
    page = publish.publish(folder, tmp_path / "docs")
    files = sorted(path.name for path in (page.parent / "findings").iterdir())
    assert files == ["00.png", "01.png", "02.png", "03.png"]
    text = page.read_text()
    for name in files:
        assert text.count(f"](findings/{name})") == 1
    assert "![samples: 2 by 3 pictures of 5 by 4 pixels, tanh, seed 0](findings/00.png)" in text
    assert "    once\n    ```\n    upon" in text
    assert pixels((page.parent / "findings" / "00.png").read_bytes()).shape == (202, 379)
    # Without any, nothing is there.
    bare = small(make_store, name="bare")
    page = publish.publish(bare, tmp_path / "docs")
    assert not (page.parent / "findings").exists() and "Outputs of the" not in page.read_text()
