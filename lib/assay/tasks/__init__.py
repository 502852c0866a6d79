"""Ways of learning, by name."""

from assay.tasks.classify import classify
from assay.tasks.losses import LOSSES
from assay.tasks.task import Signals, Task, TrainState

__all__ = ["LOSSES", "Signals", "TASKS", "Task", "TrainState"]

TASKS = {"classify": lambda: classify}
