"""Log visits to a CSV file: start, duration and clearest attributes of each track; text only."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ..faces.frame_rate import FrameRate
from ..numeric import logit
from ..rowlog import line, open_sink, timestamp
from ..settings import RotationSettings
from ..types import Face, Frame, Probabilities, Result
from .csv_log import PERSON, decimals, person

FIXED = ("first_seen", "last_seen", "source", "track", "dwell_s", "frames_classified")


class Visit:
    """One track from its first frame to its last."""

    def __init__(self, first: Frame):
        # Times only: a frame kept is a megabyte kept.
        # As text: it has the mark of a clock that may be set during the visit.
        self._first_seen, self._first_s = timestamp(first.time), first.at_s
        self._last_seen, self.last_s = first.time, first.at_s  # s on the frames' clock
        self._source = first.source
        self._frames_classified = 0
        self._person = ["", ""]
        self._clearest = Probabilities()
        self._confidence: np.ndarray | None = None  # log-odds from the threshold, (attributes,)

    def update(self, frame: Frame, face: Face, thresholds: np.ndarray) -> None:
        """Add one frame; thresholds: as log-odds, (attributes,)."""
        self._last_seen, self.last_s = frame.time, frame.at_s
        if face.person:
            self._person = person(face)
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

    def row(self, track: int, names: Sequence[str], named: bool) -> bytes:
        """Return the visit as a line of the log; named: with the columns PERSON."""
        # Not the difference of the times: the clock may have been set in between.
        dwell_s = self.last_s - self._first_s
        return line(
            [
                self._first_seen,
                timestamp(self._last_seen),
                self._source,
                str(track),
                f"{dwell_s:.1f}",
                str(self._frames_classified),
                *decimals(self._clearest, names),
                *(self._person if named else ()),
            ]
        )


class VisitLog:
    """Rows `first_seen,last_seen,source,track,dwell_s,frames_classified,<attributes>`, one a visit.

    A visit ends when its track was not visible for max_lost_s, and for 2.5 frames; those still open
    when the log is left end there. Each attribute has the probability where it was clearest:
    furthest from its threshold in log-odds; empty if no frame was classified. thresholds: 0..1, by
    the name of every computed attribute. names, named and errors: as for CsvLog.
    """

    def __init__(
        self,
        path: Path,
        names: Sequence[str],
        thresholds: Mapping[str, float],
        max_lost_s: float,
        settings: RotationSettings,
        named: bool = False,
        stopping: Callable[[], bool] = lambda: False,
    ):
        self._names, self._max_lost_s, self._named = tuple(names), max_lost_s, named
        self._thresholds = logit(np.array(list(thresholds.values()), np.float32))
        self._visits: dict[int, Visit] = {}  # by track
        self._frame_rate = FrameRate()
        header = line([*FIXED, *names, *(PERSON if named else ())])
        self._rows = open_sink(path, header, settings, "--events", stopping)
        self.moved_to = self._rows.moved_to

    def __enter__(self) -> "VisitLog":
        self._rows.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            self._end(list(self._visits))
        finally:
            self._rows.__exit__(*exc)

    def write(self, result: Result) -> None:
        frame = result.frame
        for face in result.faces:
            visit = self._visits.setdefault(face.id, Visit(frame))
            visit.update(frame, face, self._thresholds)
        self._frame_rate.add(frame.at_s)
        limit_s = frame.at_s - self._frame_rate.lost_s(self._max_lost_s)
        self._end([track for track, visit in self._visits.items() if visit.last_s < limit_s])

    def _end(self, tracks: list[int]) -> None:
        if tracks:
            ended = [(track, self._visits.pop(track)) for track in tracks]
            self._rows.add([visit.row(track, self._names, self._named) for track, visit in ended])
