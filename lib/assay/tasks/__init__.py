"""Ways of learning, by name."""

from assay.tasks.classify import classify
from assay.tasks.losses import LOSSES
from assay.tasks.task import Batch, Findings, Learning, Problem, Signals, Task, TrainState

__all__ = ["LOSSES", "TASKS", "Batch", "Findings", "Learning", "Problem", "Signals", "Task", "TrainState"]

TASKS = {"classify": classify}
