"""Log visits to a CSV file: who came, for how long, and what was seen of each; text only."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..numeric import logit
from ..rowlog.csv_format import line, timestamp
from ..rowlog.sink import open_sink
from ..settings import RotationSettings
from ..types import Frame, Track
from . import Result
from .csv_log import PERSON, decimals, person

FIXED = ("first_seen", "last_seen", "source", "track", "dwell_s", "frames_told")


class Visit:
    """One person from the first frame to the last.

    thresholds: the card's as log-odds, (attributes,).
    """

    def __init__(self, first: Frame, thresholds: np.ndarray):
        # Times only: a frame kept is a megabyte kept.
        self._came, self._came_s = first.time, first.at_s
        self._left, self.last_s = first.time, first.at_s  # s on the frames' clock
        self._source, self._thresholds = first.source, thresholds
        self._told = 0
        self._person = ["", ""]
        self._clearest: np.ndarray | None = None  # probabilities, (attributes,)
        self._clearness: np.ndarray | None = None  # log-odds off the threshold, (attributes,)

    def see(self, frame: Frame, track: Track) -> None:
        """Take what one frame shows of the person."""
        self._left, self.last_s = frame.time, frame.at_s
        if track.person:
            self._person = person(track)
        if track.probabilities is None:
            return
        self._told += 1
        clearness = np.abs(logit(track.probabilities) - self._thresholds)
        if self._clearest is None:
            self._clearest, self._clearness = track.probabilities.copy(), clearness
            return
        clearer = clearness > self._clearness
        self._clearest[clearer] = track.probabilities[clearer]
        self._clearness[clearer] = clearness[clearer]

    def row(self, track: int, columns: Sequence[int], named: bool) -> bytes:
        """Return the visit as a line of the log; named: with the columns PERSON."""
        # Not the difference of the times: somebody may have set the clock in between.
        dwell_s = self.last_s - self._came_s
        return line(
            [
                timestamp(self._came),
                timestamp(self._left),
                self._source,
                str(track),
                f"{dwell_s:.1f}",
                str(self._told),
                *decimals(self._clearest, columns),
                *(self._person if named else ()),
            ]
        )


class VisitLog:
    """RowSink `first_seen,last_seen,source,track,dwell_s,frames_told,<attributes>`, one per visit.

    A visit ends when its track was not seen for hold_s; those still open when the log is left end
    there. Each attribute is told as where it was surest: furthest from its threshold in log-odds;
    empty where no frame could be told. names, columns, named and errors: as for CsvLog.
    thresholds: all of the card's, (attributes,) 0..1.
    """

    def __init__(
        self,
        path: Path,
        names: Sequence[str],
        columns: Sequence[int],
        thresholds: np.ndarray,
        hold_s: float,
        settings: RotationSettings,
        named: bool = False,
    ):
        self._columns, self._hold_s, self._named = list(columns), hold_s, named
        self._thresholds = logit(thresholds)
        self._visits: dict[int, Visit] = {}  # by track
        self._rows = open_sink(
            path, line([*FIXED, *names, *PERSON[: 2 * named]]), settings, "--events"
        )
        self.moved_to = self._rows.moved_to

    def __enter__(self):
        self._rows.__enter__()
        return self

    def __exit__(self, *exc):
        try:
            self._end(list(self._visits))
        finally:
            self._rows.__exit__(*exc)

    def write(self, result: Result) -> bool:
        frame = result.frame
        for track in result.tracks:
            if track.id not in self._visits:
                self._visits[track.id] = Visit(frame, self._thresholds)
            self._visits[track.id].see(frame, track)
        limit_s = frame.at_s - self._hold_s
        self._end([one for one, visit in self._visits.items() if visit.last_s < limit_s])
        return True

    def _end(self, gone: list[int]) -> None:
        if gone:
            visits = [(one, self._visits.pop(one)) for one in gone]
            self._rows.add([visit.row(one, self._columns, self._named) for one, visit in visits])
