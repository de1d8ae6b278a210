"""A table with a row per face of many photos, written as a CSV that grows and can be continued.

Rows are appended to FILE.KEY.partial, which takes the table's name when it is finished. KEY says
what the rows were made with, so rows of another model are not mixed in.
"""

import contextlib
import csv
import fcntl
import gzip
import hashlib
import os
import secrets
import shlex
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from device.errors import FacetError, UsageError, os_reason
from device.rowlog.csv_format import line, unescaped
from device.text import counted
from device.types import NO_FACE, OK, UNREADABLE, Face

FIXED = ("image_id", "face", "state", "x", "y", "width", "height", "score")
STATE = FIXED.index("state")
LABEL = "label_"  # before an attribute's name: the column of its label
GZIP_LEVEL = 6


def table_columns(names: Sequence[str], labels: bool = False) -> list[str]:
    """Return the columns of the table; labels: with a column of 0 and 1 per attribute."""
    return [*FIXED, *names, *(LABEL + name for name in names if labels)]


def face_rows(
    photo: str, faces: Sequence[Face], names: Sequence[str], thresholds: np.ndarray | None = None
) -> list[list[str]]:
    """Return the cells of a photo's faces; one row with the state "no face" if it has none.

    thresholds: float32 (attributes,), for the columns of labels; None leaves them out.
    """
    columns = len(names) * (1 if thresholds is None else 2)
    rows = [[photo, "0", NO_FACE, *[""] * (5 + columns)]]
    if faces:
        rows = [_face_row(photo, face, columns, thresholds) for face in faces]
    return rows


def _face_row(photo: str, face: Face, columns: int, thresholds: np.ndarray | None) -> list[str]:
    box = [f"{side:.0f}" for side in face.box]
    cells = [photo, str(face.id), face.state, *box, f"{face.score:.3f}"]
    values = face.probabilities.array
    if values is None:
        return [*cells, *[""] * columns]
    cells += [f"{value:.6f}" for value in values]
    return cells if thresholds is None else cells + [f"{yes:d}" for yes in values >= thresholds]


def unreadable_row(photo: str, columns: int) -> list[str]:
    """Return the cells of a photo that cannot be read, of a table with that many columns."""
    return [photo, "0", UNREADABLE, *[""] * (columns - STATE - 1)]


class PhotoTable:
    """The unfinished table of `path`: continued if it was begun with the same `key`, else new.

    key: of what the rows are made with. The rows of the photo that was written last are dropped:
    some may be missing. Raises UsageError if the table cannot be written, if another process writes
    it, or if one of another key is unfinished.
    """

    def __init__(self, path: Path, columns: Sequence[str], key: object):
        self.path, self.columns = path, columns
        digest = hashlib.sha256(repr((key, columns)).encode()).hexdigest()[:8]
        self.partial = path.with_name(f"{path.name}.{digest}.partial")
        self.done: set[str] = set()  # photos with rows
        self.states: Counter[str] = Counter()  # of the rows
        self._refuse_others()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.ExitStack() as stack:
                self._file = stack.enter_context(self.partial.open("a+b"))
                self._lock()
                self._continue()
                stack.pop_all()
        except OSError as error:
            raise UsageError(
                f"cannot write {self.partial}: {os_reason(error)}", "--out in a writable folder"
            ) from error

    def __enter__(self) -> "PhotoTable":
        return self

    def __exit__(self, *exc: object) -> None:
        with contextlib.suppress(OSError):  # a full disk was reported by `add` or `finish`
            self._file.close()

    @property
    def faces(self) -> int:
        """The number of rows that are faces."""
        return self.states.total() - self.states[NO_FACE] - self.states[UNREADABLE]

    def add(self, rows: Sequence[Sequence[str]]) -> None:
        """Append all rows of a photo; FacetError if they cannot be written."""
        try:
            self._file.write(b"".join(map(line, rows)))
            self._file.flush()
        except OSError as error:
            raise self._fault(error) from error
        self._count(rows)

    def finish(self) -> None:
        """Give the table its name, compressed if it ends in .gz; FacetError if that fails."""
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
            if self.path.suffix == ".gz":
                self._compress()
                self.partial.unlink()
            else:
                os.replace(self.partial, self.path)
        except OSError as error:
            raise self._fault(error) from error

    def summary(self) -> str:
        """Return how many photos and faces the table has, as text."""
        parts = [
            f"{counted(len(self.done), 'photo')}: {counted(self.faces, 'face')}, "
            f"{self.states[OK]:,} classified"
        ]
        for state, words in ((NO_FACE, "without a face"), (UNREADABLE, "not readable")):
            if self.states[state]:
                parts.append(f"{counted(self.states[state], 'photo')} {words}")
        return "; ".join(parts)

    def _count(self, rows: Sequence[Sequence[str]]) -> None:
        self.done.update(row[0] for row in rows)
        self.states.update(row[STATE] for row in rows)

    def _refuse_others(self) -> None:
        for other in sorted(self.path.parent.glob("*.partial")):
            if other.name[: -len(".00000000.partial")] == self.path.name and other != self.partial:
                raise UsageError(
                    f"{other} is an unfinished table of another model, folder or other settings",
                    f"rm {shlex.quote(str(other))}, or another --out",
                )

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(
                f"another process writes {self.partial}", "wait for it, or another --out"
            ) from None

    def _continue(self) -> None:
        """Count the rows that are there, and cut off those that may be incomplete."""
        header, end = line(self.columns), 0
        last: list[list[str]] = []
        self._file.seek(0)
        if self._file.readline() == header:
            end = begin = len(header)
            for text in self._file:
                if not text.endswith(b"\n") or b"\0" in text:  # torn by a power cut
                    break
                ((name, *cells),) = csv.reader([text.decode()])
                if last and unescaped(name) != last[0][0]:
                    self._count(last)
                    last, end = [], begin
                last.append([unescaped(name), *cells])
                begin += len(text)
        self._file.truncate(end)
        if not end:
            self._file.write(header)
            self._file.flush()

    def _compress(self) -> None:
        part = self.path.with_name(f"{self.path.name}.{secrets.token_hex(8)}.part")
        try:
            with self.partial.open("rb") as text, part.open("wb") as raw:
                with gzip.GzipFile("", "wb", GZIP_LEVEL, raw, mtime=0) as packed:
                    shutil.copyfileobj(text, packed)
                raw.flush()
                os.fsync(raw.fileno())
            os.replace(part, self.path)
        finally:
            part.unlink(missing_ok=True)

    def _fault(self, error: OSError) -> FacetError:
        return FacetError(
            f"cannot write {self.path}: {os_reason(error)}",
            "free disk space; the same command then continues",
        )
