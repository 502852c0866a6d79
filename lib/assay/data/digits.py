"""digits: 1,797 real handwritten digits that come with scikit-learn, so nothing is downloaded."""

import pathlib

import numpy as np

from assay.data.dataset import complete, Dataset, hold_out, Parts, Source, Split

_VALIDATION, _TEST = 340, 357


def digits() -> Source:
    """Real 8x8 handwritten digits, 1,100 / 340 / 357 images uint8 [N, 8, 8, 1], split stratified by class.

    The test part of UCI's Optical Recognition of Handwritten Digits (Alpaydin & Kaynak 1998). Its pixels
    count inked dots, 0..16; they are stored times 15, an exact scaling to 0..240, so that x/255 nearly
    spans [0, 1].
    """
    return _read


def _read(spec: str, data_dir: pathlib.Path) -> Dataset:
    from sklearn import datasets  # heavy, and needed by this data set alone

    del data_dir  # part of the package
    bundle = datasets.load_digits()
    images = (bundle.images[..., None] * 15).astype(np.uint8)  # [N, 8, 8, 1]
    rest, test = hold_out(Split(images, bundle.target.astype(np.int32)), _TEST)
    train, validation = hold_out(rest, _VALIDATION)
    note = "real 8x8 handwritten digits bundled with scikit-learn (UCI, 1998)"
    return complete(spec, Parts(train, validation, test, 10, note))
