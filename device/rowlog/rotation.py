"""The older files of a log: their names, compression, and when they are deleted.

`faces.csv` of 22 November becomes `faces.2026-11-22.csv`, a second one of that day
`faces.2026-11-22_002.csv`; compressed it is `faces.2026-11-22.csv.gz`. `device.archive` makes of
them `faces.2026-11-22.parquet`, which are deleted by the same rules. No other file is touched.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import os
import re
import shutil
import threading
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FacetError
from ..files import move_aside
from ..log import log as messages
from ..text import counted
from ..worker import Worker
from .age import age_day, is_before, require_file
from .clock import ClockTrust, utc_now
from .csv_format import NO_DAY, first_day, first_time
from .disk_errors import hint, reason
from .locked_file import BLOCK, sync_folder

if TYPE_CHECKING:
    from ..settings import RotationSettings

UNFINISHED = ".part"  # suffix of a file that is being compressed
ARCHIVED = ".parquet"
JOIN_S = 5.0  # limit for a compression to stop when the log is closed


@dataclass(frozen=True, order=True)
class RotatedFile:
    """An older file of a log. Sorts from the oldest to the newest."""

    day: str  # UTC day of its first row, 2026-11-22
    number: int  # from 1 on each day
    path: Path = field(compare=False)


def rotated_files(log: Path, suffix: str = "") -> list[RotatedFile]:
    """Return the older files of `log`, oldest first.

    suffix: only names with this after the log's own suffix; default: plain and compressed files.
    """
    return _files_of_days(
        log, re.escape(log.suffix) + (re.escape(suffix) if suffix else r"(?:\.gz)?")
    )


def archived_files(log: Path) -> list[RotatedFile]:
    """Return the older files of `log` that were archived as Parquet, oldest first."""
    return _files_of_days(log, re.escape(ARCHIVED))


def _files_of_days(log: Path, ending: str) -> list[RotatedFile]:
    """Return the files of a log's days; ending: a pattern."""
    name = re.compile(
        rf"{re.escape(log.stem)}\.(\d{{4}}-\d\d-\d\d)(?:_(\d{{3,}}))?{ending}", re.ASCII
    )
    matches = ((path, name.fullmatch(path.name)) for path in log.parent.iterdir())
    return sorted(
        RotatedFile(match[1], int(match[2] or 1), path) for path, match in matches if match
    )


def rotate(log: Path) -> Path:
    """Rename a log to the next free name of its first row's day; return the new path.

    A file without a day in its first row is not a log; it is moved aside under a name that no
    retention deletes.
    """
    with log.open("rb") as file:
        day = first_day(file.read(BLOCK))
    if day == NO_DAY:
        return move_aside(log)
    numbers = (older.number for older in rotated_files(log) if older.day == day)
    number = max(numbers, default=0) + 1
    count = f"_{number:03}" if number > 1 else ""
    target = log.with_name(f"{log.stem}.{day}{count}{log.suffix}")
    log.rename(target)
    return target


def compress(path: Path, stopping: Callable[[], bool]) -> None:
    """Replace a file with its .gz; leave it as it was if `stopping` becomes true.

    The plain file is deleted once the .gz is complete on the disk: after a power cut one of them
    is complete, or both are. Raises OSError for what is no regular file, or has a .gz already.
    """
    require_file(path)
    target = path.with_name(f"{path.name}.gz")
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, f"{target.name} exists already")
    part = path.with_name(f"{target.name}{UNFINISHED}")
    try:
        with path.open("rb") as plain, part.open("xb") as file:  # x: what is there is not followed
            shutil.copymode(path, part)
            with gzip.GzipFile(path.name, "wb", fileobj=file) as packed:
                while block := plain.read(BLOCK):
                    if stopping():
                        return
                    packed.write(block)
            file.flush()
            os.fsync(file.fileno())
        part.rename(target)
        sync_folder(path.parent)
        path.unlink()
    finally:
        part.unlink(missing_ok=True)


def remove_duplicates(log: Path) -> None:
    """Delete plain files whose .gz has the same content: a power cut can leave both."""
    paths = {older.path for older in rotated_files(log)}
    for path in paths:
        packed = path.with_name(f"{path.name}.gz")
        with contextlib.suppress(OSError, EOFError, zlib.error):  # both are kept
            if packed in paths and _is_copy(path, packed):
                path.unlink()


def _is_copy(path: Path, packed: Path) -> bool:
    require_file(path)
    require_file(packed)
    with path.open("rb") as plain, gzip.open(packed) as copy:
        while block := plain.read(BLOCK):
            if copy.read(len(block)) != block:
                return False
        return not copy.read(1)


@dataclass(frozen=True)
class Report:
    """What a pass over the older files tells.

    refused: called with a file that cannot be deleted or compressed, and why; it is passed over.
    deleted: called with the files that one rule deleted, and the rule.
    """

    refused: Callable[[Path, OSError], None] = lambda path, error: None
    deleted: Callable[[list[Path], str], None] = lambda paths, rule: None

    def attempt(self, path: Path, action: Callable[[Path], None]) -> bool:
        """Return whether the action was taken."""
        try:
            action(path)
        except OSError as error:
            if os.path.lexists(path):  # else another program has deleted it
                self.refused(path, error)
            return False
        return True


