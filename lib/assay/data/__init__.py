"""Data sets: `load("mnist")`, the registry behind it, and augmentation on device."""

from assay.data.dataset import DataError, Dataset, Split
from assay.data.registry import DATASETS, default_data_dir, load
