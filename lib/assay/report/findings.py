"""Findings: pictures and texts that trained networks left in findings.npz, chosen and bounded for a page."""

from collections.abc import Iterator
import io
from pathlib import Path
from typing import NamedTuple
import zipfile

import numpy as np

from assay.report import arms, store

ARMS = 12  # that one page shows
LETTERS = 2_000  # of one text
HALF = 500  # pixels of the page that two grids side by side have each
_TILE = (64, 128)  # pixels that a small picture is enlarged to: about, and at most where there is room
_GAP, _GREY = 2, 128  # pixels between the pictures of a grid, and their colour: neither black nor white


class Exhibit(NamedTuple):
    """One grid of pictures, or one text, of one run.

    Attributes:
      title: of the task's.
      arm, seed: whose.
      grid: uint8 [rows, columns, H, W, C], C 1 or 3; None for a text.
      content: the grid as PNG, enlarged; or the text as UTF-8.
    """

    title: str
    arm: arms.Arm
    seed: int
    grid: np.ndarray | None
    content: bytes

    @property
    def heading(self) -> tuple[bool, str]:
        """What it stands under: whether it is a text, and its title."""
        return self.grid is None, self.title

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def scale(self) -> int:
        """Pixels of the PNG, each way, for one of a picture's."""
        return enlargement(self.grid)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the PNG in pixels."""
        rows, columns, high, wide, _ = self.grid.shape
        return columns * (self.scale * wide + _GAP) - _GAP, rows * (self.scale * high + _GAP) - _GAP

    @property
    def spoken(self) -> str:
        """What the picture is, for those who do not see it."""
        rows, columns, high, wide, _ = self.grid.shape
        count = f"{rows} by {columns} pictures of " if rows * columns > 1 else ""
        return f"{self.title}: {count}{wide} by {high} pixels, {self.arm.label}, seed {self.seed}"


class Shown(NamedTuple):
    """What a page shows.

    Attributes:
      exhibits: title by title, the arms in order.
      arms, of: how many arms are shown, of how many that have findings.
      left_out: exhibits of these arms that the page has no room for.
    """

    exhibits: list[Exhibit]
    arms: int
    of: int
    left_out: int


def choose(study: store.Study, room: int) -> Shown:
    """The findings of each arm's lowest seed that has any, of at most ARMS arms: the best and the worst.

    Args:
      room: bytes that pictures (as PNG) and texts (cut at LETTERS characters) may take together.

    Raises:
      ReportError: a damaged findings.npz.
    """
    having = [(arm, *found) for arm in study.arms if (found := _first(study.folder, arm))]
    scores = [arm.estimate(study.validation).mean for arm, _, _ in having]
    kept = [having[i] for i in arms.extremes(scores, ARMS)]
    every = [exhibit for arm, seed, path in kept for exhibit in _read(path, arm, seed)]
    headings = list(dict.fromkeys(exhibit.heading for exhibit in every))
    every.sort(key=lambda exhibit: headings.index(exhibit.heading))
    exhibits, used = [], 0
    for exhibit in every:
        if used + len(exhibit.content) <= room:
            exhibits.append(exhibit)
            used += len(exhibit.content)
    return Shown(exhibits, len(kept), len(having), len(every) - len(exhibits))


def _first(folder: Path, arm: arms.Arm) -> tuple[int, Path] | None:
    paths = ((row.get("seed") or 0, folder / str(row["id"]) / "findings.npz") for row in arm.rows)
    return next(((seed, path) for seed, path in paths if path.is_file()), None)


def _read(path: Path, arm: arms.Arm, seed: int) -> Iterator[Exhibit]:
    try:
        with np.load(path) as stored:
            found = {name: stored[name] for name in stored.files}
        for name, array in found.items():
            kind, _, title = name.partition("/")
            if kind == "text":
                yield Exhibit(title, arm, seed, None, _cut(array.tobytes().decode()).encode())
            elif array.dtype != np.uint8 or array.ndim != 5 or array.shape[4] not in (1, 3) or not array.size:
                raise ValueError(f"{name} is no uint8 [rows, columns, H, W, 1 or 3]")
            else:
                yield Exhibit(title, arm, seed, array, png(array))
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        said = f"cannot read {path}: {error}; run the study again to write it anew"
        raise store.ReportError(said) from None


def _cut(text: str) -> str:
    clean = "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)
    left = len(clean) - LETTERS
    return clean if left <= 0 else f"{clean[:LETTERS]}… [{left:,} more characters]"


def enlargement(grid: np.ndarray) -> int:
    """By how much a grid's pictures are enlarged: to be legible, and more where half a page has room."""
    longer, width = max(grid.shape[2:4]), grid.shape[1] * (grid.shape[3] + 1)
    return max(1, round(_TILE[0] / longer), min(_TILE[1] // longer, HALF // width))


def png(grid: np.ndarray) -> bytes:
    """Pictures [rows, columns, H, W, C] side by side, enlarged, with a grey line between them, as PNG."""
    from PIL import Image

    tiles = grid.repeat(enlargement(grid), 2).repeat(enlargement(grid), 3)
    tiles = np.pad(tiles, ((0, 0), (0, 0), (0, _GAP), (0, _GAP), (0, 0)), constant_values=_GREY)
    rows, columns, high, wide, channels = tiles.shape
    sheet = tiles.swapaxes(1, 2).reshape(rows * high, columns * wide, channels)[:-_GAP, :-_GAP]
    out = io.BytesIO()
    Image.fromarray(sheet[..., 0] if channels == 1 else sheet).save(out, "PNG", optimize=True)
    return out.getvalue()
