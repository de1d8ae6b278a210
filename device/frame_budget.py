"""Limit the work on a live frame to its duration, so that results keep up with the camera."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager

EMA_ALPHA = 0.2  # weight of the newest duration in a task's expected duration
# Work over budget still runs after being deferred for max(MAX_DEFER_S, MAX_DEFER_TIMES its
# duration); otherwise one slow call would starve it for good.
MAX_DEFER_S, MAX_DEFER_TIMES = 0.1, 2.0


class FrameBudget:
    """The time left in a frame, and the expected duration of each kind of task.

    period_s: time between two frames of a live camera; None for videos and photos, which wait, so
    that their results do not depend on the machine's speed. share: of the time that this camera
    has, 0..1; less than 1 where other cameras have the rest.
    """

    def __init__(self, period_s: float | None = None, share: float = 1.0):
        self._period_s, self.share = period_s, share
        self._expected_s: dict[str, float] = {}
        self._deferred_since: dict[str, float] = {}
        self._started_s = time.perf_counter()

    @property
    def live(self) -> bool:
        return self._period_s is not None

    def start_frame(self) -> None:
        """Begin a new frame's time."""
        self._started_s = time.perf_counter()

    def has_time_for(self, task: str) -> bool:
        """Whether the time left suffices for one more such task, or it was deferred long enough."""
        expected_s = self.expected_s(task)
        if expected_s <= self._left_s():
            return True
        now_s = time.perf_counter()
        deferred_s = now_s - self._deferred_since.setdefault(task, now_s)
        return deferred_s >= max(MAX_DEFER_S, MAX_DEFER_TIMES * expected_s)

    def expected_s(self, task: str) -> float:
        """Return the expected duration of such a task, s; 0 if none has run."""
        return self._expected_s.get(task, 0.0)

    @contextmanager
    def measure(self, task: str) -> Iterator[None]:
        """Measure a task's duration."""
        started_s = time.perf_counter()
        yield
        duration_s = time.perf_counter() - started_s
        self._deferred_since.pop(task, None)
        before_s = self._expected_s.get(task, duration_s)
        self._expected_s[task] = before_s + EMA_ALPHA * (duration_s - before_s)

    def _left_s(self) -> float:
        if self._period_s is None:
            return math.inf
        return self._started_s + self.share * self._period_s - time.perf_counter()
