"""Hold visits back until their group is large enough to be written.

Nothing of a smaller group leaves the memory: there is no file of what waits. A run that is killed
loses it, which its missing row END tells.
"""

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from ..rowlog.clock import is_uncertain
from ..settings import CountsSettings
from .groups import Table, is_safe
from .rows import (
    ATTRIBUTE,
    BEGIN,
    DWELL,
    END,
    JOINT,
    NO,
    REFUSED,
    RUN,
    VISITS,
    YES,
    CountRow,
)

EDGES_S = (0, 2, 5, 15, 60, 300)  # of the ranges of durations; the last has no end
RANGES = tuple(f"{low}..{high}" for low, high in zip(EDGES_S, (*EDGES_S[1:], ""), strict=True))


@dataclass(frozen=True, slots=True)
class CountedVisit:
    """What is kept of a visit until it is counted."""

    dwell_s: float
    present: tuple[bool, ...] | None
    """Of each chosen attribute; None: the face was never classified."""


def dwell_range(dwell_s: float) -> str:
    """Return the range that a duration is in: "2..5"."""
    place = max((n for n, edge in enumerate(EDGES_S) if dwell_s >= edge), default=0)
    return RANGES[place]


def start_of_interval(moment: datetime, minutes: int, zone: tzinfo | None = None) -> datetime:
    """Return the beginning, UTC, of the interval of a moment, by the clock on the wall.

    zone: of that clock; None: the computer's.
    """
    local = moment.astimezone(zone)
    hour, minute = divmod((local.hour * 60 + local.minute) // minutes * minutes, 60)
    begin = local.replace(hour=hour, minute=minute, second=0, microsecond=0, tzinfo=zone)
    return begin.astimezone(UTC)


class VisitCounter:
    """Takes visits and the time, and returns rows for the file.

    source: the camera's name. model: of the attributes, for the report. zone: in which days and
    intervals begin; None: the computer's.
    """

    def __init__(
        self, settings: CountsSettings, source: str, model: str = "", zone: tzinfo | None = None
    ):
        self._settings, self._source, self._model, self._zone = settings, source, model, zone
        self._length = timedelta(minutes=settings.minutes)
        self._now: datetime | None = None  # the time of the last frame; None: there was none yet
        self._interval = datetime.min.replace(tzinfo=UTC)  # in which it is
        self._seen: list[CountedVisit] = []  # visits that wait, with a face that was classified
        self._refused = 0  # visits that wait, without
        self._seen_since = self._refused_since = self._interval
        names = settings.attributes
        groups = [names] if settings.crossed and names else [(name,) for name in names]
        self._tables = {group: _AttributeTable(group, settings) for group in groups}
        self._dwell = Table(RANGES, settings.min_group)
        self._dwell_since: datetime | None = None
        self._dwell_until = self._interval  # the end of the last block in it

    @property
    def waiting(self) -> int:
        """How many visits wait for their group to be large enough."""
        return len(self._seen) + self._refused

    def add(self, visit: CountedVisit) -> None:
        """Count a visit that is over, in the interval of the last `advance`."""
        if visit.present is None:
            self._refused += 1
        else:
            self._seen.append(visit)

    def advance(self, now: datetime) -> Sequence[CountRow]:
        """Note the time, UTC; return the rows of an interval that it ends."""
        if is_uncertain(now):  # visits wait for a time of day
            return []
        interval = start_of_interval(now, self._settings.minutes, self._zone)
        last = self._now
        if last is None:
            self._begin(interval, now)
            return [self._run_row(BEGIN, now)]
        was_set_back = last - now > self._length
        if interval <= self._interval and not was_set_back:
            self._now = max(last, now)
            return []
        if was_set_back or now - last > self._length:  # nothing was seen between the two
            rows = self._end_all(last)
            self._begin(interval, now)
            return rows
        rows = self._end_blocks(interval, last=self._day(interval) != self._day(self._interval))
        self._interval, self._now = interval, now
        return rows

    def close(self) -> Sequence[CountRow]:
        """Return the rows of what waits and may be written; the rest is withheld for good."""
        if self._now is None:
            return []
        return [*self._end_all(self._now), self._run_row(END, self._now)]

    def _begin(self, interval: datetime, now: datetime) -> None:
        self._now, self._interval = now, interval
        self._seen_since = self._refused_since = now

    def _day(self, moment: datetime) -> date:
        return moment.astimezone(self._zone).date()

    def _end_all(self, end: datetime) -> list[CountRow]:
        return self._end_blocks(end, last=True)

    def _run_row(self, name: str, moment: datetime) -> CountRow:
        chosen = self._settings
        facts = {
            "minutes": chosen.minutes,
            "min_group": chosen.min_group,
            "hold": f"{chosen.hold:g}",
            "attributes": "+".join(chosen.attributes),
            "model": self._model,
        }
        value = " ".join(f"{key}={fact}" for key, fact in facts.items() if fact)
        return CountRow(moment, moment, self._source, RUN, name, value if name == BEGIN else "")

    def _end_blocks(self, end: datetime, last: bool) -> list[CountRow]:
        """Return the rows of the blocks that may end now.

        last: of a day or a run: the others end too, withheld.
        """
        rows, least, source = list[CountRow](), self._settings.min_group, self._source
        seen, refused = len(self._seen), self._refused
        if last or is_safe(seen, least):
            since, self._seen_since = self._seen_since, end
            written = seen if is_safe(seen, least) else None
            rows.append(CountRow(end, since, source, VISITS, visits=written))
            if written:
                rows += self._table_rows(since, end)
            self._seen = []
        if last or is_safe(refused, least):
            since, self._refused_since = self._refused_since, end
            written = refused if is_safe(refused, least) else None
            rows.append(CountRow(end, since, source, REFUSED, visits=written))
            self._refused = 0
        return rows + (self._dwell_rows(merged=True) if last else [])

    def _table_rows(self, since: datetime, end: datetime) -> list[CountRow]:
        """Add a block that is written to the tables; return the rows of those that are due."""
        rows = list[CountRow]()
        for table in self._tables.values():
            found = [visit.present for visit in self._seen if visit.present is not None]
            table.add(found, since)
            if due := table.take():
                start, counts = due
                rows += self._rows(start, end, ATTRIBUTE, table.name, counts)
        self._dwell_since, self._dwell_until = self._dwell_since or since, end
        self._dwell.add(Counter(dwell_range(visit.dwell_s) for visit in self._seen))
        return [*rows, *self._dwell_rows(merged=False)]

    def _dwell_rows(self, merged: bool) -> list[CountRow]:
        counts = self._dwell.take_merged() if merged else self._dwell.take()
        if not counts:
            return []
        end = self._dwell_until
        start, self._dwell_since = self._dwell_since or end, None
        return self._rows(start, end, DWELL, "", counts)

    def _rows(
        self, start: datetime, end: datetime, kind: str, name: str, counts: Mapping[str, int]
    ) -> list[CountRow]:
        start = min(start, end)  # the clock may have been set back
        return [
            CountRow(end, start, self._source, kind, name, value, count)
            for value, count in counts.items()
        ]


class _AttributeTable:
    """Visits by the presence of one attribute, or of several at once."""

    def __init__(self, group: Sequence[str], settings: CountsSettings):
        self.name = JOINT.join(group)
        self._places = [settings.attributes.index(name) for name in group]
        cells = itertools.product((True, False), repeat=len(group))
        self._table = Table([_value(cell) for cell in cells], settings.min_group)
        self._since: datetime | None = None

    def add(self, present: Iterable[Sequence[bool]], since: datetime) -> None:
        self._since = self._since or since
        self._table.add(Counter(_value([one[place] for place in self._places]) for one in present))

    def take(self) -> tuple[datetime, Mapping[str, int]] | None:
        """Return (since when, visits by value) if no value has a small group."""
        counts, since = self._table.take(), self._since
        if not counts or since is None:
            return None
        self._since = None
        return since, counts


def _value(present: Sequence[bool]) -> str:
    return JOINT.join(YES if one else NO for one in present)
