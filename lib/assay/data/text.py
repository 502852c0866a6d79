"""Text as windows of characters, each with the character that follows."""

from collections.abc import Mapping
import pathlib

import numpy as np

from assay.data import tfds
from assay.data.cache import cached
from assay.data.dataset import complete, DataError, Dataset, Parts, Source, Split, SPLITS

_ORDER_SEED = 1


def tiny_shakespeare(window: int = 8) -> Source:
    """Karpathy's 1.1 million characters of Shakespeare's plays, through TFDS: 90 % / 5 % / 5 % in the text's order.

    x int32 [N, window] holds character numbers, y int32 [N] the character after each window.
    """
    _require_window(window)

    def read(spec: str, data_dir: pathlib.Path) -> Dataset:
        def make() -> Dataset:
            texts, note = tfds.texts("tiny_shakespeare", data_dir)
            return complete(spec, text_parts(texts, window, note))

        return cached(data_dir / "assay" / f"tiny_shakespeare-{window}.npz", make)

    return read


def text(path: str, window: int = 8) -> Source:
    """A text file of the user's own (UTF-8): its first 90 % to train, then 5 % to validate, 5 % to test."""
    _require_window(window)

    def read(spec: str, data_dir: pathlib.Path) -> Dataset:
        del data_dir  # the user says where the file is
        file = pathlib.Path(path).expanduser()
        try:
            whole = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8"
            raise DataError(f"cannot read the text {file}: {reason}") from error
        return complete(spec, text_parts(divided(whole), window, f"text of the file {file.name}"))

    return read


def divided(whole: str) -> dict[str, str]:
    """A text's splits as TFDS makes them: 90 %, then half of the rest, then what is left."""
    first = int(len(whole) * 0.9)
    second = first + int((len(whole) - first) * 0.5)
    return dict(zip(SPLITS, (whole[:first], whole[first:second], whole[second:])))


def text_parts(texts: Mapping[str, str], window: int, note: str) -> Parts:
    """Windows of texts; every character of any split gets a number, in Unicode order.

    The training windows are in a fixed random order, so that the first ones stand for all; those of the other splits
    in the text's.

    Raises:
      DataError: a split that is too short for one window.
    """
    symbols = "".join(sorted(set("".join(texts.values()))))
    numbers = {symbol: number for number, symbol in enumerate(symbols)}
    splits = []
    for role in SPLITS:
        ids = np.array([numbers[symbol] for symbol in texts[role]], np.int32)
        if len(ids) <= window:
            raise DataError(f"the {role} split has {len(ids)} characters, too few for a window of {window}")
        windows = np.lib.stride_tricks.sliding_window_view(ids, window + 1)  # [N, window + 1]
        if role == "train":
            windows = windows[np.random.RandomState(_ORDER_SEED).permutation(len(windows))]  # frozen stream
        splits.append(Split(np.ascontiguousarray(windows[:, :-1]), np.ascontiguousarray(windows[:, -1])))
    return Parts(*splits, len(symbols), note, symbols)


def decode(ids: np.ndarray, symbols: str) -> str:
    """The text that character numbers `[T]` stand for."""
    return "".join(symbols[i] for i in np.asarray(ids).tolist())


def _require_window(window: int) -> None:
    if window < 1:
        raise ValueError(f"window must be at least 1, not {window}")
