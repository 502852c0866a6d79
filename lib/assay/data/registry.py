"""Every data set by its Spec, and `load`, the one way to get it."""

from collections.abc import Callable
import functools
import os
import pathlib

from assay import spec as specs
from assay.data import curves, digits, few, games, idx, membranes, own, sequences, shapeset, sinc, stick_figures
from assay.data import strokes, synthetic, text, tfds, toys
from assay.data.dataset import DataError, Dataset, Source


class _Datasets(dict[str, Callable[..., Source]]):
    """The sets with a name here; behind them, under its TFDS name, every image classification set of TFDS."""

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or tfds.has(str(name))

    def __missing__(self, name: str) -> Callable[..., Source]:
        return functools.partial(tfds.tfds_set, name)


DATASETS = _Datasets(
    curves=curves.curves,
    digits=digits.digits,
    few=few.few,
    xor=toys.xor,
    circle=toys.circle,
    gauss=toys.gauss,
    spiral=toys.spiral,
    mnist=lambda: tfds.tfds_set("mnist"),
    fashion_mnist=lambda: tfds.tfds_set("fashion_mnist"),
    cifar10=lambda: tfds.tfds_set("cifar10"),
    cifar100=lambda: tfds.tfds_set("cifar100"),
    membranes=membranes.membranes,
    npz=own.npz,
    folder=own.folder,
    idx=idx.idx,
    interactions=synthetic.interactions,
    markov_text=sequences.markov_text,
    parity=synthetic.parity,
    sawtooth=synthetic.sawtooth,
    shapeset=shapeset.shapeset,
    sinc=sinc.sinc,
    sine=sequences.sine,
    stick_figures=stick_figures.stick_figures,
    strokes=strokes.strokes,
    text=text.text,
    tiny_shakespeare=text.tiny_shakespeare,
    **{name: games.episodes(make) for name, make in games.GAMES.items()},
)


def default_data_dir() -> pathlib.Path:
    """Where data lies: $ASSAY_DATA_DIR, else $TFDS_DATA_DIR, else ~/.cache/assay."""
    chosen = os.environ.get("ASSAY_DATA_DIR") or os.environ.get("TFDS_DATA_DIR") or "~/.cache/assay"
    return pathlib.Path(chosen).expanduser().absolute()


def load(spec: str, data_dir: pathlib.Path | None = None) -> Dataset:
    """Loads a data set; the first use of one that is not bundled downloads, checks and caches it.

    Args:
      spec: `mnist`, `spiral(noise=0.1)`, `npz(path='mine.npz')`, `emnist(config='letters')`, or another Spec.
        A constructor of the user's own, `my_pkg.data:mine`, returns a Source.
      data_dir: folder for downloads and caches; see `default_data_dir` for None.

    Raises:
      SpecError: an unknown name or a wrong argument.
      DataError: the data is missing, damaged or of the wrong form.
    """
    name = str(specs.canonical(DATASETS, spec, "dataset"))
    source = specs.build(DATASETS, name, "dataset", _as_source)
    expected = Exception if ":" in name else ()  # the user's own code may raise anything
    try:
        dataset = source(name, pathlib.Path(data_dir or default_data_dir()).absolute())
    except (DataError, specs.SpecError):
        raise
    except expected as error:
        raise DataError(f"dataset {name}: {specs.first_line(error)}") from error
    if not isinstance(dataset, Dataset):
        raise DataError(f"dataset {name}: its source must give an assay.data.Dataset, not {type(dataset)}")
    return dataset


def _as_source(made: object) -> Source:
    if not callable(made):
        raise ValueError(f"a source is a function of (name, data_dir) that gives an assay.data.Dataset, not {made!r}")
    return made
