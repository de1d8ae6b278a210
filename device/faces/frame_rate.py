"""How far apart the frames are, and what follows for tracks: limits in frames and in time."""

from collections import deque

MAX_DISTANCE = 1.0  # mean landmark distance, in face widths; further apart are two faces
MAX_MISSES = 2  # detections in a row that missed a track: it is not visible

# FrameRate: from 5 to 30 frames/s only frames count; the limits below hold beyond.
INTERVALS = 3  # the shortest of so many counts; a single pause changes nothing
SLOW_S = 0.25  # frames further apart: faces move on between them
VERY_SLOW_S = 0.4  # frames further apart: a face missed in one has gone
LEAST_HIT_S, MOST_HIT_S = 0.03, 1 / 3  # of one of min_hits: more frames are needed, or fewer
LOST_INTERVALS = 2.5  # a track outlives one missed frame at any rate
RECENT = 30  # intervals whose second longest is a pause that repeats: bursts, an uneven network
LONGEST_PAUSE_S = 10.0  # a longer pause is a camera that was gone
EXTRA_DISTANCE = 4.0  # face widths per second of a slow camera's interval: a person who walks
DISTANCE_LIMIT = 3.0  # face widths, at any rate


class FrameRate:
    """How far apart the frames are, and the tracker's limits at that rate.

    interval_s: what is known before the second frame; 0: nothing.
    """

    def __init__(self, interval_s: float = 0.0):
        self.interval_s = interval_s
        self._last_s: float | None = None
        self._intervals: deque[float] = deque(maxlen=INTERVALS)
        self._recent: deque[float] = deque(maxlen=RECENT)
        self._pause_s = 0.0

    def add(self, now_s: float) -> None:
        """Take the time of a frame, s; several detections may belong to one."""
        if self._last_s is not None and now_s > self._last_s:
            self._intervals.append(now_s - self._last_s)
            self.interval_s = min(self._intervals)
            self._recent.append(now_s - self._last_s)
            if len(self._recent) > 1:
                self._pause_s = min(sorted(self._recent)[-2], LONGEST_PAUSE_S)
        self._last_s = now_s

    @property
    def is_slow(self) -> bool:
        return self.interval_s > SLOW_S

    def hits(self, min_hits: int) -> int:
        """Return the detections until a track gets an id: min_hits, or fewer at a slow rate."""
        if not self.is_slow:
            return min_hits
        return min(min_hits, 1 + int(min_hits * MOST_HIT_S / self.interval_s + 1e-6))

    def lost_s(self, max_lost_s: float) -> float:
        """Return how long a lost track is kept: max_lost_s, or longer at a slow or uneven rate."""
        return max(max_lost_s, LOST_INTERVALS * max(self.interval_s, self._pause_s))

    def max_distance(self) -> float:
        """Return how far from its prediction a face may be found, face widths."""
        extra = EXTRA_DISTANCE * self.interval_s if self.is_slow else 0.0
        return min(MAX_DISTANCE + extra, DISTANCE_LIMIT)

    def is_gone(self, misses: int, unseen_s: float) -> bool:
        """Whether a track that so many detections in a row, for so long, missed is not visible."""
        if self.is_slow:
            return misses >= (1 if self.interval_s > VERY_SLOW_S else MAX_MISSES)
        return misses >= MAX_MISSES and unseen_s >= MAX_MISSES * LEAST_HIT_S
