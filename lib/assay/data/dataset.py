"""What a data set is: three labelled splits, how to normalise them, and where they come from."""

from collections.abc import Callable
import dataclasses
import hashlib
import pathlib
from typing import NamedTuple

import numpy as np

SPLITS = ("train", "validation", "test")
VALIDATION_FRACTION, VALIDATION_MOST = 0.1, 5000  # of a training set that comes without validation split
TEST_FRACTION = 0.2  # of a set that comes without test split
_SPLIT_SEED = 20100513


class DataError(ValueError):
    """Data that is missing, damaged or of the wrong form; its message is one line that says what is right."""


class Split(NamedTuple):
    """Examples.

    Attributes:
      x: uint8 images [N, H, W, C]; float32 [N, D] or [N, H, W, C]; or int32 [N, T], symbols such as characters.
      y: int32 labels from 0: [N], or of every pixel [N, H, W]; or real targets, float32 [N, K].
    """

    x: np.ndarray
    y: np.ndarray


class Parts(NamedTuple):
    """A data set as its source has it: splits that the source lacks are None and are carved by `complete`."""

    train: Split
    validation: Split | None
    test: Split | None
    num_classes: int
    note: str
    symbols: str = ""


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A data set, split and measured.

    Attributes:
      name: canonical Spec, for example `spiral(noise=0.1)`.
      train, validation, test: disjoint; models are chosen on validation, claims are made on test.
      mean, std: float32 [C] (or [D]) of the training split, in units of x/255 for uint8 and of x for float32;
        the std of a constant feature is given as 1, so that (x - mean) / std is always finite.
      note: provenance in one sentence, with what was held out of what.
      fingerprint: sha256 (hex) over the three splits' dtypes, shapes and bytes.
      symbols: of text, the character that each class stands for; else empty.
    """

    name: str
    train: Split
    validation: Split
    test: Split
    num_classes: int
    mean: np.ndarray
    std: np.ndarray
    note: str
    fingerprint: str
    symbols: str = ""


Source = Callable[[str, pathlib.Path], Dataset]  # from (canonical Spec, folder for data on disk) to the data


def complete(name: str, parts: Parts) -> Dataset:
    """Carves the splits that the source lacks out of its training set and measures the result."""
    train, validation, test, note = parts.train, parts.validation, parts.test, parts.note
    if test is None:
        train, test = hold_out(train, round(len(train.y) * TEST_FRACTION))
        note += f"; test: {len(test.y):,} held out of the training set (stratified, fixed permutation)"
    if validation is None:
        count = min(VALIDATION_MOST, round(len(train.y) * VALIDATION_FRACTION))
        train, validation = hold_out(train, count)
        note += f"; validation: {count:,} held out of the training set (stratified, fixed permutation)"
    for split, role in zip((train, validation, test), SPLITS):
        if not len(split.y):
            raise DataError(f"{name}: the {role} split would be empty; the data set is too small")
    mean, std = moments(train.x)
    digest = fingerprint(train, validation, test)
    return Dataset(name, train, validation, test, parts.num_classes, mean, std, note, digest, parts.symbols)


def hold_out(split: Split, count: int) -> tuple[Split, Split]:
    """Divides a split into (kept, held), with `count` examples in the second and equal shares of every class.

    Each class gives the last part of a fixed permutation (shares rounded by largest remainder). Both results
    are in permuted order, so that the first n examples of a class-sorted source are not all of one class.
    Where every pixel has a label, or targets are real, examples have no class, and the last `count` are held.
    """
    # RandomState: its stream is frozen by NumPy's policy (NEP 19), Generator's may change between versions.
    order = np.random.RandomState(_SPLIT_SEED).permutation(len(split.y))
    labels = split.y[order] if split.y.ndim == 1 else np.zeros(len(split.y), int)
    sizes = np.bincount(labels)
    exact = sizes * (count / len(labels))
    shares = np.floor(exact).astype(int)
    shares[np.argsort(shares - exact, kind="stable")[: count - shares.sum()]] += 1
    held = np.zeros(len(labels), bool)
    for label, (size, share) in enumerate(zip(sizes, shares)):
        held[np.flatnonzero(labels == label)[size - share :]] = True
    kept_at, held_at = order[~held], order[held]
    return Split(split.x[kept_at], split.y[kept_at]), Split(split.x[held_at], split.y[held_at])


def moments(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation over all axes but the last; for uint8 of x/255, by the exact histogram.

    Symbols (int32) have neither: 0 and 1.
    """
    flat = x.reshape(-1, x.shape[-1])
    if x.dtype == np.uint8:
        levels = np.arange(256) / 255
        weights = np.stack([np.bincount(channel, minlength=256) for channel in flat.T]) / len(flat)
        mean = weights @ levels
        std = np.sqrt((weights * (levels - mean[:, None]) ** 2).sum(axis=1))
    elif np.issubdtype(x.dtype, np.integer):
        mean, std = np.zeros(x.shape[-1]), np.ones(x.shape[-1])
    else:
        mean, std = flat.mean(axis=0, dtype=np.float64), flat.std(axis=0, dtype=np.float64)
    return mean.astype(np.float32), np.where(std > 0, std, 1).astype(np.float32)


def fingerprint(train: Split, validation: Split, test: Split) -> str:
    """sha256 over every array's name, dtype, shape and bytes."""
    digest = hashlib.sha256()
    for role, split in zip(SPLITS, (train, validation, test)):
        for field, array in zip(Split._fields, split):
            digest.update(f"{field}_{role} {array.dtype.str} {array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
