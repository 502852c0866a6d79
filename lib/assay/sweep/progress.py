"""Progress of a run: a bar on a terminal, a line every ten seconds in a log."""

from collections.abc import Iterator
import contextlib
import sys
import threading
import time

import tqdm

LINE_SECONDS = 10.0


class Lines:
    """Progress for a log file: whole lines, no carriage returns."""

    def __init__(self, total: int, what: str):
        self._total, self._what, self._done = total, what, 0
        self._began = self._said = time.monotonic()
        self._lock = threading.Lock()

    def update(self, steps: int) -> None:
        """Counts steps; says where things are if the last line is ten seconds old."""
        with self._lock:
            self._done += steps
            if time.monotonic() - self._said >= LINE_SECONDS:
                self.say()

    def say(self) -> None:
        """Prints a line: share, steps, time so far and left, rate."""
        self._said = time.monotonic()
        elapsed = self._said - self._began
        options = {"prefix": self._what, "unit": "step", "unit_scale": True, "ncols": 0}
        print(tqdm.tqdm.format_meter(self._done, self._total, elapsed, **options), file=sys.stderr, flush=True)


@contextlib.contextmanager
def progress(steps: int, trials: int) -> Iterator[Lines | tqdm.tqdm]:
    """Something with a thread-safe `update(steps)`, on standard error, for a run of that many steps."""
    what = f"{trials} trial{'s' * (trials != 1)}"
    if sys.stderr.isatty():
        with tqdm.tqdm(total=steps, desc=what, unit="step", unit_scale=True, dynamic_ncols=True) as bar:
            yield bar
    else:
        lines = Lines(steps, what)
        yield lines
        lines.say()
