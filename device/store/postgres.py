"""A store on a PostgreSQL server, for many cameras: the same tables, visits by month."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ..errors import FacetError, UsageError
from . import schema
from .rows import VisitRow
from .store import Cursor, Store, named_parameters

if TYPE_CHECKING:
    import psycopg

LOCK = 0xFACE7  # of the transactions that migrate
FIRST_MONTH = "2020-01"  # a clock before it was never set
OTHER_MONTHS = "visits_other"
EXTRA = "pip install -r requirements-postgres.txt"


class PostgresEngine:
    """A connection to a database.

    dsn: "postgresql://user@host/facet" or "host=... dbname=..."; the password comes best from
    PGPASSFILE. partitioned: new tables have the visits in a table for each month, so that old ones
    are dropped at once.
    """

    def __init__(
        self,
        dsn: str,
        partitioned: bool = True,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ):
        try:
            import psycopg
        except ImportError:
            raise UsageError("PostgreSQL needs a package", EXTRA) from None
        self._partitioned = partitioned
        try:
            self.connection: psycopg.Connection = psycopg.connect(dsn, autocommit=True)
        except psycopg.ProgrammingError as error:
            raise UsageError(
                f"no address of a PostgreSQL server ({error})", "postgresql://user@host/facet"
            ) from error
        info = self.connection.info
        self.name = f"{info.dbname} on {info.host}"
        self.connection.execute("SET TIME ZONE 'UTC'")
        self._now = now
        self._tables: set[str] = set()  # partitions that exist

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Cursor]:
        try:
            with self.connection.transaction(), self.connection.cursor() as cursor:
                yield cursor
        except BaseException:
            self._tables.clear()  # one that was made in it is gone
            raise

    def sql(self, statement: str) -> str:
        if statement is schema.VISITS and self._partitioned:
            statement += " PARTITION BY RANGE (first_seen)"
        return named_parameters(statement.replace("%", "%%"), "%(name)s")

    def version(self, cursor: Cursor) -> int | None:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (LOCK,))
        cursor.execute("SELECT to_regclass('facet_store') IS NOT NULL")
        if not cursor.fetchone()[0]:
            cursor.execute("SELECT to_regclass('visits') IS NOT NULL")
            if cursor.fetchone()[0]:
                raise UsageError(
                    f"{self.name} has a table visits that is not Facet's", "createdb facet"
                )
            return None
        cursor.execute(schema.SELECT_VERSION)
        found = cursor.fetchone()
        return int(found[0]) if found else 0

    def prepare(self, cursor: Cursor, rows: Sequence[VisitRow]) -> None:
        """Let one writer at a time count hours, and make the partitions of the rows' months.

        Two that count the same hour would not see each other's visits. This lock is every
        writer's first, so that no two wait for each other.
        """
        cursor.execute("LOCK TABLE hours IN SHARE ROW EXCLUSIVE MODE")
        tables = {partition(row.first_seen[:7], self._now()) for row in rows}
        for table in sorted(tables - self._tables):
            _add_partition(cursor, table)
        self._tables |= tables

    def close(self) -> None:
        self.connection.close()


def partition(month: str, now: datetime) -> str:
    """Return the table of a month's visits: visits_2026_11 for 2026-11.

    Months that no clock can have had yet, or before 2020, share one: a camera whose clock is wrong
    makes no tables.
    """
    if FIRST_MONTH <= month <= _following(f"{now:%Y-%m}"):
        return f"visits_{month.replace('-', '_')}"
    return OTHER_MONTHS


def _add_partition(cursor: Cursor, table: str) -> None:
    """Make a partition if it is missing, with the visits of its month that came too early."""
    cursor.execute("SELECT relkind = 'p' FROM pg_class WHERE oid = 'visits'::regclass")
    if not cursor.fetchone()[0] or _exists(cursor, table):
        return
    if table == OTHER_MONTHS:
        cursor.execute(f"CREATE TABLE {table} PARTITION OF visits DEFAULT")
        return
    month = table.removeprefix("visits_").replace("_", "-")
    begin, end = f"'{month}-01 00:00Z'", f"'{_following(month)}-01 00:00Z'"
    cursor.execute(f"CREATE TABLE {table} (LIKE visits INCLUDING ALL)")
    if _exists(cursor, OTHER_MONTHS):  # PostgreSQL refuses the partition while they are there
        cursor.execute(
            f"WITH early AS (DELETE FROM {OTHER_MONTHS} WHERE first_seen >= {begin} "
            f"AND first_seen < {end} RETURNING *) INSERT INTO {table} SELECT * FROM early"
        )
    cursor.execute(
        f"ALTER TABLE visits ATTACH PARTITION {table} FOR VALUES FROM ({begin}) TO ({end})"
    )


def _exists(cursor: Cursor, table: str) -> bool:
    cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (table,))
    return bool(cursor.fetchone()[0])


def _following(month: str) -> str:
    year, number = int(month[:4]), int(month[5:7])
    return f"{year + number // 12:04}-{number % 12 + 1:02}"


def psycopg_errors() -> tuple[type[Exception], ...]:
    """Return the errors of the driver; () if it is not installed."""
    try:
        import psycopg
    except ImportError:
        return ()
    return (psycopg.Error,)


def open_postgres(dsn: str, partitioned: bool = True) -> Store:
    """Return the store in a database; makes and migrates its tables.

    Raises UsageError for a wrong address or another program's tables, FacetError if the server
    cannot be reached or refuses.
    """
    try:
        return Store(PostgresEngine(dsn, partitioned))
    except psycopg_errors() as error:
        raise FacetError(f"PostgreSQL: {error}", "pg_isready, and the address") from error
