"""Rows in memory until they are on the disk, and how many of them the file already has."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from .locked_file import LockedCsvFile


@dataclass(frozen=True, slots=True)
class RowCounts:
    """What became of a log's rows so far."""

    written: int
    """On the disk, or taken by a pipe's reader; it never falls."""
    lost: int
    """Dropped before they were written; it never falls."""
    waiting: int
    """In memory, because they may not be on the disk yet."""


class RowBuffer:
    """At most `capacity` rows that may not be on the disk yet; beyond that the oldest are dropped.

        add --> collect --> unwritten --> mark_written --> mark_synced (forgotten)

    `add` may be called from any thread and never waits for the disk; all else from one thread.
    """

    def __init__(self, capacity: int):
        self.capacity = capacity
        self.lost = 0  # rows that were dropped before they were written
        self.synced = 0  # rows that were on the disk when they left the memory
        self.written = 0  # how many of the oldest rows are in the file, not yet synced
        self._added: deque[bytes] = deque()  # guarded by the lock
        self._lock = threading.Lock()
        self._rows: deque[bytes] = deque()  # oldest first
        self._offset = 0  # byte of the file at which the oldest row begins, or will begin

    def add(self, rows: Sequence[bytes]) -> None:
        """Take rows, each one line."""
        with self._lock:
            self._added.extend(rows)
            while len(self._added) > self.capacity:  # the disk hangs, so none are collected
                self._added.popleft()
                self.lost += 1

    def collect(self) -> None:
        """Take over the rows that were added."""
        with self._lock:
            self._rows.extend(self._added)
            self._added.clear()
            while len(self._rows) > self.capacity:
                self._drop_oldest()

    def __len__(self) -> int:
        """Rows that were collected and may not be on the disk yet."""
        return len(self._rows)

    @property
    def counts(self) -> RowCounts:
        """What became of the rows; for any thread."""
        with self._lock:  # between the two queues, a row would be counted twice
            return RowCounts(self.synced, self.lost, len(self._added) + len(self._rows))

    @property
    def missing(self) -> int:
        """Rows that are in no file: dropped, or still unwritten."""
        return self.lost + len(self._rows) - self.written

    def unwritten(self) -> list[bytes]:
        """Return the rows to write next, oldest first."""
        return list(islice(self._rows, self.written, None))

    def mark_written(self, count: int) -> None:
        """Note that `count` more rows are in the file."""
        self.written += count

    def forget_written(self) -> int:
        """Note that no row is known to be in the file; return how many were."""
        count, self.written = self.written, 0
        return count

    def mark_synced(self, count: int, size: int) -> None:
        """Forget the oldest `count` rows: they are on the disk, in a file of `size` bytes."""
        for _ in range(count):
            self._rows.popleft()
        self.synced += count
        self._offset = size

    def resume(self, file: LockedCsvFile) -> None:
        """Go on in a file just opened; rows that it already has are not written again."""
        rows = b"".join(self._rows)
        present = file.read(self._offset, len(rows) + 1)
        if present and rows.startswith(present):
            self.written = present.count(b"\n")
        else:
            self.written, self._offset = 0, file.size

    def _drop_oldest(self) -> None:
        row = self._rows.popleft()
        if self.written:
            self.written -= 1
            self.synced += 1
            self._offset += len(row)
        else:
            self.lost += 1
