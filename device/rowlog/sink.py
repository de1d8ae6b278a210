"""Where a log's rows go: a file that is kept for months, or a stream such as /dev/stdout."""

from __future__ import annotations

import errno
import os
import select
import threading
import time
from collections.abc import Callable, Sequence
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from ..errors import FacetError, Stopped, UsageError
from ..log import log
from ..worker import Worker
from .buffer import RowCounts
from .disk_errors import reason
from .locked_file import FileLockedError
from .writer import RowWriter

if TYPE_CHECKING:
    from ..settings import RotationSettings

STDOUT = Path("-")
POLL_S = 0.1  # between two checks whether a pipe's reader takes rows
LAST_S = 1.0  # limit for it to take the next rows after a stop
CLOSE_S = 15.0  # limit for the disk to take the last rows


class RowSink(Protocol):
    """Something that takes rows; a context manager."""

    @property
    def moved_to(self) -> Path | None:
        """Where a file with other columns was moved."""

    @property
    def counts(self) -> RowCounts:
        """What became of the rows so far; for any thread."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...

    def add(self, rows: Sequence[bytes]) -> None:
        """Take rows, each one line that begins with its timestamp."""


class StreamSink:
    """A pipe, a terminal or a device: without lock, repair and rotation.

    `add` waits for the reader, as with any pipe, and raises FacetError if it is gone, or takes
    nothing after `stopping`. Making it waits for a pipe's reader, and raises Stopped.
    """

    moved_to = None

    def __init__(self, path: Path, header: bytes, stopping: Callable[[], bool] = lambda: False):
        self._path, self._stopping = path, stopping
        self._count = 0
        # A copy of stdout, not /dev/stdout: that would begin a file anew, at its start.
        self._file = FileIO(os.dup(1) if path == STDOUT else _open(path, stopping), "wb")
        self._poll = select.poll()
        self._poll.register(self._file, select.POLLOUT)
        try:
            self._write(header)
        except OSError:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()

    @property
    def counts(self) -> RowCounts:
        return RowCounts(self._count, 0, 0)

    def add(self, rows: Sequence[bytes]) -> None:
        try:
            self._write(b"".join(rows))
            self._count += len(rows)
        except OSError as error:
            raise FacetError(
                f"cannot write the log {self._path}: {reason(error)}", "keep its reader running"
            ) from error

    def _write(self, data: bytes) -> None:
        done = 0
        while done < len(data):
            # A pipe that has room takes so much at once: no write waits, which no stop could end.
            if self._has_room():
                done += self._file.write(memoryview(data)[done : done + select.PIPE_BUF]) or 0
            elif self._stopping() and not self._has_room(LAST_S):
                raise OSError(errno.EAGAIN, "its reader takes no rows")

    def _has_room(self, within_s: float = POLL_S) -> bool:
        return bool(self._poll.poll(1000 * within_s))


def _open(path: Path, stopping: Callable[[], bool]) -> int:
    """Return a descriptor of a pipe, once it has a reader, or of a device."""
    waits = False
    while True:
        try:
            return os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:
            if error.errno != errno.ENXIO or not path.is_fifo():
                raise
        if not waits:
            log.info("waiting for a reader of %s", path)
        waits = True
        if stopping():
            raise Stopped(f"stopped before {path} had a reader")
        time.sleep(POLL_S)


class FileSink:
    """A file, written in a thread: no frame waits for an fsync, which takes an SD card seconds.

    `add` raises what ended the thread. Leaving raises it too if `add` did not, and FacetError if
    rows were lost or the disk does not answer within `close_s` seconds.
    """

    def __init__(self, writer: RowWriter, close_s: float = CLOSE_S):
        self.moved_to = writer.moved_to
        self._writer = writer
        self._wake = threading.Event()
        self._worker = Worker(
            f"the writer of {writer.file.path}", self._run, close_s, self._wake.set
        )

    def __enter__(self) -> Self:
        self._worker.start()
        return self

    def __exit__(self, *exc: object) -> None:
        fault: Exception | None = None
        for close in (self._worker.stop, self._close_writer):
            try:
                close()
            except Exception as error:
                if exc[0] is None and fault is None:
                    fault = error
                else:
                    log.warning("%s", error)  # beside what ended the run, not in its place
        if fault:
            raise fault

    @property
    def counts(self) -> RowCounts:
        return self._writer.counts

    def add(self, rows: Sequence[bytes]) -> None:
        self._worker.check()
        self._writer.add(rows)
        self._wake.set()

    def _close_writer(self) -> None:
        if not self._worker.running:  # else the disk hangs, and only one thread may write
            self._writer.close()

    def _run(self, worker: Worker) -> None:
        due_s = 0.0
        while not worker.stopping.is_set():
            self._wake.wait(max(0.0, due_s - time.monotonic()))
            self._wake.clear()
            due_s = self._writer.flush_due(time.monotonic())
        # Here, within the limit of the join: a disk that hangs must not hang the exit.
        self._writer.flush()


def open_sink(
    path: Path,
    header: bytes,
    settings: RotationSettings,
    flag: str,
    stopping: Callable[[], bool] = lambda: False,
) -> RowSink:
    """Return a sink for the rows of `path`; makes its folder.

    header: the first line. flag: what named the path, for the hint of an error. A service, or a log
    that is rotated, waits for a disk that is full, read-only or absent, as it does later. A pipe
    waits for its reader until `stopping`. Raises UsageError if the file cannot be written, or
    another process writes it.
    """
    wait = bool(settings.daily or settings.max_mb or os.environ.get("NOTIFY_SOCKET"))
    try:
        if path == STDOUT or (path.exists() and not path.is_file()):
            return StreamSink(path, header, stopping)
        return FileSink(RowWriter(path, header, settings, wait=wait))
    except OSError as error:
        if path == STDOUT:
            raise FacetError(
                f"cannot write the log to stdout: {reason(error)}", f"{flag} FILE.csv"
            ) from error
        hint = f"{flag} FILE.csv in a folder that you may write to"
        if isinstance(error, FileLockedError):
            hint = f"stop that process, or {flag} with another file"
        raise UsageError(f"cannot write the log {path}: {reason(error)}", hint) from error
