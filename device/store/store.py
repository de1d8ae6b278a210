"""What both engines do alike: migrate the tables, take visits and counts, delete, answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Protocol

from ..errors import UsageError
from . import schema
from .rows import CountRow, VisitRow, iso

_PARAMETER = re.compile(r"(?<!:):(\w+)")


class Cursor(Protocol):
    """What Store needs of a DB-API cursor."""

    @property
    def description(self) -> Any: ...
    @property
    def rowcount(self) -> int: ...
    def execute(self, sql: Any, parameters: Any = ..., /) -> Any: ...
    def executemany(self, sql: Any, parameters: Any, /) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def fetchone(self) -> Any: ...


class Engine(Protocol):
    """A connection to one kind of database; `sqlite` and `postgres` have one each."""

    name: str
    """For messages: the file, or the server without its password."""

    def transaction(self) -> AbstractContextManager[Cursor]:
        """Return a transaction of its own: all of it is stored when it is left, or nothing."""

    def sql(self, statement: str) -> str:
        """Return a statement of `schema` in this engine's own style."""

    def version(self, cursor: Cursor) -> int | None:
        """Return the version of the tables, None without any; one process at a time passes."""

    def prepare(self, cursor: Cursor, rows: Sequence[VisitRow]) -> None:
        """Make ready for rows, in their transaction."""

    def close(self) -> None: ...


class Store:
    """A database with the tables of `schema`, migrated when it is opened.

    Raises UsageError for a database that is not Facet's, or of a newer version; the engine's own
    error if it refuses, and nothing of that call is stored then.
    """

    def __init__(self, engine: Engine, now: Callable[[], datetime] = lambda: datetime.now(UTC)):
        self.engine, self._now = engine, now
        try:
            self._migrate()
        except BaseException:
            engine.close()
            raise

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exc: object) -> None:
        self.engine.close()

    def add_visits(self, rows: Sequence[VisitRow]) -> None:
        """Store visits and count their hours; a visit that is there already stays one row."""
        if not rows:
            return
        stored = iso(self._now())
        hours = sorted({row.hour_key for row in rows})
        with self.engine.transaction() as cursor:
            self.engine.prepare(cursor, rows)
            # In the order of the key: two writers that wait for each other would never end.
            ordered = sorted(rows, key=lambda row: row.id)
            self._many(cursor, schema.UPSERT_VISIT, [row.parameters(stored) for row in ordered])
            names = ("camera", "hour", "next_hour")
            self._many(
                cursor, schema.UPDATE_HOUR, [dict(zip(names, key, strict=True)) for key in hours]
            )

    def add_counts(self, rows: Sequence[CountRow]) -> None:
        """Store counts; one that is there already is replaced."""
        if rows:
            with self.engine.transaction() as cursor:
                self._many(
                    cursor,
                    schema.UPSERT_COUNT,
                    [{name: getattr(row, name) for name in CountRow.__slots__} for row in rows],
                )

    def delete_visits(self, before: datetime) -> int:
        """Delete the visits that began before; hours and counts stay. Return how many."""
        with self.engine.transaction() as cursor:
            cursor.execute(self.engine.sql(schema.DELETE_VISITS), {"before": iso(before)})
            return cursor.rowcount

    def query(self, statement: str, parameters: Mapping[str, Any] = {}) -> list[dict[str, Any]]:
        """Return the rows of a query of `schema`, or of another in its style, by column."""
        with self.engine.transaction() as cursor:
            cursor.execute(self.engine.sql(statement), dict(parameters))
            columns = [column[0] for column in cursor.description]
            return [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]

    def _many(self, cursor: Cursor, statement: str, rows: Sequence[Mapping[str, Any]]) -> None:
        cursor.executemany(self.engine.sql(statement), rows)

    def _migrate(self) -> None:
        with self.engine.transaction() as cursor:
            version = self.engine.version(cursor)
            if version is not None and version > schema.VERSION:
                raise UsageError(
                    f"{self.engine.name} has tables of version {version}, and this Facet knows "
                    f"{schema.VERSION}",
                    "update Facet, or another file",
                )
            for step in schema.MIGRATIONS[version or 0 :]:
                for statement in step:
                    cursor.execute(self.engine.sql(statement))
            current = {"version": schema.VERSION}
            if version is None:
                cursor.execute(self.engine.sql(schema.VERSION_TABLE))
                cursor.execute(self.engine.sql(schema.INSERT_VERSION), current)
            elif version < schema.VERSION:
                cursor.execute(self.engine.sql(schema.UPDATE_VERSION), current)


def named_parameters(statement: str, style: str) -> str:
    """Return a statement with each `:name` in another style, such as "%(name)s"."""
    return _PARAMETER.sub(lambda match: style.replace("name", match[1]), statement)
