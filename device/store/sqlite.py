"""A store in one file: SQLite, which is in Python already."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from . import schema
from .rows import VisitRow
from .store import Cursor, Store

BUSY_S = 5.0  # wait for another process that writes
TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
OTHER = 'another file, such as file = "facet.db" in [store]'


class SqliteEngine:
    """A connection to a file, made if it is missing. For the thread that opens it.

    A transaction that ended survives `kill -9` at once, and a power cut from the next `sync` on:
    SQLite's write-ahead log goes to the kernel with each transaction, and fsync, which wears an SD
    card, comes when the writer asks for it. No power cut damages the file.
    """

    def __init__(self, path: Path):
        self.path, self.name = path, str(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
        try:
            self._connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # of a new file
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute("PRAGMA journal_size_limit = 4000000")
        except BaseException:
            self._connection.close()
            raise

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Cursor]:
        cursor = self._connection.cursor()
        cursor.execute("BEGIN IMMEDIATE")
        try:
            yield cursor
            cursor.execute("COMMIT")
        except BaseException:
            # SQLite itself has rolled back where the disk is full.
            if self._connection.in_transaction:
                cursor.execute("ROLLBACK")
            raise
        finally:
            cursor.close()

    def sql(self, statement: str) -> str:
        return statement

    def version(self, cursor: Cursor) -> int | None:
        cursor.execute(TABLES)
        tables = {name for (name,) in cursor.fetchall()}
        if not tables:
            return None
        if "facet_store" not in tables:
            raise UsageError(f"{self.name} is another program's database", OTHER)
        cursor.execute(schema.SELECT_VERSION)
        found = cursor.fetchone()
        return int(found[0]) if found else 0

    def prepare(self, cursor: Cursor, rows: Sequence[VisitRow]) -> None:
        pass

    def sync(self) -> None:
        """Bring what is stored to the disk."""
        # SQLite locks other files: closing this descriptor gives up no lock.
        with contextlib.suppress(FileNotFoundError):
            descriptor = os.open(f"{self.path}-wal", os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def shrink(self) -> None:
        """Give the pages of deleted rows back to the disk."""
        # Not execute: it runs one step of a statement without rows, here one page.
        self._connection.executescript("PRAGMA incremental_vacuum")

    def close(self) -> None:
        self._connection.close()


def open_sqlite(path: Path) -> Store:
    """Return the store in a file, made if it is missing.

    Raises UsageError for a file that is no store, sqlite3.Error or OSError if the disk refuses.
    """
    try:
        return Store(SqliteEngine(path))
    except sqlite3.DatabaseError as error:
        if is_damaged(error):
            raise UsageError(f"{path} is no SQLite file, or is damaged ({error})", OTHER) from error
        raise


def is_damaged(error: sqlite3.Error) -> bool:
    """Whether the file is no database, or damaged; other errors may pass."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_CORRUPT,
    )


def open_read_only(path: Path) -> sqlite3.Connection:
    """Open a SQLite file without writing to it; a run may be writing."""
    uri = path.absolute().as_uri()
    connection = sqlite3.connect(f"{uri}?mode=ro", uri=True)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        # In a folder that may not be written, a file that nobody writes can still be read.
        connection.close()
        if Path(f"{path}-wal").exists():
            raise
        connection = sqlite3.connect(f"{uri}?immutable=1", uri=True)
    return connection


@dataclass(frozen=True)
class StoreState:
    """What a file holds."""

    version: int
    """Of its tables, see `schema.VERSION`."""
    visits: int


def describe(path: Path) -> StoreState:
    """Return what a file holds, without a change to it; a run may be writing.

    Raises UsageError for a file that is no store, sqlite3.Error or OSError for a damaged one.
    """
    with contextlib.closing(open_read_only(path)) as connection:
        tables = {name for (name,) in connection.execute(TABLES)}
        if "facet_store" not in tables:
            raise UsageError(f"{path} is another program's database", OTHER)
        (version,) = connection.execute(schema.SELECT_VERSION).fetchone() or (0,)
        (visits,) = connection.execute("SELECT count(*) FROM visits").fetchone()
        for (fault,) in connection.execute("PRAGMA quick_check(1)"):
            if fault != "ok":
                raise sqlite3.DatabaseError(fault)
    return StoreState(version, visits)
