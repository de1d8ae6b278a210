"""Read the rows of a log that another part writes, each at least once, also over restarts.

    tail = RowTail(Path("visits.csv"), Path("visits.csv.sent"))
    for row in tail.rows(10):
        deliver(row.values)
        tail.acknowledge(row)
    tail.save()

A file is known by its header and first row, not by its name: files are renamed and compressed.
"""

import contextlib
import csv
import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from ..files import read_json, write_atomic
from .csv_format import unescaped
from .locked_file import BLOCK
from .rotation import rotated_files

MAX_STORE = 1_000_000  # bytes
MAX_ROW = 65536  # bytes


@dataclass(frozen=True)
class TailedRow:
    """One row of the log."""

    values: Mapping[str, str]
    """By column, as they were before `escaped`; empty for a line that is no row of this log."""
    file: str
    """Which file it stands in."""
    end: int
    """Byte of the file, uncompressed, at which the row ends."""


class RowTail:
    """The rows of `log` and its older files that were not acknowledged, oldest first.

    store: keeps, over restarts, up to where each file was acknowledged. Without a store the rows
    that exist are passed over; with a damaged one those of the current file are read again. To be
    used from one thread, and made before rows are added. Raises OSError if the log cannot be read.
    """

    def __init__(self, log: Path, store: Path):
        self._log, self._store = Path(os.path.realpath(log)), store
        self._seen: tuple[int, ...] | None = None  # status of the log when it was read last
        self._more = True  # whether there may be rows though the status is the same
        self._known: dict[tuple[str, int], str] = {}  # key of an older file, by name and inode
        self._ends: dict[str, int] = {}  # of older files that were read to their end
        self.lost_files = 0  # deleted before all of their rows were acknowledged
        self.damaged = False  # whether the store could not be read
        self._acknowledged, self._done = self._load()
        self._dirty = False
        self._clamp()
        self._read = dict(self._acknowledged)
        self._finished = set(self._done)

    def rows(self, limit: int) -> list[TailedRow]:
        """Return up to `limit` rows that come next; [] if there are none."""
        status = self._status()
        if status == self._seen and not self._more:
            return []
        if self._seen is None or status is None or status[0] != self._seen[0]:
            self._forget_deleted()
        self._seen, self._more = status, False
        found: list[TailedRow] = []
        for path, key in self._files():
            if key in self._finished:
                continue
            try:
                found += self._rows_of(path, key, limit - len(found))
            except (OSError, EOFError, zlib.error):
                self._more = True  # it was renamed or compressed meanwhile: once more, in order
                break
            if len(found) >= limit:
                self._more = True
                break
        return found

    def acknowledge(self, row: TailedRow) -> None:
        """Note that this row, and all before it, need not be returned again after a restart."""
        self._acknowledged[row.file] = row.end
        self._dirty = True
        self._mark_done(row.file)

    def rewind(self) -> None:
        """Return the rows that were not acknowledged again."""
        self._read, self._finished = dict(self._acknowledged), set(self._done)
        self._more = True

    def save(self) -> None:
        """Store what was acknowledged, if that changed; raises OSError."""
        if self._dirty:
            content = {"acknowledged": self._acknowledged, "done": sorted(self._done)}
            write_atomic(self._store, json.dumps(content).encode())
            self._dirty = False

    def values(self, since_day: str) -> Iterator[Mapping[str, str]]:
        """Yield the rows of older files from that day on and of the log, acknowledged or not.

        since_day: of a file's first row, UTC, such as 2026-11-22.
        """
        older = [file.path for file in rotated_files(self._log) if file.day >= since_day]
        for path in (*older, self._log):
            with contextlib.suppress(OSError, EOFError, zlib.error), _opened(path) as file:
                columns = _columns(file.readline(MAX_ROW))
                yield from (_values(columns, line) for line in _lines(file))

    def _load(self) -> tuple[dict[str, int], set[str]]:
        try:
            content = read_json(self._store, MAX_STORE)
            acknowledged = {str(key): int(end) for key, end in content["acknowledged"].items()}
            return acknowledged, set(map(str, content["done"]))
        except FileNotFoundError:
            return self._pass_over()
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            self.damaged = True
            return {}, {key for path, key in self._files() if path != self._log}

    def _pass_over(self) -> tuple[dict[str, int], set[str]]:
        """Return what a store would have if every row had been acknowledged, and store it."""
        ends, done = {}, set()
        for path, key in self._files():
            if path == self._log:
                ends[key] = path.stat().st_size
            else:
                done.add(key)
        content = {"acknowledged": ends, "done": sorted(done)}
        write_atomic(self._store, json.dumps(content).encode())
        return ends, done

    def _clamp(self) -> None:
        """After a power cut the log may be shorter than what was acknowledged of it."""
        with contextlib.suppress(OSError):
            key, size = _key(self._log), self._log.stat().st_size
            if key and self._acknowledged.get(key, 0) > size:
                self._acknowledged[key] = size

    def _status(self) -> tuple[int, ...] | None:
        try:
            status = self._log.stat()
        except FileNotFoundError:
            return None
        return status.st_ino, status.st_dev, status.st_size, status.st_mtime_ns

    def _files(self) -> Iterator[tuple[Path, str]]:
        """Yield (file, key) of the older files with rows, oldest first, then of the log."""
        known, keys = {}, set()
        with contextlib.suppress(FileNotFoundError):
            for older in (*rotated_files(self._log), None):
                path = older.path if older else self._log
                # A file may be renamed or compressed between list and open; it is found next time.
                with contextlib.suppress(OSError, EOFError, zlib.error):
                    at = path.name, path.stat().st_ino
                    # The log's first row may not be written yet; those of older files stay.
                    key = (self._known.get(at) if older else "") or _key(path)
                    if older and key:
                        known[at] = key
                    if key and key not in keys:
                        keys.add(key)
                        yield path, key
        self._known = known

    def _rows_of(self, path: Path, key: str, limit: int) -> list[TailedRow]:
        found: list[TailedRow] = []
        with _opened(path) as file:
            header = file.readline(MAX_ROW)
            columns, at = _columns(header), max(len(header), self._read.get(key, 0))
            file.seek(at)
            for line in _lines(file):
                at += len(line)
                found.append(TailedRow(_values(columns, line), key, at))
                if len(found) == limit:
                    break
            else:
                if path != self._log:  # an older file gets no further rows
                    self._ends[key] = at
                    self._finished.add(key)
                    self._mark_done(key)
        self._read[key] = at
        return found

    def _mark_done(self, key: str) -> None:
        end = self._ends.get(key)
        if end is not None and self._acknowledged.get(key, 0) >= end:
            self._done.add(key)
            self._acknowledged.pop(key, None)
            self._dirty = True

    def _forget_deleted(self) -> None:
        """Forget files that are gone; count those that were deleted before they were read."""
        if self._status() is None:  # the disk may be unplugged
            return
        keys = {key for _, key in self._files()}
        gone = set(self._acknowledged) - keys
        if gone or self._done - keys:
            self.lost_files += len(gone)
            self._acknowledged = {k: v for k, v in self._acknowledged.items() if k in keys}
            self._done &= keys
            self._dirty = True


