"""RowSink to a CSV file for months: on the disk every few seconds, through full and absent disks.

    loop -- add(rows) --> memory -- work() --> file -- fsync --> disk

Rows leave the memory when they are on the disk. Until then they can be written again: into the same
file when the disk has room, into a new one when somebody removed the first.
"""

import contextlib
import errno
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from ..errors import FacetError
from ..files import move_aside
from ..log import log
from ..settings import RotationSettings
from .csv_format import day_of
from .locked_file import LockedCsvFile
from .rotation import Archive, drop_twins, put_away

RETRY_S = 1.0  # between two attempts to write to a disk that refused
TIDY_S = 3600.0  # between two looks at what is too old
DAY_S = 86400.0
MENDS = {
    errno.ENOSPC: "Free the disk",
    errno.EDQUOT: "Free the disk",
    errno.EFBIG: "Set max_mb in [rotation], or start another file",
    errno.EROFS: "Make the disk writable",
    errno.EACCES: "Make the folder writable",
    errno.ENOENT: "Make the folder again",
    errno.ENODEV: "Plug the disk in again",
    errno.EAGAIN: "Stop the other process",
}


def utc_day() -> str:
    """Return today in UTC as 2026-11-22."""
    return datetime.now(UTC).date().isoformat()


class RowWriter:
    """Appends lines to one file, with a bounded memory for those that cannot be written now.

    `add` may be called from any thread and never waits for the disk; all else from one. path: the
    file, whose folder exists. header: its first line. warn: told in one line when rows begin to
    wait and when they are written again. today: gives the UTC day as 2026-11-22. Raises OSError
    where the file cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        header: bytes,
        settings: RotationSettings,
        warn: Callable[[str], None] = log.info,
        today: Callable[[], str] = utc_day,
    ):
        self._path, self._header, self._settings = path, header, settings
        self._warn, self._today = warn, today
        # A link stays where it is, and what it leads to is rotated.
        self._file = Path(os.path.realpath(path))
        self._mount = _mount_point(self._file.parent)
        self._rotates = bool(settings.daily or settings.max_mb)
        self._archive = Archive(self._file, settings, warn)
        self._new: deque[bytes] = deque()  # from `add`, under the lock
        self._lock = threading.Lock()
        self._waiting: deque[bytes] = deque()  # not known to be on the disk, oldest first
        self._written = 0  # how many of these stand in the file
        self._lost = 0
        self._fault: OSError | None = None
        self._retry_s = self._synced_s = self._tidied_s = -DAY_S
        self._opened_s: float | None = None  # known at the first work
        drop_twins(self._file)
        self._sheet: LockedCsvFile | None = self._open()
        self.moved_to = self._sheet.moved_to
        self._synced_size = self._sheet.size

    def add(self, rows: Sequence[bytes]) -> None:
        """Take rows, each a line that begins with its timestamp."""
        with self._lock:
            self._new.extend(rows)
            while len(self._new) > self._settings.buffer_rows:  # the disk hangs
                self._new.popleft()
                self._lost += 1

    def work(self, now_s: float) -> float:
        """Do what is due at `now_s`, s on a clock that nobody sets; return when more will be."""
        self._take()
        if self._opened_s is None:
            self._opened_s = now_s
        if now_s < self._retry_s:
            return self._retry_s
        try:
            self._reopen()
            self._put(now_s)
            if self._written and (self._fault or now_s >= self._sync_due_s):
                self._sync(now_s)
            self._tidy(now_s)
        except OSError as error:
            self._fail(error, now_s)
            return self._retry_s
        if self._fault and self._sheet and not self._waiting:
            lost = f"; {self._lost} rows were lost" if self._lost else ""
            self._warn(f"writing the log {self._path} again{lost}")
            self._fault = None
        if not self._sheet:
            return now_s
        return self._sync_due_s if self._waiting else now_s + TIDY_S

    def close(self) -> None:
        """Make a last attempt and close; FacetError where rows were lost, now or before."""
        self._retry_s = self._synced_s = -DAY_S
        self._tidied_s = time.monotonic()
        for _ in range(2):  # the second for a file that was found removed
            self.work(self._tidied_s)
        if self._sheet:
            self._sheet.close()
        self._archive.close()
        lost = self._lost + len(self._waiting) - self._written
        if lost:
            reason, mend = _explain(self._fault)
            raise FacetError(f"{lost} rows of the log {self._path} were lost{reason}", mend)

    def _open(self) -> LockedCsvFile:
        return LockedCsvFile(self._file, self._header, put_away if self._rotates else move_aside)

    def _take(self) -> None:
        with self._lock:
            self._waiting.extend(self._new)
            self._new.clear()
            while len(self._waiting) > self._settings.buffer_rows:
                row = self._waiting.popleft()
                if self._written:
                    self._written -= 1
                    self._synced_size += len(row)
                else:
                    self._lost += 1

    def _reopen(self) -> None:
        """Open the file again where it was given up; rows that it has already are not repeated."""
        if self._sheet:
            return
        # An empty mount point must not fill with rows that the disk, once back, would hide.
        if not self._mount.is_mount():
            raise OSError(errno.ENODEV, f"{self._mount} is not mounted")
        self._sheet = self._open()
        rows = b"".join(self._waiting)
        there = self._sheet.read(self._synced_size, len(rows) + 1)
        if there and rows.startswith(there):
            self._written = there.count(b"\n")
        else:
            self._written, self._synced_size = 0, self._sheet.size

    def _put(self, now_s: float) -> None:
        """Give the kernel every row that waits.

        At once, not every few seconds: whoever follows the file sees the row, it outlives this
        process, and the card feels nothing, because Linux keeps what is written in memory for half
        a minute. Only fsync is dear: it wears the card, and may take seconds.
        """
        while self._sheet and len(self._waiting) > self._written:
            rows = list(islice(self._waiting, self._written, None))
            count = self._fitting(rows, now_s)
            if count:
                self._written += self._sheet.append(rows[:count])
            else:
                self._rotate(now_s)

    def _fitting(self, rows: Sequence[bytes], now_s: float) -> int:
        """Return how many rows belong into the file as it is, before the next begins."""
        day, size = self._sheet.day, self._sheet.size
        for number, row in enumerate(rows):
            if day and (self._is_full(size + len(row)) or self._is_over(day, day_of(row), now_s)):
                return number
            day, size = day or day_of(row), size + len(row)
        return len(rows)

    def _is_full(self, size: int) -> bool:
        return 0 < self._settings.max_mb * 1e6 < size

    def _is_over(self, day: str, today: str, now_s: float) -> bool:
        """Whether `today` is another day than the file's.

        A clock that was set back stays in the file, or one that is set to and fro would make a file
        each time; but no longer than a day, for the file may be from a future that was a mistake.
        """
        if not self._settings.daily:
            return False
        return day < today or (day > today and now_s - self._opened_s > DAY_S)

    def _rotate(self, now_s: float) -> None:
        self._sync(now_s)
        if self._sheet:
            put_away(self._file)
            self._give_up()
            self._sheet = self._open()
            self._synced_size, self._opened_s = self._sheet.size, now_s
            self._archive.tidy()

    @property
    def _sync_due_s(self) -> float:
        # RowSink are written faster than the memory bears: then not every so many seconds.
        crowded = 2 * len(self._waiting) >= self._settings.buffer_rows
        return self._synced_s + (0.0 if crowded else self._settings.sync_s)

    def _sync(self, now_s: float) -> None:
        """Bring the rows to the disk and forget them; give up a file that is not there any more."""
        written, self._written = self._written, 0  # not to be trusted if the disk refuses
        self._sheet.sync()
        self._synced_s = now_s
        if self._sheet.deleted:
            self._give_up()
            return
        for _ in range(written):
            self._waiting.popleft()
        self._synced_size = self._sheet.size
        if not self._sheet.in_place:
            self._give_up()

    def _tidy(self, now_s: float) -> None:
        if not self._rotates or now_s < self._tidied_s + TIDY_S:
            return
        self._tidied_s = now_s
        # Where nobody comes for days, the last rows must grow old all the same.
        if self._sheet and self._sheet.day and self._is_over(self._sheet.day, self._today(), now_s):
            self._rotate(now_s)
        self._archive.tidy()

    def _give_up(self) -> None:
        if self._sheet:
            with contextlib.suppress(OSError):
                self._sheet.close()
            self._sheet = None

    def _fail(self, error: OSError, now_s: float) -> None:
        self._give_up()
        self._retry_s = now_s + RETRY_S
        if not self._fault:
            reason, mend = _explain(error)
            self._warn(
                f"cannot write the log {self._path}{reason}; up to {self._settings.buffer_rows} "
                f"rows wait in memory. {mend}"
            )
            if self._rotates:
                self._archive.tidy()  # may free the disk
        self._fault = error


def _mount_point(folder: Path) -> Path:
    while not folder.is_mount():
        folder = folder.parent
    return folder


def _explain(error: OSError | None) -> tuple[str, str]:
    """Return ": reason" and what mends it."""
    if error is None:
        return "", "Raise buffer_rows in [rotation]"
    return f": {error.strerror or error}", MENDS.get(error.errno, "Look at the disk with: dmesg")
