"""Facet with broken logs, clocks and processes. Each function breaks this process."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from tests.faults.mutant import replace

LATE_S = 2.0


def late_rows() -> None:
    from device.rowlog.writer import RowWriter

    flushed_s = [time.monotonic()]

    def late(before: Callable[..., Any]) -> Callable[..., Any]:
        def flush_due(self: RowWriter, now_s: float) -> float:
            if now_s < flushed_s[0] + LATE_S:
                return flushed_s[0] + LATE_S
            flushed_s[0] = now_s
            return before(self, now_s)

        return flush_due

    replace(RowWriter, "flush_due", late)


def torn_rows() -> None:
    from device.rowlog import locked_file

    def torn(before: Callable[..., Any]) -> Callable[..., Any]:
        def append(self: Any, rows: list[bytes]) -> int:
            data = b"".join(rows)
            os.write(self._file.fileno(), data[: len(data) - 5])
            time.sleep(0.05)
            os.write(self._file.fileno(), data[len(data) - 5 :])
            self.day = self.day or "2026-01-01"
            return len(rows)

        return append

    replace(locked_file.LockedCsvFile, "append", torn)
    replace(
        locked_file, "last_complete_row", lambda _: lambda file: os.fstat(file.fileno()).st_size
    )


def no_sync() -> None:
    from device.rowlog.locked_file import LockedCsvFile

    replace(LockedCsvFile, "sync", lambda _: lambda self: None)


def slow_stop() -> None:
    from device.rowlog.sink import FileSink

    def slow(before: Callable[..., Any]) -> Callable[..., Any]:
        def leave(self: FileSink, *exc: object) -> None:
            time.sleep(2.5)
            before(self, *exc)

        return leave

    replace(FileSink, "__exit__", slow)


def unflushed_end() -> None:
    from device.rowlog.writer import RowWriter

    late_rows()
    replace(RowWriter, "flush", lambda _: lambda self: None)


def leaked_handles() -> None:
    from device.camera.usb import UsbCamera

    def leak(before: Callable[..., Any]) -> Callable[..., Any]:
        def close(self: Any) -> None:
            os.open(os.devnull, os.O_RDONLY)
            before(self)

        return close

    replace(UsbCamera, "close", leak)


def blind_watchdog() -> None:
    from device.outputs.systemd import SystemdNotifier

    def blind(before: Callable[..., Any]) -> Callable[..., Any]:
        def watch(self: Any, worker: Any) -> None:
            while not worker.stopping.wait(self._every_s):
                self._notify("WATCHDOG=1")

        return watch

    replace(SystemdNotifier, "_watch", blind)


def endless_patience() -> None:
    from device.camera.newest_frame import NewestFrameReader

    def patient(before: Callable[..., Any]) -> Callable[..., Any]:
        def __init__(self: Any, *arguments: Any, **named: Any) -> None:
            before(self, *arguments, **named | {"frame_timeout_s": 1e9})

        return __init__

    replace(NewestFrameReader, "__init__", patient)


def unwatched_helper() -> None:
    from device.recognition.embedding_process import EmbeddingProcess

    replace(EmbeddingProcess, "_watch", lambda _: lambda self: None)


def helper_once() -> None:
    from device.recognition.restarts import RestartedProcess

    replace(RestartedProcess, "_watch", lambda _: lambda self: self._process.check())


def swallowed_fault() -> None:
    from device.rowlog.locked_file import LockedCsvFile

    def swallow(before: Callable[..., Any]) -> Callable[..., Any]:
        def append(self: Any, rows: list[bytes]) -> int:
            with contextlib.suppress(OSError):
                before(self, rows)
            return len(rows)

        return append

    replace(LockedCsvFile, "append", swallow)


def blind_to_a_new_folder() -> None:
    from device.rowlog.locked_file import LockedCsvFile

    LockedCsvFile.is_current = property(lambda self: True)  # type: ignore[assignment]
    LockedCsvFile.deleted = property(lambda self: False)  # type: ignore[assignment]


def a_file_for_each_change_of_day() -> None:
    from device.rowlog.rotating_file import RotatingFile

    replace(RotatingFile, "_is_over", lambda _: lambda self, day, today, now_s: day != today)


def dwell_by_the_clock() -> None:
    from device.outputs.visits import OpenVisit

    def by_clock(before: Callable[..., Any]) -> Callable[..., Any]:
        def end(self: Any, *arguments: Any) -> Any:
            first_seen = datetime.fromisoformat(self._first_seen.rstrip("?"))
            self.last_s = self._first_s + (self._last_seen - first_seen).total_seconds() + 60
            return before(self, *arguments)

        return end

    replace(OpenVisit, "end", by_clock)


def deletes_by_any_clock() -> None:
    from device.rowlog.clock import ClockTrust, utc_now

    replace(ClockTrust, "today", lambda _: lambda self, first_rows: utc_now().date())


def unmarked_times() -> None:
    from device.rowlog import csv_format

    replace(csv_format, "is_uncertain", lambda _: lambda moment: False)


def marks_do_not_count() -> None:
    from device.rowlog import age

    replace(age, "last_row", lambda _: lambda path: b"")


def no_waiting_start() -> None:
    from device.rowlog import rotating_file

    replace(rotating_file, "is_temporary", lambda _: lambda error: False)
