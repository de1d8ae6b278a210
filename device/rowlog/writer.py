"""When rows are written, synced and retried, through disks that are full or absent.

    add(rows) --> memory -- flush_due() --> file -- fsync --> disk

A row leaves the memory when it is on the disk. Until then it can be written again: to the same file
when the disk has room, to a new one if the first was deleted.
"""

from __future__ import annotations

import errno
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FacetError
from ..log import log
from .buffer import RowBuffer, RowCounts
from .clock import utc_day
from .disk_errors import hint, reason
from .rotating_file import RotatingFile
from .rotation import Retention

if TYPE_CHECKING:
    from ..settings import RotationSettings

RETRY_S = 1.0  # between attempts to write to a disk that refused
RETENTION_S = 3600.0  # between passes over the older files


class RowWriter:
    """Appends rows to one file; rows that the disk refuses wait in a bounded memory.

    `add` may be called from any thread and never waits for the disk; all else from one thread.
    path: the file; its folder is made. header: its first line. warn: called with one line when rows
    begin to wait and when they are written again. today: returns the UTC date as 2026-11-22. wait:
    rows also wait for a disk that is full, read-only or absent at the start. Raises OSError if the
    file cannot be opened.
    """

    def __init__(
        self,
        path: Path,
        header: bytes,
        settings: RotationSettings,
        warn: Callable[[str], None] = log.warning,
        today: Callable[[], str] = utc_day,
        wait: bool = False,
    ):
        self._path, self._sync_s, self._warn, self._today = path, settings.sync_s, warn, today
        self.file = RotatingFile(path, header, settings, wait)
        self.retention = Retention(self.file.path, settings, warn)
        self._buffer = RowBuffer(settings.buffer_rows)
        if self.file.is_open:
            self._buffer.resume(self.file.current)
        self._fault: OSError | None = None  # why the disk refuses at present
        self._retry_s = self._synced_s = self._retention_s = -math.inf  # no attempt yet

    @property
    def moved_to(self) -> Path | None:
        """Where a file with other columns was moved at the start."""
        return self.file.moved_to

    @property
    def counts(self) -> RowCounts:
        """What became of the rows so far; for any thread."""
        return self._buffer.counts

    def add(self, rows: Sequence[bytes]) -> None:
        """Take rows, each one line that begins with its timestamp."""
        self._buffer.add(rows)

    def flush_due(self, now_s: float) -> float:
        """Do what is due at `now_s`, s of a monotonic clock; return when to call again.

        Raises no OSError: a disk that refuses is reported by `warn` and tried again. Raises what
        ended the retention thread.
        """
        self._buffer.collect()
        if now_s < self._retry_s:
            return self._retry_s
        try:
            self._flush(now_s)
        except OSError as error:
            self._fail(error, now_s)
            return self._retry_s
        self._report_recovery()
        if not self.file.is_open:  # it was renamed or deleted: open a new one at once
            return now_s
        return self._sync_due_s if len(self._buffer) else now_s + RETENTION_S

    def flush(self) -> None:
        """Write and sync every row now; those that the disk refuses stay in memory."""
        self._retry_s = self._synced_s = -math.inf
        self._retention_s = now_s = time.monotonic()
        for _ in range(2):  # the second for a file that the first found deleted
            self.flush_due(now_s)

    def close(self) -> None:
        """Write every row and close the file; raise FacetError if rows were lost, now or before."""
        try:
            self.flush()
        finally:
            self.file.close()
            self.retention.close()
        if self._buffer.missing:
            lost = _lost(self._buffer.missing, f" of the log {self._path}")
            if self._fault:
                raise FacetError(f"{lost}: {reason(self._fault)}", hint(self._fault))
            raise FacetError(lost, "raise buffer_rows in [rotation]")

    def _flush(self, now_s: float) -> None:
        if self.file.ensure_open(now_s):
            self._buffer.resume(self.file.current)
        self._write(now_s)
        if self._buffer.written and (self._fault or now_s >= self._sync_due_s):
            self._sync(now_s)
        self._apply_retention(now_s)

    def _write(self, now_s: float) -> None:
        """Pass every row in memory to the kernel.

        At once, not every few seconds: readers of the file see the row, it survives this process,
        and it does not wear the SD card, because Linux keeps written data in memory for up to 30 s.
        Only fsync wears the card, and it may take seconds.
        """
        while self.file.is_open and (rows := self._buffer.unwritten()):
            count = self.file.rows_before_rotation(rows, now_s)
            if count:
                self._append(rows[:count], now_s)
            else:
                self._rotate(now_s)

    def _append(self, rows: Sequence[bytes], now_s: float) -> None:
        try:
            self._buffer.mark_written(self.file.current.append(rows))
        except OSError as error:
            # The limit of one file (RLIMIT_FSIZE, FAT's 4 GB): the disk may have room for another.
            if error.errno != errno.EFBIG or not self.file.current.day:
                raise
            self._warn(f"the log {self._path} is as large as a file may be; it goes on in another")
            self._rotate(now_s)

    def _rotate(self, now_s: float) -> None:
        self._sync(now_s)
        if self.file.is_open:
            self.file.begin_next(now_s)
            self._buffer.resume(self.file.current)
            if self.file.rotates:
                self.retention.start()

    @property
    def _sync_due_s(self) -> float:
        # A memory that is half full must be emptied before the interval is over.
        half_full = 2 * len(self._buffer) >= self._buffer.capacity
        return self._synced_s + (0.0 if half_full else self._sync_s)

    def _sync(self, now_s: float) -> None:
        """Bring the rows to the disk and forget them; close a file that was renamed or deleted."""
        written = self._buffer.forget_written()  # if fsync fails, none can be relied on
        self.file.current.sync()
        self._synced_s = now_s
        if self.file.current.deleted:
            self.file.close()
            return
        self._buffer.mark_synced(written, self.file.current.size)
        if not self.file.current.is_current:
            self.file.close()

    def _apply_retention(self, now_s: float) -> None:
        self.retention.check()
        if not self.file.rotates or now_s < self._retention_s + RETENTION_S:
            return
        self._retention_s = now_s
        # A file must become an older one at the end of its day even if no further row comes.
        if self.file.is_open and self.file.is_over(self._today(), now_s):
            self._rotate(now_s)
        self.retention.start()

    def _fail(self, error: OSError, now_s: float) -> None:
        self.file.close()
        self._retry_s = now_s + RETRY_S
        if not self._fault:
            message = (
                f"cannot write the log {self._path}: {reason(error)}; "
                f"up to {self._buffer.capacity} rows wait in memory"
            )
            self._warn(str(FacetError(message, hint(error))))
            if self.file.rotates and self.file.path.parent.is_dir():
                self.retention.start()  # may free the disk
        self._fault = error

    def _report_recovery(self) -> None:
        if self._fault and self.file.is_open and not len(self._buffer):
            lost = f"; {_lost(self._buffer.lost)}" if self._buffer.lost else ""
            self._warn(f"writing the log {self._path} again{lost}")
            self._fault = None


def _lost(count: int, source: str = "") -> str:
    return f"1 row{source} was lost" if count == 1 else f"{count} rows{source} were lost"
