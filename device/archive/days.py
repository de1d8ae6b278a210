"""Which older files of a log are of a day that is over, and may be archived."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path

from ..rowlog.age import last_row
from ..rowlog.clock import FIRST_DAY
from ..rowlog.csv_format import first_day, is_unset
from ..rowlog.locked_file import BLOCK
from ..rowlog.rotation import rotated_files
from ..rowlog.tail import is_acknowledged

SENT = ".mqtt"  # suffix of what a log's visits keep beside it: how far they were sent


@dataclass(frozen=True)
class Day:
    """A day of a log."""

    log: Path
    day: str
    """UTC, 2026-11-22."""
    files: tuple[Path, ...]
    """Plain or compressed, in their order."""


@dataclass(frozen=True)
class LeftDay:
    """A day that is over and stays as it is, and why."""

    day: str
    reason: str


def closed_days(log: Path, today: date, plain_days: int) -> Iterator[Day | LeftDay]:
    """Yield the days of a log that are over, oldest first.

    plain_days: the newest days before today that stay CSV. The clock's own test reads the rows of
    yesterday and the day before (`rowlog.clock`), so it should be 2 where `keep_days` deletes.
    """
    limit = (today - timedelta(days=plain_days)).isoformat()
    current = _first_day(log)
    older = [file for file in rotated_files(log) if FIRST_DAY <= file.day < limit]
    for day, files in groupby(older, lambda file: file.day):
        paths = tuple(file.path for file in files)
        reason = _reason(log, paths)
        if reason:
            yield LeftDay(day, reason)
        elif day != current:
            yield Day(log, day, paths)


def _reason(log: Path, paths: tuple[Path, ...]) -> str:
    """Return why files are not archived, "" if they are."""
    if any(path.with_name(f"{path.name}.gz") in paths for path in paths):
        return "it is being compressed"
    # Their age counts from another day (`rowlog.age`), which an archive would not show.
    if any(is_unset(last_row(path)) for path in paths):
        return "the clock was not set"
    store = log.with_name(log.name + SENT)
    if store.exists() and not all(is_acknowledged(path, store) for path in paths):
        return "its visits were not sent to the MQTT broker yet"
    return ""


def _first_day(log: Path) -> str:
    try:
        with open(os.path.realpath(log), "rb") as file:
            return first_day(file.read(BLOCK))
    except OSError:
        return ""
