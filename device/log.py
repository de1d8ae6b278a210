"""Facet's logger: commands print it to stderr, users of the library configure it."""

import logging
import time
from collections.abc import Callable

log = logging.getLogger("facet")
log.addHandler(logging.NullHandler())

REPEAT_S = 60.0  # between two lines of one kind of event


class Repeated:
    """Logs an event that may repeat for ever: at once, then one line in `every_s` with a count."""

    def __init__(self, every_s: float = REPEAT_S, clock_s: Callable[[], float] = time.monotonic):
        self._every_s, self._clock_s = every_s, clock_s
        self._last_s: float | None = None
        self._kept_back = 0

    def warning(self, line: str) -> None:
        self._log(logging.WARNING, line)

    def info(self, line: str) -> None:
        self._log(logging.INFO, line)

    def _log(self, level: int, line: str) -> None:
        now_s = self._clock_s()
        if self._last_s is not None and now_s - self._last_s < self._every_s:
            self._kept_back += 1
            return
        if self._kept_back and self._last_s is not None:
            line += f" ({self._kept_back} more times in the last {now_s - self._last_s:.0f} s)"
        log.log(level, "%s", line)
        self._last_s, self._kept_back = now_s, 0
