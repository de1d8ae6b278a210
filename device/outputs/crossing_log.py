"""Log the crossings of lines to a CSV file; text only."""

from collections.abc import Callable
from pathlib import Path

from ..rowlog import line, open_sink, timestamp
from ..settings import RotationSettings
from ..types import Crossing, Frame, Result

COLUMNS = ("time", "source", "frame", "track", "line", "direction")


class CrossingLog:
    """Rows `time,source,frame,track,line,direction`, one a crossing, as each happens.

    stopping and errors: as for CsvLog.
    """

    def __init__(
        self,
        path: Path,
        settings: RotationSettings,
        stopping: Callable[[], bool] = lambda: False,
    ):
        self._rows = open_sink(path, line(COLUMNS), settings, "--crossings", stopping)
        self.moved_to = self._rows.moved_to

    def __enter__(self) -> "CrossingLog":
        self._rows.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._rows.__exit__(*exc)

    def write(self, result: Result) -> None:
        if result.analyzed and result.crossings:
            self._rows.add([_row(result.frame, crossing) for crossing in result.crossings])


def _row(frame: Frame, crossing: Crossing) -> bytes:
    return line(
        [
            timestamp(crossing.time),
            frame.source,
            str(frame.index),
            str(crossing.track),
            crossing.line,
            crossing.direction,
        ]
    )
