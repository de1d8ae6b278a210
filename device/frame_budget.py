"""Spend a frame's time where it is needed most, so that a live picture never falls behind."""

import math
import time
from contextlib import contextmanager

SETTLING = 0.2  # how much of a surprise goes into what a piece of work is expected to take
# A frame never has the time for work that takes longer, or once did. It is done all the same when
# it was refused for so long, and for so many times what it takes: or nobody would be told any more.
WAIT_S, WAIT_TIMES = 0.1, 2.0


class FrameBudget:
    """What is left of a frame's time, and what each kind of work has been taking.

    period_s: time between two frames of a live camera; None for films and photos, which wait, so
    that what is done for them does not depend on how fast the machine is.
    """

    def __init__(self, period_s: float | None = None):
        self._period_s = period_s
        self._expected_s: dict[str, float] = {}
        self._refused_s: dict[str, float] = {}  # since when it has been, of each kind that is
        self._begun = time.perf_counter()

    @property
    def live(self) -> bool:
        return self._period_s is not None

    def begin(self) -> None:
        """Say that a new frame has come."""
        self._begun = time.perf_counter()

    def allows(self, work: str) -> bool:
        """Whether this frame's time suffices for one more piece of this kind, or it waited long."""
        expected_s = self.expected_s(work)
        if expected_s <= self._left_s():
            return True
        now_s = time.perf_counter()
        waited_s = now_s - self._refused_s.setdefault(work, now_s)
        return waited_s >= max(WAIT_S, WAIT_TIMES * expected_s)

    def expected_s(self, work: str) -> float:
        """Return how long such a piece has been taking, s; 0 where none was done."""
        return self._expected_s.get(work, 0.0)

    @contextmanager
    def doing(self, work: str):
        """Measure a piece of work."""
        begun = time.perf_counter()
        yield
        took = time.perf_counter() - begun
        self._refused_s.pop(work, None)
        before = self._expected_s.get(work, took)
        self._expected_s[work] = before + SETTLING * (took - before)

    def _left_s(self) -> float:
        if self._period_s is None:
            return math.inf
        return self._begun + self._period_s - time.perf_counter()
