"""The current file of a log: opened again after a fault, and followed by the next one when due."""

from __future__ import annotations

import contextlib
import errno
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..files import move_aside
from .clock import DAY_S, is_plausible, is_set, utc_now
from .csv_format import day_of
from .disk_errors import is_temporary
from .locked_file import LockedCsvFile
from .rotation import remove_duplicates, rotate

if TYPE_CHECKING:
    from ..settings import RotationSettings


class RotatingFile:
    """The current file, and the rule for when the next one begins.

    path: the file. `now_s`: s of a monotonic clock. wait: a disk that is full, read-only or absent
    at the start is no error; `ensure_open` then tries again. Every method raises OSError, `close`
    never.
    """

    def __init__(self, path: Path, header: bytes, settings: RotationSettings, wait: bool = False):
        # A symbolic link stays; the file it points to is rotated.
        self.path = Path(os.path.realpath(path))
        self.rotates = bool(settings.daily or settings.max_mb)
        self.moved_to: Path | None = None  # where a file with other columns is now
        self._header, self._settings = header, settings
        # When the file began; known from the first `ensure_open` on.
        self._begun_s = math.inf
        self._file: LockedCsvFile | None = None  # None until it was opened once
        try:
            self._open_first()
        except OSError as error:
            if not (wait and is_temporary(error)):
                raise

    @property
    def current(self) -> LockedCsvFile:
        assert self._file, "ensure_open comes first"
        return self._file

    @property
    def is_open(self) -> bool:
        return self._file is not None and not self._file.closed

    def ensure_open(self, now_s: float) -> bool:
        """Open the file if it is closed; return True if it was."""
        if self.is_open:
            self._begun_s = min(self._begun_s, now_s)
            return False
        if self._file is None:
            self._open_first()
        # Rows written below an empty mount point would be hidden once the disk is back.
        elif not self._mount.is_mount():
            raise OSError(errno.ENODEV, f"{self._mount} is not mounted")
        else:
            self._file = self._open()
        self._begun_s = min(self._begun_s, now_s)
        return True

    def close(self) -> None:
        if self._file:
            with contextlib.suppress(OSError):
                self._file.close()

    def rows_before_rotation(self, rows: Sequence[bytes], now_s: float) -> int:
        """Return how many of the rows belong in this file, before the next one begins."""
        day, size = self.current.day, self.current.size
        for index, row in enumerate(rows):
            is_full = 0 < self._settings.max_mb * 1e6 < size + len(row)
            if day and (is_full or self._is_over(day, day_of(row), now_s)):
                return index
            day, size = day or day_of(row), size + len(row)
        return len(rows)

    def is_over(self, today: str, now_s: float) -> bool:
        """Whether the file has rows, and `today` belongs in the next one."""
        return bool(self.current.day) and self._is_over(self.current.day, today, now_s)

    def begin_next(self, now_s: float) -> None:
        """Rename the file to its day and open the next one."""
        rotate(self.path)
        self.close()
        self._file, self._begun_s = self._open(), now_s

    def _is_over(self, day: str, today: str, now_s: float) -> bool:
        # Rows of an earlier day stay in the file, or a clock that jumps back and forth would make
        # many files; but for one day only: the file's own day may be a clock error.
        if not self._settings.daily:
            return False
        return day < today or (day > today and now_s - self._begun_s > DAY_S)

    def _open_first(self) -> None:
        """Open the file for the first time; make its folder."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._mount = _mount_point(self.path.parent)
        remove_duplicates(self.path)
        self._file = self._open()
        self.moved_to, day = self._file.moved_to, self._file.day
        now = utc_now()
        if day and is_set(now) and not is_plausible(day, now.date()):
            self._begun_s = -math.inf  # of a clock that was wrong: no row of today belongs there

    def _open(self) -> LockedCsvFile:
        return LockedCsvFile(self.path, self._header, rotate if self.rotates else move_aside)


def _mount_point(folder: Path) -> Path:
    while not folder.is_mount():
        folder = folder.parent
    return folder
