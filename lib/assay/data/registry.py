"""Every data set by its Spec, and `load`, the one way to get it."""

from collections.abc import Callable
import os
import pathlib

from assay import spec as spec_lib
from assay.data import digits, toys
from assay.data.dataset import complete, Dataset, Source

DATASETS: dict[str, Callable[..., Source]] = {
    "digits": digits.digits,
    "xor": toys.xor,
    "circle": toys.circle,
    "gauss": toys.gauss,
    "spiral": toys.spiral,
}


def default_data_dir() -> pathlib.Path:
    """Where data lies: $ASSAY_DATA_DIR, else $TFDS_DATA_DIR, else ~/.cache/assay."""
    chosen = os.environ.get("ASSAY_DATA_DIR") or os.environ.get("TFDS_DATA_DIR") or "~/.cache/assay"
    return pathlib.Path(chosen).expanduser()


def load(spec: str, data_dir: pathlib.Path | None = None) -> Dataset:
    """Loads a data set; the first use of one that is not bundled downloads, checks and caches it.

    Args:
      spec: `mnist`, `spiral(noise=0.1)`, `npz(path='mine.npz')`, the name of a TFDS image classification set, ...
      data_dir: folder for downloads and caches; see `default_data_dir` for None.

    Raises:
      SpecError: an unknown name or a wrong argument.
      DataError: the data is missing, damaged or of the wrong form.
    """
    canonical = spec_lib.canonical(DATASETS, spec, "dataset")
    found = spec_lib.build(DATASETS, canonical, "dataset")(pathlib.Path(data_dir or default_data_dir()))
    return found if isinstance(found, Dataset) else complete(str(canonical), found)
