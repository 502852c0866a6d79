"""Ways of learning, by name."""

from assay.tasks.adversarial import adversarial
from assay.tasks.baseline import baseline
from assay.tasks.belief import deep_belief
from assay.tasks.classify import classify
from assay.tasks.contrastive import contrastive_divergence
from assay.tasks.ensemble import ensemble
from assay.tasks.generalise import generalise
from assay.tasks.gradient_noise import gradient_noise
from assay.tasks.known_posterior import known_posterior
from assay.tasks.linear_probe import linear_probe
from assay.tasks.linear_regions import linear_regions
from assay.tasks.losses import LOSSES
from assay.tasks.next_token import next_token
from assay.tasks.pretrain import pretrain
from assay.tasks.q_learning import q_learning
from assay.tasks.reconstruct import denoise, reconstruct
from assay.tasks.regress import regress
from assay.tasks.segment import segment
from assay.tasks.self_play import self_play
from assay.tasks.task import Batch, Findings, Learning, Problem, Signals, Task, TrainState
from assay.tasks.unit_regions import unit_regions

__all__ = ["LOSSES", "TASKS", "Batch", "Findings", "Learning", "Problem", "Signals", "Task", "TrainState"]

TASKS = {
    "adversarial": adversarial,
    "baseline": baseline,
    "classify": classify,
    "contrastive_divergence": contrastive_divergence,
    "deep_belief": deep_belief,
    "denoise": denoise,
    "ensemble": ensemble,
    "generalise": generalise,
    "gradient_noise": gradient_noise,
    "known_posterior": known_posterior,
    "linear_probe": linear_probe,
    "linear_regions": linear_regions,
    "next_token": next_token,
    "pretrain": pretrain,
    "q_learning": q_learning,
    "reconstruct": reconstruct,
    "regress": regress,
    "segment": segment,
    "self_play": self_play,
    "unit_regions": unit_regions,
}
