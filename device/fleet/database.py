"""Write batches of records into the database, each once; what it refuses becomes a dead letter."""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date

from ..errors import FacetError, UsageError, one_line
from ..store.postgres import PostgresEngine, open_postgres, psycopg_errors
from ..store.rows import CountRow, VisitRow
from ..store.store import Store
from . import tables
from .records import CameraRow, Record, Refusal

MAX_DEAD_LETTERS = 1000  # of one topic
CONNECTION = {
    "application_name": "facet-fleet",
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",  # ms without an answer of the network
}


class DatabaseAwayError(FacetError):
    """The database is away or refuses for now; nothing of the call may be taken as stored."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A message and the record that it is."""

    topic: str
    payload: bytes
    record: Record


@dataclass(slots=True)
class Written:
    """What became of a batch."""

    visits: int = 0
    counts: int = 0
    refused: int = 0
    overflowed: int = 0
    """Of the refused: not even kept as a dead letter, for the camera has too many."""


class FleetDatabase:
    """The database of a fleet, connected when it is first used and after each fault.

    dsn: as for open_postgres. To be used from one thread.
    """

    def __init__(self, dsn: str):
        self._dsn = _with_limits(dsn)
        # It would report each batch with a refused record on stderr.
        logging.getLogger("psycopg").addHandler(logging.NullHandler())
        self._store: Store | None = None

    def open(self) -> PostgresEngine:
        """Connect if there is no connection; make and migrate the tables.

        Raises DatabaseAwayError if the server is away, UsageError for a wrong address or tables.
        """
        if self._store is None:
            try:
                self._store = open_postgres(self._dsn)
                tables.set_up(_engine(self._store))
            except UsageError:
                raise
            except FacetError as error:
                raise _away(error) from error
            except psycopg_errors() as error:
                self.close()
                raise _away(error) from error
        return _engine(self._store)

    @contextlib.contextmanager
    def using(self) -> Iterator[tuple[Store, PostgresEngine]]:
        """Give the store and its engine, connected; raises as `open`, also for what is done in it.

        After an error of the server the connection is closed; the next use makes another.
        """
        engine = self.open()
        assert self._store
        try:
            yield self._store, engine
        except psycopg_errors() as error:
            self.close()
            raise _away(error) from error

    def write(self, letters: Sequence[Letter]) -> Written:
        """Store a batch; return when all of it is committed. Raises as `open`."""
        written = Written()
        refused = [(one, one.record.reason) for one in letters if isinstance(one.record, Refusal)]
        with self.using() as (store, engine):
            refused += add_rows(store, letters)
            self._write_cameras(engine, letters)
            written.overflowed = self._write_refused(engine, refused)
        by_letter = {id(one) for one, _ in refused}
        taken = [one.record for one in letters if id(one) not in by_letter]
        written.visits = sum(isinstance(record, VisitRow) for record in taken)
        written.counts = sum(isinstance(record, CountRow) for record in taken)
        written.refused = len(refused)
        return written

    def drop_months(self, keep: int, today: date) -> list[str]:
        """Drop old months; raises as `open`."""
        with self.using() as (_, engine):
            dropped = tables.drop_months(engine, keep, today)
        if dropped:
            self.close()  # the engine takes them for there
        return dropped

    def close(self) -> None:
        store, self._store = self._store, None
        if store:
            with contextlib.suppress(*psycopg_errors()):
                store.engine.close()

    def _write_cameras(self, engine: PostgresEngine, letters: Iterable[Letter]) -> None:
        said: dict[str, dict[str, object]] = {}
        for one in letters:
            if isinstance(one.record, CameraRow):
                news = {k: v for k, v in asdict(one.record).items() if v is not None}
                said[one.record.camera] = said.get(one.record.camera, {}) | news
        if said:
            empty = asdict(CameraRow(""))
            rows = [empty | said[camera] for camera in sorted(said)]
            with engine.transaction() as cursor:
                cursor.executemany(tables.UPSERT_CAMERA, rows)

    def _write_refused(self, engine: PostgresEngine, refused: Sequence[tuple[Letter, str]]) -> int:
        """Store dead letters; return how many were too many."""
        if not refused:
            return 0
        rows = [
            {
                "topic": letter.topic.replace("\0", "?"),
                "digest": hashlib.sha256(letter.payload).hexdigest()[:32],
                "reason": storable_text(reason),
                "payload": letter.payload,
                "limit": MAX_DEAD_LETTERS,
            }
            for letter, reason in refused
        ]
        with engine.transaction() as cursor:
            cursor.executemany(tables.INSERT_DEAD_LETTER, rows)
            return len(rows) - cursor.rowcount


def add_rows(store: Store, letters: Sequence[Letter]) -> list[tuple[Letter, str]]:
    """Add the visits and counts of letters; return those that the database refuses, and why."""
    visits = [one for one in letters if isinstance(one.record, VisitRow)]
    counts = [one for one in letters if isinstance(one.record, CountRow)]
    return _each(store.add_visits, visits) + _each(store.add_counts, counts)


def storable_text(text: str) -> str:
    """Return a text that PostgreSQL stores, with `?` for what it does not."""
    return text.replace("\0", "?").encode("utf-8", "replace").decode()


def _each(add: Callable[[list], None], letters: Sequence[Letter]) -> list[tuple[Letter, str]]:
    """Add the records of letters in one transaction; return those that the database refuses.

    One that it refuses fails all of its transaction, so the halves are added by themselves.
    """
    try:
        add([one.record for one in letters])
    except _refusals() as error:
        if len(letters) == 1:
            return [(letters[0], f"the database refuses it: {one_line(error)}")]
        middle = len(letters) // 2
        return _each(add, letters[:middle]) + _each(add, letters[middle:])
    return []


def _refusals() -> tuple[type[Exception], ...]:
    """Return the errors that are a record's fault, not the database's."""
    import psycopg

    return psycopg.DataError, psycopg.IntegrityError, psycopg.NotSupportedError, ValueError


def _engine(store: Store) -> PostgresEngine:
    assert isinstance(store.engine, PostgresEngine)
    return store.engine


def _away(error: Exception) -> DatabaseAwayError:
    text = error.message if isinstance(error, FacetError) else f"PostgreSQL: {error}"
    return DatabaseAwayError(one_line(text, 300), "pg_isready, and the server's log")


def _with_limits(dsn: str) -> str:
    """Return an address with limits of time where it names none, so that no call waits forever."""
    try:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict, make_conninfo
    except ImportError:
        return dsn  # open_postgres reports it
    try:
        given = conninfo_to_dict(dsn)
        return make_conninfo(
            dsn, **{name: value for name, value in CONNECTION.items() if name not in given}
        )
    except ProgrammingError:
        return dsn
