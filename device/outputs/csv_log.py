"""Log faces to a CSV file: text only, a row per face every so many seconds."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from ..rowlog import RowCounts, line, open_sink, timestamp
from ..settings import RotationSettings
from ..types import NO_FACE, Face, Frame, Probabilities, Result

PERSON = ("person", "person_score")  # the last columns, if people are recognized
FIXED = ("time", "source", "frame", "track", "x", "y", "width", "height", "score", "state")


class CsvLog:
    """Rows `time,source,frame,track,x,y,width,height,score,state,<attributes>`.

    names: of the attributes to log. every_s: s between two rows of one track; 0 = every frame.
    named: with the columns PERSON. no_face: a photo without faces gets a row too, with the state
    "no face" and nothing else. Boxes are in px of the photo's file. Appends
    to a file with the same columns; one with others is moved aside first. Raises UsageError if the
    file cannot be opened, FacetError when left if rows were lost.
    """

    def __init__(
        self,
        path: Path,
        names: Sequence[str],
        every_s: float,
        settings: RotationSettings,
        named: bool = False,
        no_face: bool = False,
        stopping: Callable[[], bool] = lambda: False,
    ):
        self._names, self._every_s, self._named = tuple(names), every_s, named
        self._no_face = no_face
        # Per source and track, when its last row was written: each source has its own clock.
        self._last_s: dict[str, dict[int, float]] = {}
        header = line([*FIXED, *names, *(PERSON if named else ())])
        self._rows = open_sink(path, header, settings, "--log", stopping)
        self.moved_to = self._rows.moved_to

    def __enter__(self) -> "CsvLog":
        self._rows.__enter__()
        return self

    def __exit__(self, *exc: object) -> None:
        self._rows.__exit__(*exc)

    @property
    def counts(self) -> RowCounts:
        """What became of the rows so far; for any thread."""
        return self._rows.counts

    def write(self, result: Result) -> None:
        now_s, source = result.frame.at_s, result.frame.source
        # A row that old is due again, so no track is remembered for longer.
        recent = {
            id: last_s
            for id, last_s in self._last_s.pop(source, {}).items()
            if now_s - last_s < self._every_s
        }
        due = [face for face in result.faces if face.id not in recent]
        if self._every_s and (due or recent):  # else each photo would leave something
            self._last_s[source] = recent | {face.id: now_s for face in due}
        if due:
            self._rows.add([self._row(result.frame, face) for face in due])
        elif self._no_face and not result.faces:
            self._rows.add([self._empty_row(result.frame)])

    def _row(self, frame: Frame, face: Face) -> bytes:
        return line(
            [
                timestamp(frame.time),
                frame.source,
                str(frame.index),
                str(face.id),
                *(f"{side * frame.scale:.0f}" for side in face.box),
                f"{face.score:.3f}",
                face.state,
                *decimals(face.probabilities, self._names),
                *(person(face) if self._named else ()),
            ]
        )

    def _empty_row(self, frame: Frame) -> bytes:
        known = {"time": timestamp(frame.time), "source": frame.source, "frame": str(frame.index)}
        known["state"] = NO_FACE
        rest = (*self._names, *(PERSON if self._named else ()))
        return line([*(known.get(column, "") for column in FIXED), *("" for _ in rest)])


class Recognized(Protocol):
    """What was compared with enrolled people: a face or a visit."""

    @property
    def person(self) -> str: ...
    @property
    def person_score(self) -> float | None: ...


def person(seen: Recognized) -> list[str]:
    """Return the columns PERSON: empty until the face was compared with enrolled people."""
    score = "" if seen.person_score is None else f"{seen.person_score:.3f}"
    return [seen.person, score]


def decimals(probabilities: Probabilities, names: Sequence[str]) -> list[str]:
    """Return the probabilities of these attributes with 3 decimals, empty if not classified."""
    if not probabilities:
        return [""] * len(names)
    return [f"{probabilities[name]:.3f}" for name in names]
