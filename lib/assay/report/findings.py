"""Findings: the pictures and texts that trained networks left in findings.npz, chosen and bounded for a page."""

from collections.abc import Iterator
import io
from pathlib import Path
from typing import NamedTuple
import zipfile

import numpy as np

from assay.report import arms, store

ARMS = 12  # that one page shows
LETTERS = 2_000  # of one text
TILE = 64  # pixels that the longer side of a picture in a grid is shown with, about
_GAP = 128  # grey between the pictures of a grid, told from black and from white


class Exhibit(NamedTuple):
    """One grid of pictures, or one text, of one run.

    Attributes:
      title: of the task's.
      arm, seed: whose.
      grid: uint8 [rows, columns, H, W, C], C 1 or 3; None for a text.
      content: the grid's PNG at its own size, or the text as UTF-8.
    """

    title: str
    arm: arms.Arm
    seed: int
    grid: np.ndarray | None
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode()

    @property
    def scale(self) -> int:
        """By how many pixels one of the grid's is shown."""
        return max(1, round(TILE / max(self.grid.shape[2:4])))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the grid, in its own pixels."""
        rows, columns, high, wide, _ = self.grid.shape
        return columns * (wide + 1) - 1, rows * (high + 1) - 1

    @property
    def spoken(self) -> str:
        """What the picture is, for those who do not see it."""
        rows, columns, high, wide, _ = self.grid.shape
        said = f"{rows} by {columns} pictures of {wide} by {high} pixels" if rows * columns > 1 else "a picture"
        return f"{self.title}: {said}, {self.arm.label}, seed {self.seed}"


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
    titles = list(dict.fromkeys((exhibit.grid is None, exhibit.title) for exhibit in every))
    every.sort(key=lambda exhibit: titles.index((exhibit.grid is None, exhibit.title)))
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
            elif array.dtype != np.uint8 or array.ndim != 5 or array.shape[-1] not in (1, 3) or not array.size:
                raise ValueError(f"{name} is no uint8 [rows, columns, H, W, 1 or 3]")
            else:
                yield Exhibit(title, arm, seed, array, png(array))
    except (ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise store.ReportError(f"cannot read {path}: {error}; run the study again to write it anew") from None


def _cut(text: str) -> str:
    clean = "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)
    left = len(clean) - LETTERS
    return clean if left <= 0 else f"{clean[:LETTERS]}… [{left:,} more characters]"


def png(grid: np.ndarray, scale: int = 1) -> bytes:
    """Pictures side by side with a grey line between them, as PNG.

    Args:
      grid: uint8 [rows, columns, H, W, C], C 1 or 3.
      scale: pixels of the PNG for one of the grid, each way.
    """
    from PIL import Image

    rows, columns, high, wide, channels = grid.shape
    padded = np.full((rows, columns, high + 1, wide + 1, channels), _GAP, np.uint8)
    padded[:, :, :high, :wide] = grid
    sheet = padded.transpose(0, 2, 1, 3, 4).reshape(rows * (high + 1), columns * (wide + 1), channels)[:-1, :-1]
    sheet = sheet.repeat(scale, 0).repeat(scale, 1)
    out = io.BytesIO()
    Image.fromarray(sheet[..., 0] if channels == 1 else sheet).save(out, "PNG", optimize=True)
    return out.getvalue()
