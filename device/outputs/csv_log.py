"""Log faces to a CSV file: text only, a row per face every so many seconds."""

import contextlib
import csv
import os
from collections.abc import Sequence
from datetime import UTC
from pathlib import Path
from typing import TextIO

from device.errors import FacetError, UsageError
from device.outputs import Result, move_aside
from device.types import Frame, Track

FIXED = ("time", "source", "frame", "track", "x", "y", "width", "height", "score", "state")


class CsvLog:
    """Rows `time,source,frame,track,x,y,width,height,score,state,<attributes>`.

    every_s: s between two rows of one track; 0 = every frame. Appends to a file with the same
    columns; one with others is moved aside first, and a line torn by a power cut is cut off.
    Raises UsageError if the file cannot be opened, FacetError if it cannot be written later.
    """

    def __init__(self, path: Path, names: Sequence[str], columns: Sequence[int], every_s: float):
        self.path, self._columns, self._every_s = path, list(columns), every_s
        self._last: dict[int, float] = {}  # per track, when its last row was written
        header = [*FIXED, *names]
        self._file: TextIO | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.moved_to = _make_room(path, header)
            # A file's name in another encoding than UTF-8 must not stop the log.
            self._file = path.open("a", newline="", encoding="utf-8", errors="backslashreplace")
            self._writer = csv.writer(self._file, lineterminator="\n")
            # /dev/stdout and pipes have no place to tell.
            if not self._file.seekable() or self._file.tell() == 0:
                self._writer.writerow(header)
                self._file.flush()
        except OSError as error:
            self._abandon()
            raise UsageError(
                f"cannot write the log {path}: {error.strerror or error}",
                "Name a file in a folder that you may write to with --log",
            ) from error

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        try:
            self._file.close()
        except OSError as error:
            raise self._lost(error) from error

    def write(self, result: Result) -> bool:
        rows = [
            self._row(result.frame, track)
            for track in result.tracks
            if self._due(track.id, result.frame.at_s)
        ]
        if rows:
            try:
                self._writer.writerows(rows)
                self._file.flush()
            except OSError as error:
                raise self._lost(error) from error
        return True

    def _abandon(self) -> None:
        """Close without a second complaint: what is still buffered cannot be written either."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()

    def _lost(self, error: OSError) -> FacetError:
        self._abandon()
        reason = error.strerror or error
        return FacetError(f"cannot write the log {self.path}: {reason}", "Free the disk")

    def _due(self, track: int, now_s: float) -> bool:
        last_s = self._last.get(track)
        if last_s is not None and now_s - last_s < self._every_s:
            return False
        self._last[track] = now_s
        return True

    def _row(self, frame: Frame, track: Track) -> list[str]:
        time = frame.time.astimezone(UTC).isoformat(timespec="milliseconds")
        numbers = [""] * len(self._columns)
        if track.probabilities is not None:
            numbers = [f"{track.probabilities[column]:.3f}" for column in self._columns]
        return [
            time.replace("+00:00", "Z"),
            frame.source,
            str(frame.index),
            str(track.id),
            *(f"{side:.0f}" for side in track.face.box),
            f"{track.face.score:.3f}",
            track.state,
            *numbers,
        ]


def _make_room(path: Path, header: list[str]) -> Path | None:
    """Prepare an existing log for appending; return where it was moved if its columns differ."""
    if not path.is_file() or path.stat().st_size == 0:
        return None
    with path.open(newline="", encoding="utf-8", errors="replace") as file:
        try:
            found = next(csv.reader(file), [])
        except csv.Error:  # no log of ours
            found = []
    if found != header:
        return move_aside(path)
    _cut_torn_line(path)
    return None


def _cut_torn_line(path: Path) -> None:
    with path.open("rb+") as file:
        end = file.seek(0, os.SEEK_END)
        start = max(0, end - 65536)
        file.seek(start)
        tail = file.read()
        if not tail.endswith(b"\n"):
            file.truncate(start + tail.rfind(b"\n") + 1)
