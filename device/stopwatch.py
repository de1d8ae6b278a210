"""Measure a run: the duration of each stage, frames/s, totals."""

import time
from collections import deque
from dataclasses import dataclass, field

STAGES = ("camera", "faces", "attributes", "outputs")


@dataclass
class Stopwatch:
    """The durations of the last frames' stages, s, and when frames were done."""

    last: dict[str, deque[float]] = field(
        default_factory=lambda: {stage: deque(maxlen=10_000) for stage in STAGES}
    )
    ends: deque[float] = field(default_factory=lambda: deque(maxlen=30))
    _since: float = field(default_factory=time.perf_counter)

    def start(self) -> None:
        self._since = time.perf_counter()

    def lap(self, stage: str) -> None:
        """End a stage, and begin the next."""
        now = time.perf_counter()
        self.last[stage].append(now - self._since)
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
