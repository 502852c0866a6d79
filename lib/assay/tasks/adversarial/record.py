"""How often a discriminator was wrong, step by step of the run: at the opening, at the close, in words."""

import numpy as np

RECORD = ("opening_error", "closing_error")

OPENING = (10, 50)  # steps; before the tenth a discriminator knows nothing yet
CLOSING = 0.1  # share of the run


def summary(errors: np.ndarray) -> tuple[dict[str, float], str]:
    """(the metrics RECORD, the discriminator's accuracy over the run in words).

    opening_error: mean over the steps OPENING, or the nearest to it that a shorter run has.
    closing_error: mean over the last CLOSING of the run, so no single state of two players that circle.

    Args:
      errors: `[steps]`, share of wrong answers of each step's discriminator, before its update, on the batch and as
        many generated examples.
    """
    steps = len(errors)
    first, last = min(OPENING[0], steps - 1), steps - max(1, round(CLOSING * steps))
    metrics = {"opening_error": float(errors[first : OPENING[1]].mean()), "closing_error": float(errors[last:].mean())}
    edges = np.unique(np.minimum([0, 10, 50, 100, *(last * share // 10 for share in range(1, 11)), steps], steps))
    parts = (
        f"{start} to {stop - 1}: {100 * (1 - errors[start:stop].mean()):.1f} %"
        for start, stop in zip(edges[:-1], edges[1:])
    )
    return metrics, "Share of right answers in training, by steps:\n" + "\n".join(parts)
