"""Say how far a run is and how long it still takes, a line at a time."""

import time
from collections.abc import Callable

from ..log import log
from ..text import counted
from .table import Counts

EVERY_S = 10.0
FIRST_S = 2.0


class Progress:
    """Counts finished shards and logs a line every ten seconds.

    total: inputs of all shards, done: of those that were there before.
    """

    def __init__(self, total: int, done: int, clock_s: Callable[[], float] = time.monotonic):
        self.counts = Counts()
        self._total, self._before, self._clock_s = total, done, clock_s
        self._start_s = clock_s()
        self._next_s = self._start_s + FIRST_S

    def add(self, counts: Counts) -> None:
        """Count a shard that is done."""
        self.counts += counts
        now_s = self._clock_s()
        if now_s >= self._next_s:
            self._next_s = now_s + EVERY_S
            log.info(self.line(now_s))

    def line(self, now_s: float) -> str:
        """Return inputs done, speed and the time left."""
        done = self._before + self.counts.inputs
        rate = self.counts.inputs / max(now_s - self._start_s, 1e-9)
        left_s = (self._total - done) / rate if rate else 0.0
        share = 100 * done / self._total
        return (
            f"{done:,} of {counted(self._total, 'input')} ({share:.0f} %), {rate:.1f}/s, "
            f"{duration(left_s)} left"
        )


def duration(seconds: float) -> str:
    """Return a length of time in its two largest units: 3 h 20 min."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min {rest} s"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if days else f"{hours} h {minutes} min"
