"""Metrics: what the name of a metric says of it. Claims, verdicts and reports go by these names alone."""

STEPS = "steps_to_target"
ROLES = ("train", "validation", "test")
PROBED = ("start", "end")  # when layer statistics were taken, before the first step and after the last

# Without the split that a mean is over. A metric that is not here is better where it is lower.
HIGHER_IS_BETTER = frozenset(
    {"accuracy", "coverage", "iou", "log_likelihood", "precision", "psnr", "psnr_gain", "recall", "return"}
)


def is_error(metric: str) -> bool:
    """Whether it is a fraction of wrong answers (0..1), shown in per cent; 1 for a run that diverged."""
    return metric.endswith("error")


def higher_is_better(metric: str) -> bool:
    """Whether more of it is better: `test_psnr`, `iou`. Lower is better for all that are not listed."""
    role, _, name = metric.partition("_")
    return (name if role in ROLES else metric) in HIGHER_IS_BETTER
