"""few: a small training set, for questions about overfitting."""

import pathlib

from assay.data.dataset import complete, DataError, Dataset, hold_out, Parts, Source


def few(of: str = "mnist", n: int = 1000) -> Source:
    """Another data set with `n` of its training examples, equal shares of every class; its other splits as they are.

    Args:
      of: Spec of a data set.

    Raises:
      ValueError: n < 2.
    """
    if n < 2:
        raise ValueError(f"n must be at least 2, not {n}")

    def read(spec: str, data_dir: pathlib.Path) -> Dataset:
        from assay.data.registry import load  # which has this set among its own

        whole = load(of, data_dir)
        if n > len(whole.train.y):
            raise DataError(f"{of} has {len(whole.train.y):,} training examples, so {n:,} cannot be chosen from them")
        _, train = hold_out(whole.train, n)
        note = f"{n:,} of {len(whole.train.y):,} training examples (stratified, fixed permutation) of {whole.note}"
        parts = Parts(train, whole.validation, whole.test, whole.num_classes, note, whole.symbols)
        return complete(spec, parts)

    return read
