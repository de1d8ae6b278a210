"""Where a log's rows go: a file that is kept for months, or a stream such as /dev/stdout."""

import threading
import time
from collections.abc import Sequence
from io import FileIO
from pathlib import Path
from typing import Protocol

from ..errors import FacetError, UsageError
from ..log import log
from ..settings import RotationSettings
from .locked_file import Busy
from .writer import RowWriter

CLOSE_S = 15.0  # a disk that takes longer for its last rows is taken for broken


class RowSink(Protocol):
    """What a log asks of the place where its rows go; a context manager."""

    moved_to: Path | None  # where a file with other columns was moved

    def __enter__(self): ...
    def __exit__(self, *exc): ...

    def add(self, rows: Sequence[bytes]) -> None:
        """Take rows, each a line that begins with its timestamp."""


class StreamSink:
    """A pipe, a terminal or a device: nothing to lock, to repair or to rotate.

    Its reader sets the pace, and rows wait for it as in any pipe.
    """

    moved_to = None

    def __init__(self, path: Path, header: bytes):
        self._path = path
        self._file: FileIO = path.open("wb", buffering=0)
        try:
            self._put(header)
        except OSError:
            self._file.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._file.close()

    def add(self, rows: Sequence[bytes]) -> None:
        try:
            self._put(b"".join(rows))
        except OSError as error:
            reason = error.strerror or error
            raise FacetError(
                f"cannot write the log {self._path}: {reason}", "Keep its reader running"
            ) from error

    def _put(self, data: bytes) -> None:
        done = 0
        while done < len(data):
            done += self._file.write(memoryview(data)[done:])


class FileSink:
    """A file, written in a thread of its own: fsync takes a card seconds, which no frame waits for.

    Leaving it raises FacetError where rows were lost.
    """

    def __init__(self, appender: RowWriter):
        self.moved_to = appender.moved_to
        self._appender = appender
        self._wake, self._stop = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="write the log", daemon=True)
        self._broken: Exception | None = None  # a fault of ours that ended the thread

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._stop.set()
        self._wake.set()
        self._thread.join(CLOSE_S)
        try:
            if self._thread.is_alive():
                raise FacetError("the disk of the log does not answer", "Look at it with: dmesg")
            self._appender.close()
        except FacetError as error:
            if exc[0] is None:
                raise
            log.info(str(error))  # beside what ended the run, not in its place

    def add(self, rows: Sequence[bytes]) -> None:
        if self._broken:
            raise self._broken
        self._appender.add(rows)
        self._wake.set()

    def _run(self) -> None:
        due_s = 0.0
        while not self._stop.is_set():
            self._wake.wait(max(0.0, due_s - time.monotonic()))
            self._wake.clear()
            try:
                due_s = self._appender.work(time.monotonic())
            except Exception as error:
                self._broken = error
                return


def open_sink(path: Path, header: bytes, settings: RotationSettings, flag: str) -> RowSink:
    """Return the place for the rows of the file that `flag` named, its folder made where missing.

    header: the first line. Raises UsageError where it cannot be written, or another process does.
    """
    try:
        if path.exists() and not path.is_file():
            return StreamSink(path, header)
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileSink(RowWriter(path, header, settings))
    except Busy as error:
        raise UsageError(
            f"cannot write the log {path}: {error.strerror}",
            f"Stop that one, or name another file with {flag}",
        ) from error
    except OSError as error:
        raise UsageError(
            f"cannot write the log {path}: {error.strerror or error}",
            f"Name a file in a folder that you may write to with {flag}",
        ) from error
