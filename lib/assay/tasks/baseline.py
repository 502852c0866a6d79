"""Learners without layers in the place of a network: nearest neighbours, a decision tree, a random forest."""

from collections.abc import Callable
import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from assay.data import Dataset, Split
from assay.data.batches import standardised
from assay.spec import nearest, SpecError
from assay.tasks.losses import per_example
from assay.tasks.task import Learning, Problem, Task, TrainState

LEARNERS = ("nearest_neighbours", "tree", "forest")
NEIGHBOURS = (1, 3, 9, 27)  # of which validation chooses
LEAVES = (1, 4, 16)  # least examples of a leaf, likewise
TREES = 100
LEAST = 1e-6  # probability that a learner gives a class

Answer = Callable[[Any, jax.Array], jax.Array]  # (arrays, x [B, D]) -> probabilities [B, K]


def baseline(learner: str = "forest") -> Learning:
    """A learner of scikit-learn, fitted to the whole training split before the first step; the steps change nothing.

    So the Config's network, optimiser and seed have no part in it: all seeds give one number, and an interval of its
    difference from a network is over the network's seeds. Metrics as of `classify`: error; loss, of the logarithms of
    its probabilities, which are given as 1e-6 at least.

    Args:
      learner: nearest_neighbours (Euclidean, of standardised inputs; 1, 3, 9 or 27 of them), tree (Breiman et al.
        1984; leaves of 1, 4 or 16 examples at least) or forest (Breiman 2001; 100 such trees); which of the sizes is
        chosen on validation.
    """
    if learner not in LEARNERS:
        raise ValueError(nearest(learner, list(LEARNERS), "learner"))
    return Learning(make=functools.partial(_task, learner=learner))


def _task(problem: Problem, learner: str) -> Task:
    dataset = problem.dataset
    if dataset.train.y.ndim != 1:
        raise SpecError(f"baseline answers for whole examples, and {dataset.name} has a label at every pixel")
    loss = per_example(problem.loss)
    arrays, answer = _fitted(learner, _Data(dataset, dataset.fingerprint))

    def init(key, x, tx):
        del key, x, tx
        return TrainState(jax.tree.map(jnp.asarray, arrays), {}, ())

    def step(train_state, batch, tx):
        del batch, tx
        return train_state, jnp.float32(0)

    def evaluate(train_state, x, y, key):
        del key
        p = answer(train_state.params, x.reshape(x.shape[0], -1))
        wrong = (jnp.argmax(p, axis=-1) != y).astype(jnp.float32)
        return {"loss": loss(jnp.log(jnp.maximum(p, LEAST)), y), "error": wrong}

    return Task(init, step, evaluate)


@dataclasses.dataclass(frozen=True)
class _Data:
    """A data set that equals others of its content, so that a fit is kept for the programs that share it."""

    dataset: Dataset = dataclasses.field(compare=False)
    fingerprint: str


@functools.lru_cache(maxsize=32)
def _fitted(learner: str, data: _Data) -> tuple[Any, Answer]:
    """The learner as arrays, and the function that answers by them; of the candidates the best on validation."""
    dataset = data.dataset
    train, validation = _flat(dataset, dataset.train), _flat(dataset, dataset.validation)
    fits = [candidate.fit(*train) for candidate in _candidates(learner)]
    best = max(fits, key=lambda fit: fit.score(*validation))
    if learner == "nearest_neighbours":
        answer = functools.partial(_neighbours, k=best.n_neighbors, classes=dataset.num_classes)
        return {"x": train.x, "y": train.y}, answer
    trees = [tree.tree_ for tree in (best.estimators_ if learner == "forest" else [best])]
    depth = max(tree.max_depth for tree in trees)
    return _stacked(trees, best.classes_, dataset.num_classes), functools.partial(_vote, depth=depth)


def _candidates(learner: str) -> list[Any]:
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.tree import DecisionTreeClassifier

    if learner == "nearest_neighbours":
        return [KNeighborsClassifier(k, algorithm="brute") for k in NEIGHBOURS]
    if learner == "tree":
        return [DecisionTreeClassifier(min_samples_leaf=leaf, random_state=0) for leaf in LEAVES]
    return [RandomForestClassifier(TREES, min_samples_leaf=leaf, random_state=0) for leaf in LEAVES]


def _flat(dataset: Dataset, split: Split) -> Split:
    x = np.asarray(standardised(jnp.asarray(split.x), dataset.mean, dataset.std), np.float32)
    return Split(x.reshape(len(x), -1), split.y)


def _neighbours(arrays: Any, x: jax.Array, k: int, classes: int) -> jax.Array:
    """Shares of the classes among the k nearest training examples: `[B, D]` -> `[B, classes]`."""
    known = arrays["x"]
    # Without |x|^2, which is the same for all of them.
    distances = jnp.sum(jnp.square(known), axis=1)[None] - 2 * jnp.dot(x, known.T, precision="highest")
    _, index = jax.lax.top_k(-distances, k)
    return jnp.mean(jax.nn.one_hot(arrays["y"][index], classes), axis=1)


def _stacked(trees: list[Any], labels: np.ndarray, classes: int) -> dict[str, np.ndarray]:
    """Trees as arrays `[trees, nodes]`, filled up; a leaf is its own child; `value` `[..., classes]` holds shares."""
    nodes = max(tree.node_count for tree in trees)
    shape = (len(trees), nodes)
    found = {"feature": np.zeros(shape, np.int32), "threshold": np.zeros(shape, np.float32)}
    found |= {"left": np.zeros(shape, np.int32), "right": np.zeros(shape, np.int32)}
    found["value"] = np.zeros((*shape, classes), np.float32)
    for i, tree in enumerate(trees):
        leaf, own = tree.children_left < 0, np.arange(tree.node_count)
        row = found["threshold"][i, : len(own)]
        row[:] = tree.threshold
        # x <= t for float32 x is x <= the largest float32 that is not above t.
        row[:] = np.where(row > tree.threshold, np.nextafter(row, np.float32(-np.inf)), row)
        found["feature"][i, : len(own)] = np.where(leaf, 0, tree.feature)
        found["left"][i, : len(own)] = np.where(leaf, own, tree.children_left)
        found["right"][i, : len(own)] = np.where(leaf, own, tree.children_right)
        found["value"][i, : len(own), labels] = (tree.value[:, 0] / tree.value[:, 0].sum(axis=1, keepdims=True)).T
    return found


def _vote(arrays: Any, x: jax.Array, depth: int) -> jax.Array:
    """Mean over the trees of the shares in the leaf that an example falls into: `[B, D]` -> `[B, classes]`."""
    tree = jnp.arange(arrays["feature"].shape[0])[None]  # [1, trees]
    example = jnp.arange(x.shape[0])[:, None]  # [B, 1]

    def down(_, node):
        left = x[example, arrays["feature"][tree, node]] <= arrays["threshold"][tree, node]
        return jnp.where(left, arrays["left"][tree, node], arrays["right"][tree, node])

    node = jax.lax.fori_loop(0, depth, down, jnp.zeros((x.shape[0], tree.shape[1]), jnp.int32))
    return jnp.mean(arrays["value"][tree, node], axis=1)
