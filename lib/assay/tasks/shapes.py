"""What a model's parts and outputs look like on a data set, without computing any."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp

from assay.data import Dataset
from assay.models import Model


def shapes(model: Model, dataset: Dataset) -> tuple[Mapping[str, Any], Any, Any]:
    """(params, state, Output) of one example, as shapes and dtypes."""
    x = jax.ShapeDtypeStruct((1, *dataset.train.x.shape[1:]), jnp.float32)
    params, state = jax.eval_shape(model.init, jax.random.key(0), x)
    apply = jax.eval_shape(lambda *a: model.apply(*a, key=None, train=False)[0], params, state, x)
    return params, state, apply
