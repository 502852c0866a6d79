"""Variants timed in turns, round after round, so that a busy machine slows all of them alike."""

from collections.abc import Callable
import os
import pathlib
import statistics
import sys
import time

import numpy as np

QUIET = 0.1  # a round counts as quiet if other processes took at most this share of the cores
MOST = 2  # times the wanted number of rounds are run, at most, until enough were quiet
HOPELESS = 10  # a loop that is this many times slower than single steps is timed once, for one step

Run = Callable[[int], float]


def measure(
    name: str, variants: dict[str, Run], steps: int, rounds: int, clock: Callable[[], float]
) -> dict[str, list[float]]:
    """Milliseconds a step of every variant, one number a round; and `others`, the share of other work.

    Args:
      variants: each trains a number of steps and gives the last loss. `X loop` must give what `X step` gives.
      steps: that are timed in one go.
      rounds: that should be quiet.
      clock: `time.perf_counter`; or `time.process_time`, which stands still while others have the core.

    Raises:
      RuntimeError: the loop's loss is not that of the steps.
    """
    times = {label: [] for label in (*variants, "others")}
    first = {}
    for label in list(variants):
        say(f"{name}: first step of {label}")
        first[label] = timed(variants[label], 1, clock)
        alone = first.get(label.replace("loop", "step"))
        if label.endswith("loop") and not np.isclose(first[label][1], alone[1], rtol=1e-2):
            raise RuntimeError(f"{name}, {label}: the first loss is {first[label][1]}, that of a step {alone[1]}")
        if first[label][0] > HOPELESS * alone[0]:
            times[label].append(first[label][0])
            del variants[label]
    quiet = lambda share: share <= QUIET or clock is time.process_time
    while sum(map(quiet, times["others"])) < rounds and len(times["others"]) < MOST * rounds:
        share = others_share()
        for label, run in variants.items():
            times[label].append(timed(run, steps, clock)[0])
        times["others"].append(share())
    return times


def timed(run: Run, steps: int, clock: Callable[[], float]) -> tuple[float, float]:
    """Milliseconds a step, and the last loss."""
    start = clock()
    result = run(steps)
    return 1e3 * (clock() - start) / steps, result


def summary(times: dict[str, list[float]], rounds: int) -> dict:
    """Over the quietest rounds: medians, and of every variant the median ratio to PyTorch's faster one, round by round.

    Returns:
      fastest_torch: `torch eager` or `torch compiled`, whichever has the lower median.
      ms, to_torch: by variant.
    """
    quiet = np.argsort(times["others"], kind="stable")[:rounds]
    of = {
        label: [values[number] for number in quiet] if len(values) > 1 else values * len(quiet)
        for label, values in times.items()
        if label != "others"
    }
    ms = {label: statistics.median(values) for label, values in of.items()}
    fastest = min((label for label in ms if label.startswith("torch")), key=ms.get)
    ratios = {
        label: statistics.median(a / b for a, b in zip(values, of[fastest])) for label, values in of.items()
    }
    return {"fastest_torch": fastest, "ms": ms, "to_torch": ratios}


def others_share() -> Callable[[], float]:
    """Starts a watch; called, it tells the share of our cores that others used since then (0 where unknown)."""
    stat = pathlib.Path("/proc/stat")
    mine = {f"cpu{core}" for core in os.sched_getaffinity(0)} if stat.exists() else set()

    def reading() -> tuple[float, float]:
        if not stat.exists():
            return 0.0, 1.0
        rows = [line.split() for line in stat.read_text().splitlines()]
        numbers = np.sum([[int(text) for text in row[1:9]] for row in rows if row and row[0] in mine], axis=0)
        ticks = os.sysconf("SC_CLK_TCK")
        idle = numbers[3] + numbers[4]  # idle and waiting for disk
        return float(numbers.sum() - idle) / ticks - time.process_time(), float(numbers.sum()) / ticks

    busy, total = reading()

    def share() -> float:
        busy_now, total_now = reading()
        return max(0.0, (busy_now - busy) / max(total_now - total, 1e-9))

    return share


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
