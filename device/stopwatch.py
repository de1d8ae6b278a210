"""Measure a run: the duration of each stage, frames/s, totals."""

import time
from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field

STAGES = ("camera", "faces", "attributes", "outputs")
# s; upper limits of a histogram's buckets: a desk's 1 ms to a Pi Zero's second
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


@dataclass
class Histogram:
    """How often a stage took how long. Written by one thread; any thread may read."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    """Per limit of BUCKETS_S, inclusive; the last: longer ones."""
    sum_s: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BUCKETS_S, seconds)] += 1
        self.sum_s += seconds


@dataclass
class Stopwatch:
    """The durations of the last frames' stages, s, and when frames were done."""

    last: dict[str, deque[float]] = field(
        default_factory=lambda: {stage: deque(maxlen=10_000) for stage in STAGES}
    )
    ends: deque[float] = field(default_factory=lambda: deque(maxlen=30))
    histograms: dict[str, Histogram] = field(default_factory=dict)
    """Of all frames, by stage; empty without keep_histograms."""
    _since: float = field(default_factory=time.perf_counter)

    def start(self) -> None:
        self._since = time.perf_counter()

    def keep_histograms(self) -> None:
        """Count the durations of all frames from now on, as `last` keeps the newest only."""
        self.histograms = {stage: Histogram() for stage in STAGES}

    def lap(self, stage: str) -> None:
        """End a stage, and begin the next."""
        now = time.perf_counter()
        self.last[stage].append(now - self._since)
        if self.histograms:
            self.histograms[stage].add(now - self._since)
        self._since = now

    def frame_done(self) -> None:
        self.ends.append(self._since)

    @property
    def fps(self) -> float:
        """Frames/s over the last 30 frames."""
        if len(self.ends) < 2:
            return 0.0
        return (len(self.ends) - 1) / max(self.ends[-1] - self.ends[0], 1e-9)


@dataclass
class Totals:
    """The sums of a run."""

    frames: int = 0
    faces: int = 0
    seconds: float = 0.0

    @property
    def fps(self) -> float:
        return self.frames / self.seconds if self.seconds else 0.0
