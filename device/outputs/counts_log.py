"""Write anonymous counts to a CSV file: visits per interval, in groups of min_group and more."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..counts.counter import VisitCounter
from ..counts.hold import VisitHold
from ..counts.rows import HEADER, CountRow
from ..rowlog import RowCounts, open_sink
from ..settings import CountsSettings, RotationSettings
from ..types import Result
from .visits import Visit, VisitTracker


class CountsLog:
    """Rows `end,start,source,kind,name,value,visits`, see docs/log-format.md.

    thresholds: 0..1, by the name of every computed attribute. source: the camera's name. model: of
    the attributes. Visits are those of VisitTracker, joined by VisitHold. Raises UsageError if the
    file cannot be opened, FacetError when left if rows were lost.
    """

    def __init__(
        self,
        path: Path,
        settings: CountsSettings,
        thresholds: Mapping[str, float],
        max_lost_s: float,
        source: str,
        model: str,
        rotation: RotationSettings,
        stopping: Callable[[], bool] = lambda: False,
    ):
        chosen = {name: thresholds[name] for name in settings.attributes}
        self._visits = VisitTracker(thresholds, max_lost_s)
        self._hold = VisitHold(chosen, settings.hold)
        self._counter = VisitCounter(settings, source, model)
        self._rows = open_sink(path, HEADER, rotation, "--counts", stopping)
        self.moved_to = self._rows.moved_to

    def __enter__(self) -> "CountsLog":
        self._rows.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            self._end(self._visits.close())
            for visit in self._hold.close():
                self._counter.add(visit)
            self._log(self._counter.close())
        finally:
            self._rows.__exit__(*exc)

    @property
    def counts(self) -> RowCounts:
        """What became of the rows so far; for any thread."""
        return self._rows.counts

    def write(self, result: Result) -> None:
        self._log(self._counter.advance(result.frame.time))
        self._hold.follow(result)
        self._end(self._visits.add(result))
        for visit in self._hold.take(result.frame.at_s):
            self._counter.add(visit)

    def _end(self, visits: Sequence[Visit]) -> None:
        for visit in visits:
            self._hold.end(visit.track, visit.clearest)

    def _log(self, rows: Sequence[CountRow]) -> None:
        if rows:
            self._rows.add([row.line() for row in rows])
