"""Log visits to a CSV file: start, duration and clearest attributes of each track; text only."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from ..rowlog import RowCounts, line, open_sink
from ..settings import RotationSettings
from ..types import Result
from .csv_log import PERSON, decimals, person
from .visits import Visit, VisitTracker

FIXED = ("first_seen", "last_seen", "source", "track", "dwell_s", "frames_classified")


def visit_row(visit: Visit, names: Sequence[str], named: bool) -> bytes:
    """Return a visit as a line of the log; named: with the columns PERSON."""
    return line(
        [
            visit.first_seen,
            visit.last_seen,
            visit.source,
            str(visit.track),
            f"{visit.dwell_s:.1f}",
            str(visit.frames_classified),
            *decimals(visit.clearest, names),
            *(person(visit) if named else ()),
        ]
    )


class VisitLog:
    """Rows `first_seen,last_seen,source,track,dwell_s,frames_classified,<attributes>`, one a visit.

    Visits are those of VisitTracker; those still open when the log is left end there. Each
    attribute has the probability where it was clearest; empty if no frame was classified. names,
    named and errors: as for CsvLog.
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
        self._names, self._named = tuple(names), named
        self._new_tracker = partial(VisitTracker, thresholds, max_lost_s)
        self._trackers: dict[str, VisitTracker] = {}  # by source: each has its own tracks and clock
        header = line([*FIXED, *names, *(PERSON if named else ())])
        self._rows = open_sink(path, header, settings, "--events", stopping)
        self.moved_to = self._rows.moved_to

    def __enter__(self) -> "VisitLog":
        self._rows.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            for tracker in self._trackers.values():
                self._log(tracker.close())
        finally:
            self._rows.__exit__(*exc)

    @property
    def counts(self) -> RowCounts:
        """What became of the rows so far; for any thread."""
        return self._rows.counts

    def write(self, result: Result) -> None:
        source = result.frame.source
        if source not in self._trackers:
            self._trackers[source] = self._new_tracker()
        self._log(self._trackers[source].add(result))

    def _log(self, visits: Sequence[Visit]) -> None:
        if visits:
            self._rows.add([visit_row(visit, self._names, self._named) for visit in visits])
