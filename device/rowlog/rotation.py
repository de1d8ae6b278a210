"""The older files of a log: their names, compression, and when they are deleted.

`faces.csv` of 22 November becomes `faces.2026-11-22.csv`, a second one of that day
`faces.2026-11-22_002.csv`; compressed it is `faces.2026-11-22.csv.gz`. No other file is touched.
"""

from __future__ import annotations

import gzip
import os
import re
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FacetError
from ..files import move_aside
from ..worker import Worker
from .csv_format import NO_DAY, first_day
from .disk_errors import hint, reason
from .locked_file import BLOCK, sync_folder

if TYPE_CHECKING:
    from ..settings import RotationSettings

UNFINISHED = ".part"  # suffix of a file that is being compressed
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
    name = re.compile(
        rf"{re.escape(log.stem)}\.(\d{{4}}-\d\d-\d\d)(?:_(\d{{3,}}))?{re.escape(log.suffix)}"
        + (re.escape(suffix) if suffix else r"(?:\.gz)?")
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
    is complete, or both are.
    """
    part = path.with_name(f"{path.name}.gz{UNFINISHED}")
    try:
        with path.open("rb") as plain, part.open("wb") as file:
            shutil.copymode(path, part)
            with gzip.GzipFile(path.name, "wb", fileobj=file) as packed:
                while block := plain.read(BLOCK):
                    if stopping():
                        return
                    packed.write(block)
            file.flush()
            os.fsync(file.fileno())
        part.rename(part.with_suffix(""))
        sync_folder(path.parent)
        path.unlink()
    finally:
        part.unlink(missing_ok=True)


def remove_duplicates(log: Path) -> None:
    """Delete plain files whose .gz exists: a power cut between the two steps leaves both."""
    paths = {older.path for older in rotated_files(log)}
    for path in paths:
        if path.with_name(f"{path.name}.gz") in paths:
            path.unlink(missing_ok=True)


def delete_older(log: Path, keep_days: int, today: date) -> None:
    """Delete the older files whose day is more than `keep_days` days before `today`."""
    first_kept = (today - timedelta(days=keep_days)).isoformat()
    for older in rotated_files(log):
        if older.day < first_kept:
            older.path.unlink(missing_ok=True)


def free_disk(log: Path, free_bytes: float) -> None:
    """Delete older files, the oldest first, until the disk has `free_bytes` free."""
    for older in rotated_files(log):
        if shutil.disk_usage(log.parent).free >= free_bytes:
            return
        older.path.unlink(missing_ok=True)


def apply_retention(
    log: Path, settings: RotationSettings, today: date, stopping: Callable[[], bool]
) -> None:
    """Delete and compress the older files of `log` by the settings, until `stopping` is true."""
    for unfinished in rotated_files(log, f".gz{UNFINISHED}"):
        unfinished.path.unlink(missing_ok=True)
    if settings.keep_days:
        delete_older(log, settings.keep_days, today)
    if settings.min_free_mb:
        free_disk(log, settings.min_free_mb * 1e6)
    while settings.compress and not stopping():
        # Listed again after each file: another may have been rotated in the meantime.
        plain = [older.path for older in rotated_files(log) if older.path.suffix != ".gz"]
        if not plain:
            break
        compress(plain[0], stopping)


class Retention:
    """Runs `apply_retention` in a thread: to compress a day's rows takes seconds.

    warn: called with one line if the disk refuses. Any other fault is raised by the next
    method that is called.
    """

    def __init__(self, log: Path, settings: RotationSettings, warn: Callable[[str], None]):
        self._log, self._settings, self._warn = log, settings, warn
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
            today = datetime.now(UTC).date()
            apply_retention(self._log, self._settings, today, worker.stopping.is_set)
        except OSError as error:
            message = f"cannot delete or compress older files of the log {self._log}"
            self._warn(str(FacetError(f"{message}: {reason(error)}", hint(error))))