def is_acknowledged(path: Path, store: Path) -> bool:
    """Whether a RowTail with this store has acknowledged every row of an older file."""
    try:
        return _key(path) in read_json(store, MAX_STORE)["done"]
    except (OSError, EOFError, zlib.error, ValueError, TypeError, KeyError):
        return False


def _opened(path: Path) -> BinaryIO:
    return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _key(path: Path) -> str:
    """Return what identifies a file by its header and first row; "" if it has no row yet."""
    with _opened(path) as file:
        head = file.read(BLOCK)
    header, _, rest = head.partition(b"\n")
    row, newline, _ = rest.partition(b"\n")
    return hashlib.sha256(header + b"\n" + row).hexdigest()[:16] if newline else ""


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the complete lines that follow."""
    while (line := file.readline(MAX_ROW)).endswith(b"\n") or len(line) == MAX_ROW:
        yield line


def _columns(header: bytes) -> list[str]:
    return next(csv.reader([header.decode("utf-8", "replace").rstrip("\n")]), [])


def _values(columns: list[str], line: bytes) -> Mapping[str, str]:
    """Return a row's values by column; {} for a line that is no row, such as a torn one."""
    try:
        fields = next(csv.reader([line.decode().rstrip("\n")]), [])
        if len(fields) == len(columns) and "\0" not in line.decode():
            return dict(zip(columns, map(unescaped, fields), strict=True))
    except (ValueError, csv.Error):
        pass
    return {}
