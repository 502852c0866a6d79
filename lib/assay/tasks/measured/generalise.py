"""Classification, with what regularisation is for looked at: the gap to new examples, and features that depend on
each other."""

import jax
import jax.numpy as jnp
import numpy as np

from assay.data.batches import standardised
from assay.data.dataset import Split
from assay.spec import SpecError
from assay.tasks.classify import classify
from assay.tasks.losses import per_example
from assay.tasks.task import Findings, Learning, Problem, Task

_AT_ONCE = 500  # examples
_CORRELATED = 2000  # test examples that correlations are taken over, at most


def generalise(masks: int = 0) -> Learning:
    """Trains as `classify` does. After training: `gap_error`, the error on the test split less that on the whole
    training split; and `coadaptation`, the mean absolute correlation of two units of a hidden layer over test examples,
    mean over the layers (units that never vary aside).

    Args:
      masks: of dropout that an answer's probabilities are averaged over, drawn anew for every example (Srivastava et
        al. 2014, section 7.5); the loss is the mean over them. 0 for the network without dropout and scaled weights,
        as `classify` answers.
    """
    if masks < 0:
        raise ValueError(f"masks must be at least 0, not {masks}")
    return Learning(make=lambda problem: _task(problem, masks), findings=("gap_error", "coadaptation"))


def _task(problem: Problem, masks: int) -> Task:
    dataset = problem.dataset
    if dataset.train.y.ndim != 1:
        raise SpecError(f"generalise needs one label an example, and {dataset.name} has one at every pixel")
    alone = classify().make(problem)
    model, loss = problem.model(dataset.num_classes), per_example(problem.loss)

    def averaged(train_state, x, y, key):
        def one(mask):
            key_of_mask = jax.random.fold_in(key, mask)
            output, _ = model.apply(train_state.params, train_state.state, x, key=key_of_mask, train=True)
            return jax.nn.softmax(output.logits), loss(output.logits, y)

        probabilities, losses = jax.tree.map(lambda a: jnp.mean(a, axis=0), jax.lax.map(one, jnp.arange(masks)))
        wrong = (jnp.argmax(probabilities, -1) != y) | ~jnp.all(jnp.isfinite(probabilities), -1)
        return {"loss": losses, "error": wrong.astype(jnp.float32)}

    evaluate = averaged if masks else alone.evaluate

    @jax.jit
    def errors(train_state, x, y, key):
        return evaluate(train_state, standardised(x, dataset.mean, dataset.std), y, key)["error"]

    @jax.jit
    def hidden(train_state, x):
        x = standardised(x, dataset.mean, dataset.std)
        output, _ = model.apply(train_state.params, train_state.state, x, key=None, train=False)
        return [output.activations[name] for name in sorted(output.activations)]

    def error(train_state, split: Split, key):
        parts = [slice(start, start + _AT_ONCE) for start in range(0, len(split.y), _AT_ONCE)]
        wrong = [
            errors(train_state, split.x[part], split.y[part], jax.random.fold_in(key, part.start)) for part in parts
        ]
        return float(np.concatenate(wrong).mean(dtype=np.float64))

    def examine(train_state, key):
        gap = error(train_state, dataset.test, key) - error(train_state, dataset.train, key)
        layers = [np.asarray(layer, np.float64) for layer in hidden(train_state, dataset.test.x[:_CORRELATED])]
        return Findings(metrics={"gap_error": gap, "coadaptation": coadaptation(layers)})

    return Task(alone.init, alone.step, evaluate, alone.signals, examine)


def coadaptation(layers: list[np.ndarray]) -> float:
    """Mean absolute correlation of two units of a layer, mean over the layers; NaN where no two units vary.

    Args:
      layers: activations `[B, units]`, or `[B, ..., channels]` of convolutions, whose positions count as examples.
    """
    means = []
    for layer in layers:
        flat = layer.reshape(-1, layer.shape[-1])
        varying = flat[:, flat.std(axis=0) > 1e-6 * np.abs(flat).max()]
        if varying.shape[1] > 1:
            correlations = np.corrcoef(varying, rowvar=False)
            means.append(np.abs(correlations[np.triu_indices(len(correlations), 1)]).mean())
    return float(np.mean(means)) if means else float("nan")
