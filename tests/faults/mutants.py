"""Facet broken on purpose: each check of the suite must fail on the mutant that is made for it.

    python -m tests.faults --mutants

A mutant replaces one function of the product, in the process that is to survive the fault only.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

VARIABLE = "FACET_MUTANT"  # its name, in the environment of the processes of one fault
NOT_APPLIED = "this mutant no longer fits the product"
LATE_S = 2.0


@dataclass(frozen=True)
class Mutant:
    """One way to break Facet."""

    name: str
    fault: str  # whose check must fail
    trials: int
    breaks: str  # what it does, for people
    apply: Callable[[], None]


def apply_chosen() -> None:
    """Apply the mutant that the environment names, if any; SystemExit if it does not fit."""
    if name := os.environ.get(VARIABLE):
        (mutant,) = (one for one in MUTANTS if one.name == name)
        try:
            mutant.apply()
        except Exception as error:
            raise SystemExit(f"{NOT_APPLIED}: {error!r}") from error


def replace(owner: Any, name: str, new: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
    """Replace a function or method by `new` of it; AttributeError if there is none."""
    before = owner.__dict__[name] if isinstance(owner, type) else getattr(owner, name)
    setattr(owner, name, new(before))


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
    from device.outputs.visit_log import Visit

    def by_clock(before: Callable[..., Any]) -> Callable[..., Any]:
        def row(self: Any, *arguments: Any) -> bytes:
            first_seen = datetime.fromisoformat(self._first_seen.rstrip("?"))
            self.last_s = self._first_s + (self._last_seen - first_seen).total_seconds() + 60
            return before(self, *arguments)

        return row

    replace(Visit, "row", by_clock)


def deletes_by_any_clock() -> None:
    from device.rowlog.clock import ClockTrust, utc_now

    replace(ClockTrust, "today", lambda _: lambda self, first_rows: utc_now().date())


def unmarked_times() -> None:
    from device.rowlog import csv_format

    replace(csv_format, "is_uncertain", lambda _: lambda moment: False)


def marks_do_not_count() -> None:
    from device.rowlog import age

    replace(age, "_last_row", lambda _: lambda path: b"")


def no_waiting_start() -> None:
    from device.rowlog import rotating_file

    replace(rotating_file, "is_temporary", lambda _: lambda error: False)


def reloaded_model() -> None:
    from device.attributes.classifier import Classifier

    def remember(before: Callable[..., Any]) -> Callable[..., Any]:
        def __init__(self: Any, card_path: Path, *arguments: Any, **named: Any) -> None:
            before(self, card_path, *arguments, **named)
            self.path, self.changed = Path(card_path), Path(card_path).stat().st_ctime_ns

        return __init__

    def reload(before: Callable[..., Any]) -> Callable[..., Any]:
        def classify_face(self: Any, *arguments: Any) -> Any:
            if self.path.stat().st_ctime_ns != self.changed:
                with contextlib.suppress(Exception):  # half replaced: tried again
                    self.__dict__ |= Classifier(self.path).__dict__
            return before(self, *arguments)

        return classify_face

    replace(Classifier, "__init__", remember)
    replace(Classifier, "classify_face", reload)


def leaked_memory() -> None:
    from device.pipeline import Pipeline

    kept: list[bytes] = []

    def leak(before: Callable[..., Any]) -> Callable[..., Any]:
        def analyze(self: Any, frame: Any) -> Any:
            kept.append(os.urandom(4096))
            return before(self, frame)

        return analyze

    replace(Pipeline, "_analyze", leak)


def handle_a_frame() -> None:
    from device.pipeline import Pipeline

    opened = [0]

    def leak(before: Callable[..., Any]) -> Callable[..., Any]:
        def analyze(self: Any, frame: Any) -> Any:
            opened[0] += 1
            if opened[0] % 100 == 0:
                os.open(os.devnull, os.O_RDONLY)
            return before(self, frame)

        return analyze

    replace(Pipeline, "_analyze", leak)


def bare_value_error() -> None:
    from device import config

    replace(config, "UsageError", lambda _: ValueError)


def torn_line_kept() -> None:
    from device.rowlog import locked_file

    replace(
        locked_file, "last_complete_row", lambda _: lambda file: os.fstat(file.fileno()).st_size
    )


def unchecked_card() -> None:
    from device.attributes import model_card

    def unchecked(entry: dict[str, Any]) -> model_card.Attribute:
        calibration = entry["calibration"]
        return model_card.Attribute(
            str(entry["name"]),
            float(entry["threshold"]),
            float(calibration["slope"]),
            float(calibration["offset"]),
            float(entry["prevalence"]),
        )

    replace(model_card, "_attribute", lambda _: unchecked)


def bare_photo_error() -> None:
    from device.camera import image_io

    replace(image_io, "PhotoError", lambda _: RuntimeError)


def unbounded_templates() -> None:
    from device.recognition import store

    store.MAX_NUMBER = float("inf")


def no_trial() -> None:
    from device import model_trial
    from device.attributes import classifier

    replace(classifier, "require_loadable", lambda _: lambda *arguments: None)
    replace(model_trial, "require_loadable", lambda _: lambda *arguments: None)


MUTANTS = (
    Mutant("late-rows", "kill", 6, "rows reach the kernel 2 s late", late_rows),
    Mutant("torn-rows", "kill", 12, "a row is written in two parts, torn ones stay", torn_rows),
    Mutant("no-fsync", "power", 4, "no fsync", no_sync),
    Mutant("slow-stop", "sigterm", 2, "the log takes 2.5 s to close", slow_stop),
    Mutant("unflushed-end", "sigterm", 4, "the last rows are not written", unflushed_end),
    Mutant("leaked-handles", "unplugged", 2, "a handle stays open each time", leaked_handles),
    Mutant("blind-watchdog", "frozen", 2, "signs of life without frames", blind_watchdog),
    Mutant("endless-patience", "silent", 1, "a silent camera is waited for", endless_patience),
    Mutant("unwatched-helper", "helper", 2, "nobody watches the recognition", unwatched_helper),
    Mutant("helper-once", "helper", 1, "a recognition process is not replaced", helper_once),
    Mutant("swallowed-fault", "full", 2, "errors of the disk are swallowed", swallowed_fault),
    Mutant("old-folder", "folder", 2, "a renamed file is written on", blind_to_a_new_folder),
    Mutant("many-files", "clock", 8, "a file for each change", a_file_for_each_change_of_day),
    Mutant("dwell", "clock", 3, "visits are measured by the clock", dwell_by_the_clock),
    Mutant("hasty-age", "jump", 1, "any clock decides what is old", deletes_by_any_clock),
    Mutant("unmarked", "late", 1, "no time carries a mark", unmarked_times),
    Mutant("hasty-mark", "late", 1, "the day of marked rows counts", marks_do_not_count),
    Mutant("hasty-start", "start", 1, "a full disk ends the start", no_waiting_start),
    Mutant("reloaded-model", "model", 1, "a replaced model is loaded at once", reloaded_model),
    Mutant("leaked-memory", "frames", 8000, "4 kB of each frame are kept", leaked_memory),
    Mutant("leaked-files", "frames", 8000, "a handle every 100 frames", handle_a_frame),
    Mutant("bare-error", "settings", 100, "another error than Facet's", bare_value_error),
    Mutant("torn-kept", "csv", 400, "a torn line stays at the start", torn_line_kept),
    Mutant("any-card", "cards", 400, "a card's numbers are not checked", unchecked_card),
    Mutant("bare-photo-error", "pictures", 100, "another error than Facet's", bare_photo_error),
    Mutant(
        "any-template", "people", 400, "a template's numbers are not checked", unbounded_templates
    ),
    Mutant("no-trial", "networks", 4, "an unknown model is loaded at once", no_trial),
)
