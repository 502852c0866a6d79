"""A user's own files in the format of MNIST: images and labels as idx arrays (LeCun's page on MNIST)."""

import gzip
import math
import pathlib
import zlib

import numpy as np

from assay.data.dataset import complete, DataError, Dataset, Parts, Source, Split

_ROLES = {"train": ("train",), "test": ("test", "t10k")}
_UBYTE = 8  # the format's number for the type uint8


def idx(path: str, first: int = 0, transposed: bool = False) -> Source:
    """A folder with four idx files, plain or .gz: images and labels, of train and of test (or t10k), as they are named.

    EMNIST's letters (Cohen et al. 2017, arXiv:1702.05373), whose files hold images transposed and classes from 1, are
    `idx(path="...",first=1,transposed=True)`. A part of the training images is held out for validation.

    Args:
      first: label of the first class.
      transposed: whether rows and columns of the images are exchanged in the files.
    """

    def read(spec: str, data_dir: pathlib.Path) -> Dataset:
        del data_dir  # the user says where the files are
        folder = pathlib.Path(path).expanduser()
        if not folder.is_dir():
            raise DataError(f"there is no folder {folder}; idx(path=...) needs one with images and labels as idx files")
        splits = {role: _split(folder, role, first, transposed) for role in _ROLES}
        if (shape := splits["test"].x.shape[1:]) != (wanted := splits["train"].x.shape[1:]):
            raise DataError(f"{folder}: test images are {shape}, those of train {wanted}")
        num_classes = 1 + max(int(split.y.max()) for split in splits.values())
        parts = Parts(splits["train"], None, splits["test"], num_classes, f"idx files of the folder {folder.name}")
        return complete(spec, parts)

    return read


def _split(folder: pathlib.Path, role: str, first: int, transposed: bool) -> Split:
    x, y = (array(_file(folder, role, what)) for what in ("images", "labels"))
    if x.ndim != 3 or y.ndim != 1 or len(x) != len(y) or not y.size:
        raise DataError(f"{folder}: {role} has images {x.shape} and labels {y.shape}, not [N, H, W] and [N]")
    if y.min() < first:
        raise DataError(f"{folder}: {role} has the label {y.min()}, below idx(first={first})")
    x = x.swapaxes(1, 2) if transposed else x
    return Split(np.ascontiguousarray(x)[..., None], y.astype(np.int32) - first)


def _file(folder: pathlib.Path, role: str, what: str) -> pathlib.Path:
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_file())
    found = [name for name in names if what in name and any(word in name for word in _ROLES[role])]
    if len(found) != 1:
        has = ", ".join(found or names) or "nothing"
        raise DataError(f"{folder} must have one file named ...{role}...{what}..., as MNIST has; it has {has}")
    return folder / found[0]


def array(file: pathlib.Path) -> np.ndarray:
    """The array of an idx file, uint8 in its shape.

    Raises:
      DataError: it cannot be read, is of another type, or not of the length that its head says.
    """
    try:
        content = file.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read {file}: {error}") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _UBYTE or not content[3]:
        raise DataError(f"{file} is no idx file of bytes: it must begin with 0, 0, 8 and the number of dimensions")
    start = 4 + 4 * content[3]
    shape = tuple(np.frombuffer(content[4:start], ">u4").tolist())
    if len(content) - start != math.prod(shape):
        raise DataError(f"{file} is damaged: {len(content) - start:,} bytes follow its head, which says {shape}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
