"""Classification of points of the plane, and how the units of one hidden layer divide it."""

import functools

from assay.spec import SpecError
from assay.tasks.classify import classify
from assay.tasks.measured import plane
from assay.tasks.shapes import shapes
from assay.tasks.task import Learning, Problem, Task


def unit_regions(layer: int = 1) -> Learning:
    """Trains as `classify` does, on data with two numbers an example. Its metrics; finding: `nonconvexity`.

    nonconvexity: of pairs of points on one side of a unit of the layer, the share whose midpoint is on its other side,
    mean over the units (`assay.tasks.measured.plane.nonconvexity`); 0 where every unit cuts by a straight line.

    Args:
      layer: the hidden layer, from 1.
    """
    if layer < 1:
        raise ValueError(f"layer counts hidden layers from 1, not {layer}")
    return Learning(make=functools.partial(_task, layer=layer), findings=("nonconvexity",))


def _task(problem: Problem, layer: int) -> Task:
    dataset = problem.dataset
    if not plane.is_plane(dataset):
        raise SpecError(f"unit_regions takes points of the plane, such as --dataset=spiral, not {dataset.name}")
    model = problem.model(dataset.num_classes)
    hidden = len(shapes(model, dataset)[2].activations)
    if layer > hidden:
        raise SpecError(f"unit_regions(layer={layer}): the model has {hidden} hidden layers")
    base, seen = classify().make(problem), plane.view(model, dataset)

    def examine(train_state, key):
        found = base.examine(train_state, key)
        return found._replace(metrics={"nonconvexity": plane.nonconvexity(seen, train_state, dataset, layer)})

    return base._replace(examine=examine)
