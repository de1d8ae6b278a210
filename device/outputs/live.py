"""What the loop saw last, for readers in other threads: the web page, MQTT, metrics, rules.

The loop only stores values here; a reader waits for news at its own pace, and a slow one costs the
loop nothing.
"""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from ..attributes.model_card import ModelCard
from ..rowlog import RowCounts
from ..settings import Settings
from ..stopwatch import Stopwatch
from ..types import Crossing, Face, LineCount, Result
from ..worker import Worker
from .visits import Visit, VisitTracker

KEPT_VISITS = 1000
KEPT_CROSSINGS = 1000
KEPT_HOURS = 48


@dataclass(frozen=True, slots=True, eq=False)
class EndedVisit:
    """A visit with its number in this run, from 1."""

    number: int
    visit: Visit


@dataclass(frozen=True, slots=True, eq=False)
class CountedCrossing:
    """A crossing with its number in this run, from 1, and what was seen then."""

    number: int
    crossing: Crossing
    face: Face | None
    """Who crossed, in that frame."""
    people: int
    """Faces in view."""
    at_s: float
    """s on the frames' clock."""


def counted_crossings(result: Result, after: int = 0) -> Sequence[CountedCrossing]:
    """Return the crossings of a result; the first has the number after `after`."""
    faces = {face.id: face for face in result.faces}
    return [
        CountedCrossing(number, crossing, faces.get(crossing.track), len(faces), result.frame.at_s)
        for number, crossing in enumerate(result.crossings, after + 1)
    ]


class LiveState:
    """An output that keeps the newest result, ended visits and crossings; all for any thread.

    thresholds and max_lost_s: as for VisitTracker. Previews, which were not analyzed, are ignored.
    """

    def __init__(self, thresholds: Mapping[str, float], max_lost_s: float):
        self._tracker = VisitTracker(thresholds, max_lost_s)
        self._changed = threading.Condition()
        self._result: Result | None = None
        self._frames = self._number = 0
        self._visits: deque[EndedVisit] = deque(maxlen=KEPT_VISITS)
        self._hours: dict[datetime, int] = {}
        self._crossings: deque[CountedCrossing] = deque(maxlen=KEPT_CROSSINGS)
        self._crossing_number = 0
        self._states: dict[str, int] = {}
        self._closed = False
        self._readers: list[Worker] = []

    def __enter__(self) -> "LiveState":
        return self

    def __exit__(self, *exc: object) -> None:
        self._add(self._tracker.close())
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def supervise(self, reader: Worker) -> None:
        """End the run with the fault of a thread that reads from here, as any thread's does."""
        self._readers.append(reader)

    def write(self, result: Result) -> None:
        for reader in self._readers:
            reader.check()
        if not result.analyzed:
            return
        ended = self._tracker.add(result)
        self._add(ended)
        with self._changed:
            self._result = result
            self._frames += 1
            self._crossings.extend(counted_crossings(result, self._crossing_number))
            self._crossing_number += len(result.crossings)
            for face in result.faces:
                self._states[face.state] = self._states.get(face.state, 0) + 1
            self._changed.notify_all()

    def _add(self, ended: Sequence[Visit]) -> None:
        with self._changed:
            for visit in ended:
                self._number += 1
                self._visits.append(EndedVisit(self._number, visit))
                hour = datetime.fromisoformat(visit.first_seen.rstrip("?")).replace(
                    minute=0, second=0, microsecond=0
                )
                self._hours[hour] = self._hours.get(hour, 0) + 1
            for old in sorted(self._hours)[:-KEPT_HOURS]:
                del self._hours[old]

    def wait(self, frames: int, timeout_s: float) -> tuple[Result | None, int]:
        """Wait until more than `frames` results were written; return the newest, and their number.

        Returns after timeout_s, and when the run ends, with what there is then.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._frames > frames, timeout_s)
            return self._result, self._frames

    @property
    def closed(self) -> bool:
        """Whether the run has ended."""
        with self._changed:
            return self._closed

    def newest(self) -> Result | None:
        """Return the newest result; None before the first frame."""
        with self._changed:
            return self._result

    def faces_by_state(self) -> Mapping[str, int]:
        """Return the number of faces of all frames so far, by Face.state."""
        with self._changed:
            return dict(self._states)

    def visits(self, after: int = 0) -> Sequence[EndedVisit]:
        """Return the visits that have ended after number `after`, the newest 1,000 of them."""
        with self._changed:
            return [ended for ended in self._visits if ended.number > after]

    def visits_by_hour(self) -> Mapping[datetime, int]:
        """Return the number of visits that began in each hour, UTC, of the last 48 with any."""
        with self._changed:
            return dict(self._hours)

    def crossings(self, after: int = 0) -> Sequence[CountedCrossing]:
        """Return the crossings of lines after number `after`, the newest 1,000 of them."""
        with self._changed:
            return [counted for counted in self._crossings if counted.number > after]

    def line_counts(self) -> Sequence[LineCount]:
        """Return the lines of the settings with their crossings since the start of the run."""
        with self._changed:
            return self._result.lines if self._result else ()


@dataclass(frozen=True)
class LiveRun:
    """A run, as the web page, MQTT, metrics and rules know it; all for any thread."""

    settings: Settings
    state: LiveState
    card: ModelCard
    shown: tuple[str, ...]
    """The attributes that labels may name."""
    camera: str
    """Name of the camera, without its password."""
    log: Path | None
    """The CSV file of faces, if one is written."""
    visits: Path | None
    """The CSV file of visits, if one is written."""
    stopwatch: Stopwatch
    dropped: Callable[[], int]
    """Returns the number of frames that were replaced before they were taken."""
    reconnecting: Callable[[], bool]
    """Returns whether the camera has dropped and is being opened again."""
    rows: Mapping[str, Callable[[], RowCounts]] = field(default_factory=dict)
    """Return the rows of the logs that are written: "faces", "visits", "counts"."""
    waiting: Mapping[str, Callable[[], int]] = field(default_factory=dict)
    """Return the lengths of queues: "recording", of frames."""
    counts: Path | None = None
    """The CSV file of anonymous counts, if one is written."""
