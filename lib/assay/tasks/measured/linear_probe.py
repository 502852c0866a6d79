"""Classification, and how well a linear model reads the classes off one layer of the frozen network."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from assay.data import Split
from assay.data.batches import standardised
from assay.spec import SpecError
from assay.tasks.classify import classify
from assay.tasks.shapes import shapes
from assay.tasks.task import Findings, Learning, Problem, Task

EXAMPLES = 5000  # of each split that a probe sees, at most
STRENGTHS = (1e-2, 1e-1, 1.0)  # inverse L2 penalties, of which validation chooses
_AT_ONCE = 500


def linear_probe(layer: int = 0, components: int = 0, trained: bool = True) -> Learning:
    """Trains as `classify` does; then fits logistic regression to one layer (Alain & Bengio 2016, arXiv:1610.01644).

    Metrics as of `classify`. Findings: probe_error, the regression's error on test examples, its L2 penalty chosen on
    validation; dimension, the participation ratio of the activations' principal components, (sum v)^2 / sum v^2 over
    their variances v: 1 for a line, D for a ball in D dimensions.

    Args:
      layer: hidden layer from 1, 0 for the input.
      components: principal components that the regression sees, 0 for all activations, each standardised.
      trained: whether the network learns; if not, its layers are as they were initialised.
    """
    if layer < 0 or components < 0:
        raise ValueError(f"layer and components must be at least 0, not {layer} and {components}")
    if not layer and not trained:
        raise ValueError("layer=0 is the input, which no training changes; leave trained at True")
    return Learning(
        make=functools.partial(_task, layer=layer, components=components, trained=trained),
        findings=("probe_error", "dimension"),
    )


def _task(problem: Problem, layer: int, components: int, trained: bool) -> Task:
    dataset = problem.dataset
    if dataset.train.y.ndim != 1:
        raise SpecError(f"linear_probe reads classes of whole examples, and {dataset.name} has a label at every pixel")
    base, model = classify().make(problem), problem.model(dataset.num_classes)
    hidden = len(shapes(model, dataset)[2].activations)
    if layer > hidden:
        raise SpecError(f"linear_probe(layer={layer}): the model has {hidden} hidden layers")

    @jax.jit
    def activations(train_state, x):
        x = standardised(jnp.asarray(x), dataset.mean, dataset.std)
        if layer:
            output, _ = model.apply(train_state.params, train_state.state, x, key=None, train=False)
            x = output.activations[sorted(output.activations)[layer - 1]]
        return x.reshape(x.shape[0], -1)

    def features(train_state, split):
        starts = range(0, min(len(split.y), EXAMPLES), _AT_ONCE)
        return np.concatenate([activations(train_state, split.x[i : i + _AT_ONCE][:EXAMPLES]) for i in starts])

    def measured(train_state):
        splits = (dataset.train, dataset.validation, dataset.test)
        seen = [Split(features(train_state, split), split.y[:EXAMPLES]) for split in splits]
        found = {"probe_error": probe_error(*seen, components), "dimension": participation_ratio(seen[0].x)}
        return Findings(metrics=found)

    # The input is the same in all trials of a program.
    of_input = functools.cache(lambda: measured(None))

    def examine(train_state, key):
        del key
        return measured(train_state) if layer else of_input()

    return base._replace(examine=examine, **({} if trained else {"step": _unchanged}))


def probe_error(train: Split, validation: Split, test: Split, components: int) -> float:
    """Test error of logistic regression on features `[N, D]`; its penalty is the one that is best on validation.

    Args:
      components: principal components of the training features that it sees; 0 for the features themselves.
    """
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler
    from threadpoolctl import threadpool_limits

    count = min(components, *train.x.shape)
    scale = PCA(count, svd_solver="full", whiten=True) if count else StandardScaler()
    x = scale.fit_transform(train.x)
    # The arrays are small, and threads that wait for each other on busy cores take far longer.
    with threadpool_limits(1):
        fits = [LogisticRegression(C=c, tol=1e-3, max_iter=1000).fit(x, train.y) for c in STRENGTHS]
    best = max(fits, key=lambda fit: fit.score(scale.transform(validation.x), validation.y))
    return 1 - float(best.score(scale.transform(test.x), test.y))


def participation_ratio(x: np.ndarray) -> float:
    """(sum v)^2 / sum v^2 over the variances v of the principal components of points `[N, D]`; 0 if all are equal."""
    covariance = np.atleast_2d(np.cov(x, rowvar=False))
    squares = np.sum(np.square(covariance))
    return float(np.trace(covariance) ** 2 / squares) if squares > 0 else 0.0


def _unchanged(train_state, batch, tx):
    del batch, tx
    return train_state, jnp.float32(0)
