"""What a generative model draws for a label, and whether a classifier that does not know the model agrees."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from assay.data import batches, Dataset
from assay.models import boltzmann
from assay.models import dbn
from assay.tasks.boltzmann import machines
from assay.tasks.task import Findings

SAMPLES = 30  # of each label
GIBBS_STEPS = 300
SHOWN = 10  # samples of each label in the picture
NEIGHBOURS, TESTED = 3, 1000  # of the classifier; test images for its own error


def clamped_findings(
    dataset: Dataset, top: boltzmann.RBM, below: Sequence[tuple[jax.Array, jax.Array]], key: jax.Array
) -> Findings:
    """clamped_error, classifier_error and the picture of samples, a row for each label.

    The classifier votes among the 3 nearest training images by Euclidean distance between pixels.
    """
    labels = np.repeat(np.arange(dataset.num_classes), SAMPLES)
    samples = np.asarray(drawn_for(top, below, jnp.asarray(labels), dataset.num_classes, key))
    classify = _classifier(dataset)
    test = _flat(dataset.test.x[:TESTED])
    metrics = {
        "clamped_error": float(np.mean(classify(samples) != labels)) if np.isfinite(samples).all() else 1.0,
        "classifier_error": float(np.mean(classify(test) != dataset.test.y[:TESTED])),
    }
    shape = dataset.train.x.shape[1:]
    if len(shape) != 3 or shape[-1] not in (1, 3):
        return Findings(metrics)
    shown = np.nan_to_num(samples.reshape(dataset.num_classes, SAMPLES, -1)[:10, :SHOWN])
    return Findings(metrics, {"samples with a clamped label": machines.pictures(shown, shape, SHOWN)})


@functools.partial(jax.jit, static_argnums=3)
def drawn_for(top, below, labels: jax.Array, classes: int, key: jax.Array) -> jax.Array:
    """Images `[B, pixels]` of 0..1, one for each of `labels` `[B]`.

    The label units of the top machine are clamped while its chain runs from noise; then one pass down.

    Args:
      top: the joint machine.
      below: as `assay.models.dbn.downwards` takes it.
    """
    for_start, for_chain, for_down = jax.random.split(key, 3)
    units = top.visible.shape[0] - classes
    noise = boltzmann.drawn(for_start, jnp.full((labels.shape[0], units), 0.5))
    begin = jnp.concatenate([noise, jax.nn.one_hot(labels, classes)], axis=1)
    v = boltzmann.chain(top, begin, for_chain, GIBBS_STEPS, classes)
    return dbn.downwards(below, v[:, :units], for_down)


def _classifier(dataset: Dataset):
    from sklearn.neighbors import KNeighborsClassifier

    found = KNeighborsClassifier(min(NEIGHBOURS, len(dataset.train.y)), algorithm="brute")
    return found.fit(_flat(dataset.train.x), dataset.train.y).predict


def _flat(x: np.ndarray) -> np.ndarray:
    return np.asarray(batches.unit(jnp.asarray(x))).reshape(len(x), -1)
