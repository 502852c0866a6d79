"""What theory says of networks: regions of piecewise linear ones, and signals in wide random ones."""

from assay.theory import bounds, mean_field, regions, segments
from assay.theory.folding import folding
from assay.theory.layers import hidden, Layer, layers, params

__all__ = ["Layer", "bounds", "folding", "hidden", "layers", "mean_field", "params", "regions", "segments"]
