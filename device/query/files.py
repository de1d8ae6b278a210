"""Which files hold faces, visits, counts and labels: by their header, not by their name."""

from __future__ import annotations

import contextlib
import csv
import gzip
import os
import sqlite3
import stat
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import SourceError, UsageError, os_reason
from ..log import log
from ..rowlog.rotation import UNFINISHED
from ..store.sqlite import open_read_only
from ..text import named_folder

FACES, VISITS, COUNTS, LABELS = "faces", "visits", "counts", "labels"
KINDS = (FACES, VISITS, COUNTS, LABELS)
ROWS = f"{', '.join(KINDS[:-1])} or {KINDS[-1]}"
# What the header of each kind begins with, or has.
MARKS = {
    FACES: {"time", "frame", "track", "score", "state"},
    VISITS: {"first_seen", "last_seen", "dwell_s"},
    COUNTS: {"start", "kind", "name", "value", "visits"},
    LABELS: {"path", "member", "face", "reason", "model"},  # of device.label
}
CSV, PARQUET, SQLITE = "csv", "parquet", "sqlite"
MAX_HEADER = 65536  # bytes
GLOB = "*?["  # DuckDB takes these for patterns


@dataclass(frozen=True)
class DataFile:
    """A file with one kind of rows, or a SQLite store, which has several."""

    path: Path
    """Absolute, without `..`."""
    format: str
    columns: tuple[str, ...]
    kind: str
    """One of KINDS; empty for a store."""


def find_files(
    named: Sequence[Path], parquet_columns: Callable[[Path], Sequence[str]]
) -> list[DataFile]:
    """Return the data files among those named; of a folder, all that are in it.

    parquet_columns: returns the columns of a Parquet file. A file that is named and no data file
    raises UsageError, one that cannot be read SourceError; in a folder it is passed over, and the
    latter is logged.
    """
    found: dict[Path, DataFile] = {}
    for path in named:
        if path.is_dir():
            for inside in sorted(path.iterdir()):
                if inside.name.endswith(UNFINISHED):
                    continue
                try:
                    if inside.is_file() and (file := read_head(inside, parquet_columns)):
                        found[file.path] = file
                except (SourceError, UsageError) as error:
                    log.warning("left out: %s", error.message)
        else:
            file = read_head(path, parquet_columns)
            if file is None:
                raise UsageError(
                    f"{path} has no {ROWS} of Facet",
                    "a log, a file of visits, counts or labels, an archive or a store",
                )
            found[file.path] = file
    if not found:
        where = ", ".join(map(named_folder, named))
        raise UsageError(f"no {ROWS} in {where}", "name the files after the query")
    return list(found.values())


def read_head(path: Path, parquet_columns: Callable[[Path], Sequence[str]]) -> DataFile | None:
    """Return what a file holds, None if nothing of Facet's."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UsageError(f"{path} is no file", "a log, or a folder of logs")
        with path.open("rb") as file:
            begin = file.read(16)
        if begin.startswith(b"SQLite format 3\0"):
            return DataFile(_plain(path), SQLITE, (), "") if _is_store(path) else None
        if begin.startswith(b"PAR1"):
            columns, form = tuple(parquet_columns(_plain(path))), PARQUET
        else:
            columns, form = _csv_columns(path, begin.startswith(b"\x1f\x8b")), CSV
    except (OSError, EOFError, zlib.error, sqlite3.Error) as error:
        raise SourceError(f"cannot read {path}: {os_reason(error)}", "another file") from error
    kind = kind_of(columns)
    if not kind:
        return None
    _require_plain(path, form)
    return DataFile(_plain(path), form, columns, kind)


def _plain(path: Path) -> Path:
    """Return a path without .. and links but its own: DuckDB compares it as text."""
    return path.parent.resolve() / path.name


def kind_of(columns: Iterable[str]) -> str:
    """Return which kind of rows has these columns, "" for none."""
    names = set(columns)
    return next((kind for kind, marks in MARKS.items() if marks <= names), "")


def _require_plain(path: Path, form: str) -> None:
    """Raise UsageError for a name that DuckDB would take for something else."""
    name = os.fsencode(path.absolute())
    odd = any(letter.encode() in name for letter in GLOB) or not _is_utf8(name)
    if odd:
        raise UsageError(f"{path} has a * ? or [ in its name, or no UTF-8", "rename the file")
    if form == CSV and path.suffix == ".parquet":
        raise UsageError(f"{path} is text, not Parquet", "rename the file to .csv")


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def _csv_columns(path: Path, packed: bool) -> tuple[str, ...]:
    with gzip.open(path) if packed else path.open("rb") as file:
        line = file.readline(MAX_HEADER)
    try:
        return tuple(next(csv.reader([line.decode().rstrip("\r\n")]), ()))
    except (UnicodeDecodeError, csv.Error):
        return ()


def _is_store(path: Path) -> bool:
    with contextlib.closing(open_read_only(path)) as connection:
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    return "facet_store" in names
