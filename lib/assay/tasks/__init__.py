"""Ways of learning, by name."""

from assay.tasks.adversarial.adversarial import adversarial
from assay.tasks.baseline import baseline
from assay.tasks.boltzmann.belief import deep_belief
from assay.tasks.boltzmann.contrastive import contrastive_divergence
from assay.tasks.boltzmann.pretrain import pretrain
from assay.tasks.classify import classify
from assay.tasks.ensemble import ensemble
from assay.tasks.games.q_learning import q_learning
from assay.tasks.games.self_play import self_play
from assay.tasks.losses import LOSSES
from assay.tasks.measured.generalise import generalise
from assay.tasks.measured.gradient_noise import gradient_noise
from assay.tasks.measured.known_posterior import known_posterior
from assay.tasks.measured.linear_probe import linear_probe
from assay.tasks.measured.linear_regions import linear_regions
from assay.tasks.measured.unit_regions import unit_regions
from assay.tasks.next_token import next_token
from assay.tasks.reconstruction.reconstruct import denoise, reconstruct
from assay.tasks.regress import regress
from assay.tasks.segmentation.segment import segment
from assay.tasks.task import Batch, Findings, Learning, Problem, Signals, Task, TrainState

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
