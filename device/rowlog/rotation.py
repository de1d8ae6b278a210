"""The files that a log was rotated into: their names, gzip, and how long they are kept.

`faces.csv` of 22 November becomes `faces.2026-11-22.csv`, a second one of that day
`faces.2026-11-22_002.csv`, and compressed `faces.2026-11-22.csv.gz`. No other file is touched.
"""

import gzip
import os
import re
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from ..files import move_aside
from ..settings import RotationSettings
from .csv_format import NO_DAY, first_day
from .locked_file import BLOCK, sync_folder

PART = ".part"  # ends the name of a file that is being compressed


@dataclass(frozen=True, order=True)
class OldFile:
    """A rotated file; they sort from the oldest to the newest."""

    day: str  # of its first row
    number: int  # from 1 on each day
    path: Path = field(compare=False)


def old_files(log: Path, ending: str = "") -> list[OldFile]:
    """Return what `log` was rotated into, the oldest first; ending: only names that go on so."""
    name = re.compile(
        rf"{re.escape(log.stem)}\.(\d{{4}}-\d\d-\d\d)(?:_(\d{{3,}}))?{re.escape(log.suffix)}"
        + (re.escape(ending) if ending else r"(?:\.gz)?")
    )
    found = ((path, name.fullmatch(path.name)) for path in log.parent.iterdir())
    return sorted(OldFile(m[1], int(m[2] or 1), path) for path, m in found if m)


def put_away(log: Path) -> Path:
    """Rename a log to the next name of its first row's day; return the new path.

    A file without such a row is no log of ours, and is moved aside under a name that no rotation
    touches.
    """
    with log.open("rb") as file:
        day = first_day(file.read(BLOCK))
    if day == NO_DAY:
        return move_aside(log)
    number = max((old.number for old in old_files(log) if old.day == day), default=0) + 1
    count = f"_{number:03}" if number > 1 else ""
    target = log.with_name(f"{log.stem}.{day}{count}{log.suffix}")
    log.rename(target)
    return target


def compress(path: Path, stopping: Callable[[], bool]) -> None:
    """Replace a file by its .gz; one that is `stopping` leaves it as it was.

    The plain file goes when the .gz is complete on the disk: after a power cut one of them is, or
    both are.
    """
    part = path.with_name(f"{path.name}.gz{PART}")
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


def drop_twins(log: Path) -> None:
    """Delete plain files beside which their .gz stands, as a power cut may leave them.

    A .gz gets its name when it is complete; until the plain one goes, its rows are there twice.
    """
    files = {old.path for old in old_files(log)}
    for path in files:
        if path.with_name(f"{path.name}.gz") in files:
            path.unlink(missing_ok=True)


def delete_older(log: Path, keep_days: int, today: date) -> None:
    """Delete the rotated files whose day is more than `keep_days` days before `today`."""
    first_kept = (today - timedelta(days=keep_days)).isoformat()
    for old in old_files(log):
        if old.day < first_kept:
            old.path.unlink(missing_ok=True)


def free_disk(log: Path, free_bytes: float) -> None:
    """Delete rotated files, the oldest first, until the disk has so much free."""
    for old in old_files(log):
        if shutil.disk_usage(log.parent).free >= free_bytes:
            return
        old.path.unlink(missing_ok=True)


class Archive:
    """Tidies up behind one log, in a thread of its own: gzip of a day's rows takes seconds.

    warn: told in one line what did not work.
    """

    def __init__(self, log: Path, settings: RotationSettings, warn: Callable[[str], None]):
        self._log, self._settings, self._warn = log, settings, warn
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def tidy(self) -> None:
        """Begin to delete what is too old and to compress the rest, unless that goes on already."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._run, name="tidy the log", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Stop tidying; what is being compressed stays as it is until the next start."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(timeout=5.0)

    def _run(self) -> None:
        # Linux has priorities per thread: the loop and the rows go first.
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        try:
            self._tidy(datetime.now(UTC).date())
        except OSError as error:
            self._warn(f"cannot tidy up behind the log {self._log}: {error.strerror or error}")

    def _tidy(self, today: date) -> None:
        settings = self._settings
        for left in old_files(self._log, f".gz{PART}"):
            left.path.unlink(missing_ok=True)
        if settings.keep_days:
            delete_older(self._log, settings.keep_days, today)
        if settings.min_free_mb:
            free_disk(self._log, settings.min_free_mb * 1e6)
        while settings.compress and not self._stop.is_set():
            # Looked for again after each: more may have been rotated meanwhile.
            plain = [old.path for old in old_files(self._log) if old.path.suffix != ".gz"]
            if not plain:
                break
            compress(plain[0], self._stop.is_set)
