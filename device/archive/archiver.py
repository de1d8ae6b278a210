"""Turn a day's CSV files into an archive; a power cut after any step loses no row and doubles none.

    1  write faces.2026-11-22.parquet.part from the CSV files, and fsync it
    2  read it again: its rows, as lines, have the SHA-256 of the CSV files' rows
    3  rename it to faces.2026-11-22.parquet, and fsync the folder
    4  delete the CSV files

After a cut before 3 the .part is deleted and the day begins anew. After one before or in 4 the
archive names the SHA-256 of the files in it: those are deleted, once it was read again.
"""

from __future__ import annotations

import contextlib
import csv
import fcntl
import os
import shutil
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FacetError, Stopped, UsageError, one_line, os_reason
from ..files import NEW_FILE
from ..query.archived import archived_texts, read_metadata
from ..rowlog.locked_file import sync_folder
from ..rowlog.rotation import ARCHIVED, UNFINISHED, archived_files
from .days import Day, LeftDay, closed_days
from .digest import RowDigest, Source, read_source, status_of
from .parquet import STOPPED, digest_of, engine, write_parquet

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Archived:
    """What became of a day."""

    path: Path
    rows: int
    csv_bytes: int
    """Of the CSV files, uncompressed."""
    parquet_bytes: int


@dataclass(frozen=True)
class Left:
    """A day that stays CSV, and why."""

    log: Path
    day: str
    reason: str
    faulty: bool = False


def archive(
    log: Path,
    today: date,
    plain_days: int,
    stopping: Callable[[], bool] = lambda: False,
) -> Iterator[Archived | Left]:
    """Archive the days of a log that are over; yield each, oldest first.

    A day that cannot be archived stays as it is. Raises UsageError if another process archives
    this folder, or DuckDB is missing; FacetError if the disk refuses; Stopped.
    """
    log = Path(os.path.realpath(log))
    with _only_one(log.parent), engine() as connection:
        for part in log.parent.glob(f"{log.stem}.*{ARCHIVED}{UNFINISHED}"):
            part.unlink()
        for day in closed_days(log, today, plain_days):
            if stopping():
                raise Stopped(STOPPED)
            if isinstance(day, LeftDay):
                yield Left(log, day.day, day.reason)
                continue
            yield from _archive_day(connection, day, stopping)


@contextlib.contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise UsageError(f"no folder {folder}: {os_reason(error)}", "the log's own folder") from (
            error
        )
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise UsageError(f"another process archives {folder}", "wait until it has ended") from None
    finally:
        os.close(descriptor)


def _archive_day(
    connection: duckdb.DuckDBPyConnection, day: Day, stopping: Callable[[], bool]
) -> Iterator[Archived | Left]:
    import duckdb

    try:
        done = _texts_of(connection, day, stopping)
        groups: dict[bytes, tuple[list[Source], RowDigest]] = {}
        for path in day.files:
            rows = RowDigest()
            source = read_source(path, rows, stopping)
            if stopping():
                raise Stopped(STOPPED)
            if source.sha256 in done:
                _delete([source])  # a power cut came before it
            elif rows.rows:
                sources, digest = groups.setdefault(source.header, ([], RowDigest()))
                sources.append(source)
                digest.include(rows)
        for sources, digest in groups.values():
            yield _write(connection, day, sources, digest, stopping)
    except FileNotFoundError:  # it was compressed or deleted meanwhile
        yield Left(day.log, day.day, "its files changed meanwhile")
    except (duckdb.OutOfMemoryException, duckdb.IOException) as error:
        full = "No space left" in str(error) or "too large" in str(error)
        reason = "the disk is full" if full else one_line(error)
        raise FacetError(
            f"cannot archive {day.day} of {day.log}: {reason}", "free the disk and memory"
        ) from error
    except (duckdb.Error, EOFError, zlib.error, UnicodeError, _DifferentError) as error:
        yield Left(day.log, day.day, one_line(str(error).split("\n\n")[0], 300), True)
    except Stopped:
        raise
    except FacetError as error:
        yield Left(day.log, day.day, error.message, True)
    except OSError as error:
        raise FacetError(
            f"cannot archive {day.day} of {day.log}: {os_reason(error)}", "free the disk"
        ) from error


class _DifferentError(Exception):
    """An archive's rows are not those of its files."""


def _texts_of(
    connection: duckdb.DuckDBPyConnection, day: Day, stopping: Callable[[], bool]
) -> set[str]:
    """Return the SHA-256 of the files that archives of this day hold, each read again."""
    texts: set[str] = set()
    for older in archived_files(day.log):
        if older.day == day.day:
            about = read_metadata(connection, older.path)
            rows = digest_of(connection, older.path, stopping) if about else RowDigest()
            if about and rows.hex == about.get("rows_sha256"):
                texts |= set(archived_texts(about).values())
    return texts


def _write(
    connection: duckdb.DuckDBPyConnection,
    day: Day,
    sources: Sequence[Source],
    rows: RowDigest,
    stopping: Callable[[], bool],
) -> Archived:
    header = next(csv.reader([sources[0].header.decode().rstrip("\r\n")]))
    target = _free_name(day)
    part = target.with_name(f"{target.name}{UNFINISHED}")
    # With no more rights than the log, also while it is written; x: what is there is not followed.
    os.close(os.open(part, NEW_FILE, 0o600))
    try:
        write_parquet(connection, sources, header, rows, part)
        found = digest_of(connection, part, stopping)
        if (found.rows, found.hex) != (rows.rows, rows.hex):
            raise _DifferentError(
                f"{found.rows} rows in the archive are not the {rows.rows} of the log"
            )
        shutil.copymode(sources[0].path, part)
        sizes = sum(source.size for source in sources), part.lstat().st_size
        part.rename(target)
        sync_folder(target.parent)
    finally:
        part.unlink(missing_ok=True)
    _delete(sources)
    return Archived(target, rows.rows, *sizes)


def _free_name(day: Day) -> Path:
    numbers = (older.number for older in archived_files(day.log) if older.day == day.day)
    number = max(numbers, default=0) + 1
    count = f"_{number:03}" if number > 1 else ""
    return day.log.with_name(f"{day.log.stem}.{day.day}{count}{ARCHIVED}")


def _delete(sources: Sequence[Source]) -> None:
    """Delete files that are archived, unless another has their name now."""
    for source in sources:
        with contextlib.suppress(FileNotFoundError):  # retention was first
            if status_of(source.path) == source.status:
                source.path.unlink()
    sync_folder(sources[0].path.parent)
