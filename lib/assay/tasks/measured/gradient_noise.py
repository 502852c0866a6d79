"""Classification with a measurement of how far the gradient of a batch strays from that of the whole training set."""

import jax
import jax.numpy as jnp

from assay.data.batches import standardised
from assay.spec import SpecError
from assay.tasks.classify import classify
from assay.tasks.losses import per_example
from assay.tasks.task import Findings, Learning, Problem, Task


def gradient_noise(draws: int = 4000) -> Learning:
    """Learns as `classify` does; after training, the variance of the gradient of a batch of the run's own size.

    Findings: gradient_variance, the mean over `draws` batches of |gradient of the batch - gradient of the training
    set|^2, all parameters together; batch_gradient_variance, the same times the batch size. Batches are drawn with
    replacement, for which the second is the same at every batch size (McCandlish et al. 2018, arXiv:1812.06162,
    equation 2.2); the trainer's own are drawn without, and stray less where they are a large part of the data.
    """
    if draws < 2:
        raise ValueError(f"draws must be at least 2, not {draws}")
    findings = ("gradient_variance", "batch_gradient_variance")
    return Learning(make=lambda problem: _task(problem, draws), findings=findings)


def _task(problem: Problem, draws: int) -> Task:
    dataset, size = problem.dataset, problem.batch_size
    if dataset.train.y.ndim != 1:
        raise SpecError(f"gradient_noise takes data with a label an example, which {dataset.name} has not")
    model, loss = problem.model(dataset.num_classes), per_example(problem.loss)

    def gradient(train_state, index):
        def mean_loss(params):
            x = standardised(jnp.asarray(dataset.train.x)[index], dataset.mean, dataset.std)
            output, _ = model.apply(params, train_state.state, x, key=None, train=False)
            return jnp.mean(loss(output.logits, jnp.asarray(dataset.train.y)[index]))

        return jax.grad(mean_loss)(train_state.params)

    @jax.jit
    def variance(train_state, key):
        whole = gradient(train_state, jnp.arange(len(dataset.train.y)))

        def strays(key):
            drawn = gradient(train_state, jax.random.randint(key, (size,), 0, len(dataset.train.y)))
            return sum(jnp.sum(jnp.square(g - w)) for g, w in zip(jax.tree.leaves(drawn), jax.tree.leaves(whole)))

        return jnp.mean(jax.lax.map(strays, jax.random.split(key, draws)))

    def examine(train_state, key):
        found = float(variance(train_state, key))
        return Findings(metrics={"gradient_variance": found, "batch_gradient_variance": size * found})

    return classify().make(problem)._replace(examine=examine)
