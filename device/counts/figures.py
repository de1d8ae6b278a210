"""What a report says: a week of counts beside the week before."""

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from ..errors import UsageError
from .rates import (
    Interval,
    Rates,
    change,
    corrected,
    corrected_difference,
    difference,
    rates_of,
    wilson,
)
from .rows import ATTRIBUTE, DWELL, JOINT, REFUSED, RUN, VISITS, YES, CountRow

DAYS = 7
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")

Slot = date | int | tuple[date, int]  # a day, an hour of the day in all days, an hour of a day


@dataclass(frozen=True)
class Traffic:
    """Visits of a week, by when they ended."""

    visits: float
    """With a face that was seen well enough to classify it."""
    refused: float
    hours: float
    """In which the camera counted, withheld times left out."""
    withheld_hours: float
    withheld_groups: int
    """Numbers that were withheld, each of 1 to min_group - 1 visits."""
    by_day: Mapping[date, float]
    by_hour: Mapping[int, float]
    """Visits of the whole week by hour of the day, 0 to 23."""
    by_day_hour: Mapping[tuple[date, int], float]
    """Visits by day and hour of the day."""
    hours_by_hour: Mapping[int, float]
    """Hours counted, by hour of the day."""
    withheld: frozenset[Slot]
    """Times of which something was withheld."""

    @property
    def seen(self) -> float:
        """All visits."""
        return self.visits + self.refused

    @property
    def watched_hours(self) -> float:
        """In which the camera counted, withheld times among them."""
        return self.hours + self.withheld_hours


@dataclass(frozen=True)
class Share:
    """How many of the visits had an attribute."""

    name: str
    yes: int
    total: int
    raw: Interval
    corrected: Interval | None
    """None: the model's errors are unknown, too large to correct for, or others at this camera."""
    rates: Rates | None
    change: Interval | None
    """Of the counted share against the week before; None: nothing to compare with."""
    corrected_change: Interval | None


@dataclass(frozen=True)
class Report:
    """The figures of a week."""

    first_day: date
    last_day: date
    sources: Sequence[str]
    week: Traffic
    before: Traffic
    change: Interval | None
    """Factor of visits per hour against the week before; None: nothing to compare with."""
    shares: Sequence[Share]
    dwell: Mapping[str, int]
    """Visits by range of duration, s."""
    zone: str


def build_report(
    rows: Sequence[CountRow],
    measured: Mapping[str, Any],
    last_day: date | None = None,
    zone: tzinfo | None = None,
    min_group: int = 0,
) -> Report:
    """Return the report of the seven days up to last_day, default the last that is over.

    measured: of the model's card. zone: of hours and days; None: the computer's. min_group: of the
    files; 0: unknown. Raises UsageError without rows in these days.
    """
    counted = [row for row in rows if row.kind != RUN]
    if not counted:
        raise UsageError("the files have no counts yet", "wait for the end of an interval")
    last = last_day or _last_day(counted, zone)
    first = last - timedelta(days=DAYS - 1)
    week = _within(counted, first, last, zone)
    if not week:
        raise UsageError(f"no counts from {first} to {last}", "--last-day with another date")
    before_last = first - timedelta(days=1)
    before = _within(counted, before_last - timedelta(days=DAYS - 1), before_last, zone)
    now, then = _traffic(week, zone), _traffic(before, zone)
    return Report(
        first,
        last,
        sorted({row.source for row in week}),
        now,
        then,
        _traffic_change(now, then, min_group),
        _shares(week, before, measured),
        _durations(week),
        str(_local(datetime.combine(last, time(12), UTC), zone).tzname()),
    )


def _traffic_change(now: Traffic, then: Traffic, min_group: int) -> Interval | None:
    """Return by which factor visits per hour changed; None: nothing to compare.

    Times with few visits are withheld: left out, a quiet week would look busier. So they count with
    half a group, and the interval reaches from all of them with least to all with most.
    """
    if not (now.seen and then.seen and now.watched_hours and then.watched_hours):
        return None
    spread = _spread(now.by_day, then.by_day)

    def factor(each: float, each_before: float) -> Interval:
        count = now.seen + each * now.withheld_groups
        before = then.seen + each_before * then.withheld_groups
        return change(count, now.watched_hours, before, then.watched_hours, spread)

    most = max(0, min_group - 1)
    least = min(1, most)
    middle = (least + most) / 2
    return Interval(factor(middle, middle).value, factor(least, most).low, factor(most, least).high)


def _last_day(rows: Sequence[CountRow], zone: tzinfo | None) -> date:
    """Return the last day that is over; the newest if there is no other."""
    newest = _local(rows[-1].end, zone).date()
    ended = [_local(row.end - timedelta(microseconds=1), zone).date() for row in rows]
    return max((day for day in ended if day < newest), default=newest)


def _local(moment: datetime, zone: tzinfo | None) -> datetime:
    return moment.astimezone(zone)


def _within(
    rows: Sequence[CountRow], first: date, last: date, zone: tzinfo | None
) -> list[CountRow]:
    """Return the rows of times that end in these days; midnight ends the day before."""
    instant = timedelta(microseconds=1)
    return [row for row in rows if first <= _local(row.end - instant, zone).date() <= last]


