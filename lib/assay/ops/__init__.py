"""Array kernels whose gradients are written out by hand because the automatic ones are slow on a CPU."""

from assay.ops.conv import conv, conv_general_dilated, conv_transpose
from assay.ops.local import conv_local
from assay.ops.norm import batch_norm, group_norm, layer_norm
from assay.ops.pool import avg_pool, max_pool

__all__ = [
    "avg_pool",
    "batch_norm",
    "conv",
    "conv_general_dilated",
    "conv_local",
    "conv_transpose",
    "group_norm",
    "layer_norm",
    "max_pool",
]
