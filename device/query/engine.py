"""DuckDB with the views, locked: it reads the files named, and nothing else."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import SourceError, UsageError, one_line, os_reason
from .archived import without_archived
from .faults import explained
from .files import KINDS, SQLITE, DataFile, find_files
from .views import export_store, quoted, view

if TYPE_CHECKING:
    import duckdb

FETCHED = 1000  # rows at a time
EXTRA = "pip install -r requirements-query.txt"
# Nothing is fetched from a network, and no variable of this program is a table.
OPTIONS: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_unsigned_extensions": "false",
}


@dataclass(frozen=True)
class Answer:
    """The rows of a query, as they come."""

    columns: tuple[str, ...]
    rows: Iterator[tuple[Any, ...]]


class Query:
    """A connection whose statements may only read. Raises UsageError for a wrong one."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, files: Sequence[DataFile]):
        self._connection, self._files = connection, files

    def run(self, sql: str) -> Answer:
        """Return the answer to one SELECT."""
        import duckdb

        try:
            self._require_select(sql)
            cursor = self._connection.execute(sql)
        except duckdb.Error as error:
            raise explained(error, sql, self._files, self._connection) from error
        columns = tuple(column[0] for column in cursor.description or ())
        return Answer(columns, self._rows(cursor, sql))

    def _rows(self, cursor: Any, sql: str) -> Iterator[tuple[Any, ...]]:
        import duckdb

        try:
            while rows := cursor.fetchmany(FETCHED):
                yield from rows
        except duckdb.Error as error:
            raise explained(error, sql, self._files, self._connection) from error

    def _require_select(self, sql: str) -> None:
        """Raise UsageError for what is no single SELECT: that is checked before it is run.

        The files named may be read, and DuckDB would let a COPY overwrite them too.
        """
        kinds = [statement.type.name for statement in self._connection.extract_statements(sql)]
        if kinds != ["SELECT"]:
            found = ", ".join(kinds) if kinds else "nothing"
            raise UsageError(
                f"a query is one SELECT, not {found}: nothing can be written, loaded or attached",
                '"select count(*) from faces"',
            )


@contextlib.contextmanager
def open_query(named: Sequence[Path]) -> Iterator[Query]:
    """Return a query over files and folders. Raises UsageError or SourceError, as find_files."""
    with tempfile.TemporaryDirectory(prefix="facet-query-") as folder:
        connection = connect()
        try:
            files = find_files(named, lambda path: parquet_columns(connection, path))
            plain = without_archived(connection, [f for f in files if f.format != SQLITE])
            for number, file in enumerate(file for file in files if file.format == SQLITE):
                inside = Path(folder) / f"{number}"
                inside.mkdir()
                plain += _exported(file.path, inside)
            _make_views(connection, plain)
            _lock(connection, plain, Path(folder))
            yield Query(connection, plain)
        finally:
            connection.close()


def _exported(path: Path, folder: Path) -> list[DataFile]:
    try:
        return list(export_store(path, folder))
    except (sqlite3.Error, OSError, ValueError) as error:
        raise SourceError(f"cannot read {path}: {os_reason(error)}", "another file") from error


def _make_views(connection: duckdb.DuckDBPyConnection, files: Sequence[DataFile]) -> None:
    import duckdb

    for kind in KINDS:
        same = [file for file in files if file.kind == kind]
        try:
            if same:
                connection.execute(f"CREATE VIEW {kind} AS {view(kind, same)}")
        except duckdb.Error as error:
            names = ", ".join(file.path.name for file in same)
            reason = one_line(str(error).split("\n\n")[0])
            raise SourceError(f"cannot read {names}: {reason}", "other files") from error


def connect() -> duckdb.DuckDBPyConnection:
    """Return a database in memory; UsageError without the package."""
    try:
        import duckdb
    except ImportError:
        raise UsageError("queries need DuckDB", EXTRA) from None
    return duckdb.connect(":memory:", config=OPTIONS)


def parquet_columns(connection: duckdb.DuckDBPyConnection, path: Path) -> list[str]:
    """Return the columns of a Parquet file; OSError for a damaged one."""
    import duckdb

    try:
        connection.execute(f"DESCRIBE SELECT * FROM read_parquet({quoted(str(path))})")
    except (duckdb.Error, UnicodeError) as error:
        raise OSError(0, "it is no whole Parquet file") from error
    return [row[0] for row in connection.fetchall()]


def _lock(connection: duckdb.DuckDBPyConnection, files: Sequence[DataFile], folder: Path) -> None:
    """Let the connection read these files and nothing else, and keep that."""
    names = ", ".join(quoted(str(file.path)) for file in files)
    connection.execute(f"SET temp_directory = {quoted(str(folder / 'spilled'))}")
    connection.execute(f"SET allowed_paths = [{names}]")
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")