def _traffic(rows: Sequence[CountRow], zone: tzinfo | None) -> Traffic:
    totals: Counter[str] = Counter()
    by_day: dict[date, float] = defaultdict(float)
    by_hour: dict[int, float] = defaultdict(float)
    by_day_hour: dict[tuple[date, int], float] = defaultdict(float)
    hours_by_hour: dict[int, float] = defaultdict(float)
    withheld_h, groups, withheld = 0.0, 0, set[Slot]()
    for row in rows:
        if row.kind not in (VISITS, REFUSED):
            continue
        parts = list(_hours_of(row.start, row.end, zone))
        length = sum(hours for _, hours in parts) or 1.0
        if row.visits is None:
            groups += 1
            withheld_h += length if row.kind == VISITS else 0.0
            for moment, _ in parts:
                day, hour = moment.date(), moment.hour
                withheld |= {day, hour, (day, hour)}
            continue
        totals[row.kind] += row.visits
        for moment, hours in parts:  # a merged time is spread over its hours
            visits = row.visits * hours / length
            by_day[moment.date()] += visits
            by_hour[moment.hour] += visits
            by_day_hour[moment.date(), moment.hour] += visits
            if row.kind == VISITS:
                hours_by_hour[moment.hour] += hours
    return Traffic(  # noise may have led below 0
        max(0, totals[VISITS]),
        max(0, totals[REFUSED]),
        sum(hours_by_hour.values()),
        withheld_h,
        groups,
        {day: max(0.0, count) for day, count in by_day.items()},
        {hour: max(0.0, count) for hour, count in by_hour.items()},
        {slot: max(0.0, count) for slot, count in by_day_hour.items()},
        dict(hours_by_hour),
        frozenset(withheld),
    )


def _hours_of(
    start: datetime, end: datetime, zone: tzinfo | None
) -> Iterator[tuple[datetime, float]]:
    """Yield (local time, h) of each hour of the clock between two times."""
    while start < end:
        full = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        stop = min(end, full + timedelta(hours=1))
        yield _local(start, zone), (stop - start) / timedelta(hours=1)
        start = stop


def _spread(by_day: Mapping[date, float], before: Mapping[date, float]) -> float:
    """Return how much more two weeks differ by day than if people came one by one, 1 or more.

    That is chi square over its degrees of freedom, of weekdays by weeks: people come in groups, and
    on some days for reasons of their own, so that Poisson's intervals would be too narrow.
    """
    pairs = [
        (count, before[day - timedelta(days=DAYS)])
        for day, count in by_day.items()
        if before.get(day - timedelta(days=DAYS), 0) + count > 0
        and day - timedelta(days=DAYS) in before
    ]
    total, first = sum(a + b for a, b in pairs), sum(a for a, _ in pairs)
    if len(pairs) < 2 or not 0 < first < total:
        return 1.0
    share = first / total
    chi_square = sum((a - (a + b) * share) ** 2 / ((a + b) * share * (1 - share)) for a, b in pairs)
    return max(1.0, chi_square / (len(pairs) - 1))


def _cells(rows: Sequence[CountRow]) -> dict[str, tuple[int, int]]:
    """Return {attribute: (visits with it, visits of which that is known)}."""
    found: dict[str, list[int]] = {}
    for row in rows:
        if row.kind == ATTRIBUTE and row.visits is not None:
            names, values = row.name.split(JOINT), row.value.split(JOINT)
            for name, value in zip(names, values, strict=False):
                cell = found.setdefault(name, [0, 0])
                cell[0] += row.visits if value == YES else 0
                cell[1] += row.visits
    return {
        name: (min(max(0, yes), total), total) for name, (yes, total) in found.items() if total > 0
    }


def _shares(
    rows: Sequence[CountRow], before: Sequence[CountRow], measured: Mapping[str, Any]
) -> list[Share]:
    earlier = _cells(before)
    shares = []
    for name, (yes, total) in sorted(_cells(rows).items()):
        rates = rates_of(measured, name)
        found = difference(yes, total, *earlier[name]) if name in earlier else None
        shares.append(
            Share(
                name,
                yes,
                total,
                wilson(yes, total),
                corrected(yes, total, rates) if rates else None,
                rates,
                found,
                corrected_difference(found, rates) if found and rates else None,
            )
        )
    return shares


def _durations(rows: Sequence[CountRow]) -> dict[str, int]:
    """Return visits by range; where ranges were merged, all of them that are inside one."""
    counts: Counter[tuple[float, float]] = Counter()
    for row in rows:
        if row.kind == DWELL and row.visits is not None:
            begin, _, end = row.value.partition("..")
            try:
                counts[float(begin), float(end or math.inf)] += row.visits
            except ValueError:
                continue
    used = [span for span, count in counts.items() if count]
    edges = {edge for span in counts for edge in span}
    edges -= {edge for edge in edges for low, high in used if low < edge < high}
    found = {}
    for low, high in itertools.pairwise(sorted(edges)):
        name = f"{low:g}..{'' if math.isinf(high) else f'{high:g}'}"
        inside = [n for span, n in counts.items() if low <= span[0] and span[1] <= high]
        found[name] = max(0, sum(inside))
    return found
