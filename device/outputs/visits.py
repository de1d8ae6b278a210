"""Group the faces of a track into visits: from its first frame to its last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..faces.frame_rate import FrameRate
from ..numeric import logit
from ..rowlog import timestamp
from ..types import Face, Frame, Probabilities, Result


@dataclass(frozen=True, slots=True, eq=False)
class Visit:
    """One track from its first frame to its last. The times are UTC, as in the logs."""

    track: int
    first_seen: str
    last_seen: str
    source: str
    """Name of the camera or of the file."""
    dwell_s: float
    """On the frames' clock, which no setting of the clock moves."""
    frames_classified: int
    clearest: Probabilities
    """Each attribute where it was furthest from its threshold, in log-odds."""
    person: str
    """Name of an enrolled person, or UNKNOWN; empty if not compared."""
    person_score: float | None
    """Similarity to the nearest enrolled person, 0..1."""


class OpenVisit:
    """A visit that has not ended."""

    def __init__(self, first: Frame):
        # Times only: a frame kept is a megabyte kept.
        # As text: it has the mark of a clock that may be set during the visit.
        self._first_seen, self._first_s = timestamp(first.time), first.at_s
        self._last_seen, self.last_s = first.time, first.at_s  # s on the frames' clock
        self._source = first.source
        self._frames_classified = 0
        self._person = ""
        self._person_score: float | None = None
        self._clearest = Probabilities()
        self._confidence: np.ndarray | None = None  # log-odds from the threshold, (attributes,)

    def update(self, frame: Frame, face: Face, thresholds: np.ndarray) -> None:
        """Add one frame; thresholds: as log-odds, (attributes,)."""
        self._last_seen, self.last_s = frame.time, frame.at_s
        if face.person:
            self._person, self._person_score = face.person, face.person_score
        array = face.probabilities.array
        if array is None:
            return
        self._frames_classified += 1
        confidence = np.abs(logit(array) - thresholds)
        if self._clearest.array is None or self._confidence is None:
            self._clearest = Probabilities(face.probabilities.names, array.copy())
            self._confidence = confidence
            return
        clearer = confidence > self._confidence
        self._clearest.array[clearer] = array[clearer]
        self._confidence[clearer] = confidence[clearer]

    def end(self, track: int) -> Visit:
        """Return the visit as it was up to its last frame."""
        return Visit(
            track,
            self._first_seen,
            timestamp(self._last_seen),
            self._source,
            # Not the difference of the times: the clock may have been set in between.
            self.last_s - self._first_s,
            self._frames_classified,
            self._clearest,
            self._person,
            self._person_score,
        )


class VisitTracker:
    """Turns results into visits.

    A visit ends when its track was not visible for max_lost_s, and for 2.5 frames. thresholds:
    0..1, by the name of every computed attribute.
    """

    def __init__(self, thresholds: Mapping[str, float], max_lost_s: float):
        self._thresholds = logit(np.array(list(thresholds.values()), np.float32))
        self._max_lost_s = max_lost_s
        self._open: dict[int, OpenVisit] = {}  # by track
        self._frame_rate = FrameRate()

    def add(self, result: Result) -> Sequence[Visit]:
        """Take one result; return the visits that have ended."""
        frame = result.frame
        for face in result.faces:
            visit = self._open.setdefault(face.id, OpenVisit(frame))
            visit.update(frame, face, self._thresholds)
        self._frame_rate.add(frame.at_s)
        limit_s = frame.at_s - self._frame_rate.lost_s(self._max_lost_s)
        return self._end([track for track, visit in self._open.items() if visit.last_s < limit_s])

    def close(self) -> Sequence[Visit]:
        """End the visits that are open, and return them."""
        return self._end(list(self._open))

    def _end(self, tracks: Sequence[int]) -> Sequence[Visit]:
        return [self._open.pop(track).end(track) for track in tracks]
