"""Data sets: `load("mnist")`, the registry behind it, and augmentation on device."""

from assay.data.augment import AUGMENTS
from assay.data.dataset import complete, DataError, Dataset, Parts, Source, Split
from assay.data.registry import DATASETS, default_data_dir, load
