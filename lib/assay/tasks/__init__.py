"""Ways of learning, by name."""

from assay.tasks.adversarial import adversarial
from assay.tasks.classify import classify
from assay.tasks.losses import LOSSES
from assay.tasks.next_token import next_token
from assay.tasks.reconstruct import denoise, reconstruct
from assay.tasks.task import Batch, Findings, Learning, Problem, Signals, Task, TrainState

__all__ = ["LOSSES", "TASKS", "Batch", "Findings", "Learning", "Problem", "Signals", "Task", "TrainState"]

TASKS = {
    "adversarial": adversarial,
    "classify": classify,
    "denoise": denoise,
    "next_token": next_token,
    "reconstruct": reconstruct,
}