def delete_older(log: Path, keep_days: int, today: date, report: Report = Report()) -> None:
    """Delete the older files whose day is more than `keep_days` days before `today`."""
    first_kept = (today - timedelta(days=keep_days)).isoformat()
    old = [
        older.path
        for older in _by_age(log, today)
        if is_before(first_kept, older.path, older.day, today)
    ]
    gone = [path for path in old if report.attempt(path, Path.unlink)]
    if gone:
        report.deleted(gone, f"older than {counted(keep_days, 'day')} (keep_days)")


def free_disk(
    log: Path, free_bytes: float, today: date | None = None, report: Report = Report()
) -> None:
    """Delete older files, the oldest first, until the disk has `free_bytes` free."""
    gone = []
    for older in _by_age(log, today):
        if shutil.disk_usage(log.parent).free >= free_bytes:
            break
        if report.attempt(older.path, Path.unlink):
            gone.append(older.path)
    if gone:
        report.deleted(gone, f"less than {free_bytes / 1e6:g} MB free (min_free_mb)")


def apply_retention(
    log: Path,
    settings: RotationSettings,
    today: date | None,
    stopping: Callable[[], bool],
    report: Report = Report(),
) -> None:
    """Delete and compress the older files of `log` by the settings, until `stopping` is true.

    today: the UTC date, or None if the clock cannot be trusted: then age deletes nothing.
    """
    for unfinished in rotated_files(log, f".gz{UNFINISHED}"):
        report.attempt(unfinished.path, Path.unlink)
    if settings.keep_days and today:
        delete_older(log, settings.keep_days, today, report)
    if settings.min_free_mb:
        free_disk(log, settings.min_free_mb * 1e6, today, report)
    tried: set[Path] = set()
    while settings.compress and not stopping():
        # Listed again after each file: another may have been rotated in the meantime.
        plain = [older.path for older in rotated_files(log) if older.path.suffix != ".gz"]
        plain = [path for path in plain if path not in tried]
        if not plain:
            break
        tried.add(plain[0])
        report.attempt(plain[0], lambda path: compress(path, stopping))


def _by_age(log: Path, today: date | None) -> list[RotatedFile]:
    """Return the older files, also those that were archived, oldest first."""
    files = sorted([*rotated_files(log), *archived_files(log)])
    return (
        sorted(files, key=lambda older: (age_day(older.path, older.day, today), older))
        if today
        else files
    )


def first_rows(log: Path, today: date) -> Iterator[datetime]:
    """Yield the time of the first row of each file of yesterday and the day before."""
    days = {(today - timedelta(days=back)).isoformat() for back in (1, 2)}
    recent = [older.path for older in rotated_files(log) if older.day in days]
    for path in (*recent, log):
        with contextlib.suppress(OSError, EOFError, zlib.error):
            require_file(path)
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
                if moment := first_time(file.read(BLOCK)):
                    yield moment


class Retention:
    """Runs `apply_retention` in a thread: to compress a day's rows takes seconds.

    Logs what was deleted. warn: called with one line if the disk refuses, once for each file. Any
    other fault is raised by the next method that is called.
    """

    def __init__(
        self,
        log: Path,
        settings: RotationSettings,
        warn: Callable[[str], None],
        trust: ClockTrust | None = None,
    ):
        self._log, self._settings, self._warn = log, settings, warn
        self._trust = trust or ClockTrust()
        self._told: set[Path] = set()  # files that were reported
        self._worker: Worker | None = None  # of the latest pass

    def start(self) -> None:
        """Start a pass, unless one is running."""
        if self._worker and not self._worker.done.is_set():
            return
        self.check()
        self._worker = Worker("log retention", self._run, JOIN_S).start()

    def check(self) -> None:
        """Raise what ended a pass, once."""
        if self._worker:
            self._worker.check()

    def wait(self, limit_s: float = 60.0) -> None:
        """Return when the running pass has ended, or after `limit_s` seconds."""
        if self._worker:
            self._worker.done.wait(limit_s)
            self._worker.check()

    def close(self) -> None:
        """End the running pass; a file that it was compressing stays plain until the next start."""
        try:
            if self._worker:
                self._worker.stop()
        except FacetError as error:
            # No row is at risk: the plain file stays until its .gz is complete on the disk.
            self._warn(str(error))

    def _run(self, worker: Worker) -> None:
        # Linux has priorities per thread: frames and rows come first.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        try:
            today = self._trust.today(first_rows(self._log, utc_now().date()))
            report = Report(self._refused, self._deleted)
            apply_retention(self._log, self._settings, today, worker.stopping.is_set, report)
        except OSError as error:
            self._warn_of(f"older files of the log {self._log}", error)

    def _refused(self, path: Path, error: OSError) -> None:
        if path not in self._told:
            self._told.add(path)
            self._warn_of(f"{path}, an older file of the log", error)

    def _warn_of(self, what: str, error: OSError) -> None:
        message = f"cannot delete or compress {what}: {reason(error)}"
        self._warn(str(FacetError(message, hint(error))))

    def _deleted(self, paths: list[Path], rule: str) -> None:
        names = paths[0].name if len(paths) == 1 else f"{paths[0].name} to {paths[-1].name}"
        files = counted(len(paths), "older file")
        messages.info("deleted %s of the log %s, %s: %s", files, self._log, names, rule)
