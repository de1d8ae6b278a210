"""Visits by hour of the last day: those of this run, and those of the visits file before it."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ..errors import FacetError
from ..files import open_regular

HOURS = 24
MAX_ROWS = 200_000  # of a file; more visits in a day are not counted
MAX_FILES = 100  # older files of a day


def start_of_hour(moment: datetime) -> datetime:
    """Return the full hour before a moment, UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def last_day(counts: Mapping[datetime, int], now: datetime) -> list[tuple[datetime, int]]:
    """Return (hour, visits) of the last 24 hours, oldest first, those without visits too."""
    end = start_of_hour(now)
    hours = [end - timedelta(hours=back) for back in reversed(range(HOURS))]
    return [(hour, counts.get(hour, 0)) for hour in hours]


def today(counts: Mapping[datetime, int], now: datetime) -> int:
    """Return the visits of the day of `now`, in the time zone of `now`."""
    return sum(
        count for hour, count in counts.items() if hour.astimezone(now.tzinfo).date() == now.date()
    )


def added(first: Mapping[datetime, int], second: Mapping[datetime, int]) -> Mapping[datetime, int]:
    """Return the sum of two counts by hour."""
    return Counter(first) + Counter(second)


def published(path: Path | None, now: datetime) -> Mapping[datetime, int]:
    """Return {hour: visits} that a counts file has of the last day; a merged time is its last hour.

    Only what is in the file: other numbers of the same hours would say more by subtraction.
    """
    since = start_of_hour(now) - timedelta(hours=HOURS)
    counts: Counter[datetime] = Counter()
    if path is None:
        return counts
    from ..counts.read import read_counts
    from ..counts.rows import REFUSED, VISITS

    with contextlib.suppress(FacetError):  # the page is no place to report a damaged file
        for row in read_counts(_files(path, since)).rows:
            if row.kind in (VISITS, REFUSED) and row.visits and row.end >= since:
                counts[start_of_hour(row.end - timedelta(microseconds=1))] += row.visits
    return counts


def visits_before(path: Path, start: datetime) -> Mapping[datetime, int]:
    """Return {hour: visits} that a visits file, with its older files, has of the day before start.

    Rows since `start` are this run's own, which the live state counts. What cannot be read is left
    out: the file may be damaged, and the page is no place to report it.
    """
    since = start_of_hour(start) - timedelta(hours=HOURS)
    counts: Counter[datetime] = Counter()
    for file in _files(path, since):
        for moment in _moments(file):
            if since <= moment < start:
                counts[start_of_hour(moment)] += 1
    return counts


def _files(path: Path, since: datetime) -> Sequence[Path]:
    """Return the file and its older ones that have been written since."""
    pattern = f"{_literal(path.stem)}.*{_literal(path.suffix)}"
    found = [path, *path.parent.glob(pattern), *path.parent.glob(f"{pattern}.gz")]
    return [file for file in found if _written_s(file) >= since.timestamp()][:MAX_FILES]


def _literal(name: str) -> str:
    """Return a name that a glob takes as it is."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _written_s(file: Path) -> float:
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def _moments(file: Path) -> Iterator[datetime]:
    """Yield when the visits of a file began."""
    try:
        with open_regular(file) as binary:
            zipped = file.suffix == ".gz"
            opened = gzip.GzipFile(fileobj=binary) if zipped else binary
            text = io.TextIOWrapper(opened, "utf-8", "replace", newline="")
            for number, row in enumerate(csv.reader(text)):
                if number > MAX_ROWS:
                    return
                if row and (moment := _moment(row[0])):
                    yield moment
    except (OSError, EOFError, zlib.error, csv.Error):
        return


def _moment(text: str) -> datetime | None:
    """Return the time of a row; None for the header, and where the clock was not set."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None
