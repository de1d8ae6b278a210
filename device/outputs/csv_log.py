"""Log faces to a CSV file: text only, a row per face every so many seconds."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..rowlog.csv_format import line, timestamp
from ..rowlog.sink import open_sink
from ..settings import RotationSettings
from ..types import Frame, Track
from . import Result

PERSON = ("person", "person_score")  # the last columns, where people are recognised
FIXED = ("time", "source", "frame", "track", "x", "y", "width", "height", "score", "state")


class CsvLog:
    """RowSink `time,source,frame,track,x,y,width,height,score,state,<attributes>`.

    names: of the attributes to log; columns: their places among the card's. every_s: s between two
    rows of one track; 0 = every frame. named: with the columns PERSON. Appends to a file with the
    same columns; one with others is moved aside first. Raises UsageError if the file cannot be
    opened, FacetError when left if rows were lost.
    """

    def __init__(
        self,
        path: Path,
        names: Sequence[str],
        columns: Sequence[int],
        every_s: float,
        settings: RotationSettings,
        named: bool = False,
    ):
        self._columns, self._every_s, self._named = list(columns), every_s, named
        self._last: dict[int, float] = {}  # per track, when its last row was written
        self._rows = open_sink(
            path, line([*FIXED, *names, *PERSON[: 2 * named]]), settings, "--log"
        )
        self.moved_to = self._rows.moved_to

    def __enter__(self):
        self._rows.__enter__()
        return self

    def __exit__(self, *exc):
        self._rows.__exit__(*exc)

    def write(self, result: Result) -> bool:
        now_s = result.frame.at_s
        # Whose row is that old is due, known or not: nobody is remembered for longer.
        self._last = {one: at for one, at in self._last.items() if now_s - at < self._every_s}
        due = [track for track in result.tracks if track.id not in self._last]
        if due:
            self._last.update((track.id, now_s) for track in due)
            self._rows.add([self._row(result.frame, track) for track in due])
        return True

    def _row(self, frame: Frame, track: Track) -> bytes:
        return line(
            [
                timestamp(frame.time),
                frame.source,
                str(frame.index),
                str(track.id),
                *(f"{side:.0f}" for side in track.face.box),
                f"{track.face.score:.3f}",
                track.state,
                *decimals(track.probabilities, self._columns),
                *(person(track) if self._named else ()),
            ]
        )


def person(track: Track) -> list[str]:
    """Return the columns PERSON: empty until it is known who it is, and where nobody is known."""
    score = "" if track.person_score is None else f"{track.person_score:.3f}"
    return [track.person, score]


def decimals(probabilities: np.ndarray | None, columns: Sequence[int]) -> list[str]:
    """Return the probabilities of these columns with 3 decimals, empty where there are none."""
    if probabilities is None:
        return [""] * len(columns)
    return [f"{probabilities[column]:.3f}" for column in columns]
