"""Initialisers: how kernels and biases begin."""

from collections.abc import Callable

from assay.initializers.constants import constant, identity, zeros
from assay.initializers.initializer import as_initializer, Initializer
from assay.initializers.lsuv import lsuv
from assay.initializers.orthogonal import delta_orthogonal, orthogonal
from assay.initializers.scaled import (
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    he_variance_misread,
    lecun_normal,
    meanfield,
    normal,
    uniform,
    uniform_fan_in,
)
from assay.initializers.sparse import sparse
from assay.initializers.whitening import dirac, whitening

INITIALIZERS: dict[str, Callable[..., Initializer]] = {
    constructor.__name__: constructor
    for constructor in (
        zeros, constant, uniform, normal, uniform_fan_in, glorot_uniform, glorot_normal, lecun_normal,
        he_normal, he_uniform, he_variance_misread, orthogonal, delta_orthogonal, identity, sparse, meanfield,
        lsuv, dirac, whitening,
    )
}  # fmt: skip

__all__ = ["INITIALIZERS", "Initializer", "as_initializer", *INITIALIZERS]
