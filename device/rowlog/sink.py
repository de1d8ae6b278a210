"""Where a log's rows go: a file that is kept for months, or a stream such as /dev/stdout."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self

from ..errors import FacetError, UsageError
from ..log import log
from ..worker import Worker
from .disk_errors import reason
from .locked_file import FileLockedError
from .writer import RowWriter

if TYPE_CHECKING:
    from ..settings import RotationSettings

STDOUT = Path("-")
CLOSE_S = 15.0  # limit for the disk to take the last rows


class RowSink(Protocol):
    """Something that takes rows; a context manager."""

    @property
    def moved_to(self) -> Path | None:
        """Where a file with other columns was moved."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...

    def add(self, rows: Sequence[bytes]) -> None:
        """Take rows, each one line that begins with its timestamp."""


class StreamSink:
    """A pipe, a terminal or a device: without lock, repair and rotation.

    `add` waits for the reader, as with any pipe, and raises FacetError if it is gone.
    """

    moved_to = None

    def __init__(self, path: Path, header: bytes):
        self._path = path
        # A copy of stdout, not /dev/stdout: that would begin a file anew, at its start.
        self._file = FileIO(os.dup(1), "wb") if path == STDOUT else path.open("wb", buffering=0)
        try:
            self._write(header)
        except OSError:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.close()

    def add(self, rows: Sequence[bytes]) -> None:
        try:
            self._write(b"".join(rows))
        except OSError as error:
            raise FacetError(
                f"cannot write the log {self._path}: {reason(error)}", "keep its reader running"
            ) from error

    def _write(self, data: bytes) -> None:
        done = 0
        while done < len(data):
            done += self._file.write(memoryview(data)[done:])


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


def open_sink(path: Path, header: bytes, settings: RotationSettings, flag: str) -> RowSink:
    """Return a sink for the rows of `path`; makes its folder.

    header: the first line. flag: what named the path, for the hint of an error. A service, or a log
    that is rotated, waits for a disk that is full, read-only or absent, as it does later. Raises
    UsageError if the file cannot be written, or another process writes it.
    """
    wait = bool(settings.daily or settings.max_mb or os.environ.get("NOTIFY_SOCKET"))
    try:
        if path == STDOUT or (path.exists() and not path.is_file()):
            return StreamSink(path, header)
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
