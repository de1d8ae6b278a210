"""The thread that stores a run's visits: neither the loop nor a camera waits for the disk."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FacetError, UsageError, one_line
from ..log import log
from ..outputs.live import LiveState
from ..outputs.visit_id import camera_id
from ..rowlog.clock import ClockTrust, utc_now
from ..text import counted
from ..worker import Worker
from .rows import VisitRow, iso, row_of_visit
from .sqlite import SqliteEngine, open_sqlite
from .store import Store

if TYPE_CHECKING:
    from ..outputs.live import LiveRun
    from ..settings import Settings

POLL_S = 0.5  # between two looks for visits that have ended
RETRY_S = 5.0  # after the disk refused
RETENTION_S = 3600.0  # between two deletions of old visits
BATCH = 500  # visits of one transaction
JOIN_S = 15.0  # to store the last visits
A_ROW_OF_YESTERDAY = "SELECT hour FROM hours WHERE hour >= :since AND hour < :until LIMIT 1"


class VisitWriter:
    """Stores the visits that end in `state` into the store of `path`.

    camera: its id. names: of the attributes to store. capacity: visits that wait in memory while
    the disk refuses; beyond it the oldest are dropped and counted. sync_s: s between two fsyncs at
    most. keep_days: age at which visits are deleted; 0: never. `step` is for one thread.
    """

    def __init__(
        self,
        state: LiveState,
        path: Path,
        camera: str,
        names: tuple[str, ...],
        capacity: int,
        sync_s: float,
        keep_days: int,
        trusted_day: Callable[[Iterable[datetime]], date | None] | None = None,
        open_store: Callable[[Path], Store] = open_sqlite,
    ):
        self._state, self._path, self._camera, self._names = state, path, camera, names
        self._capacity, self._sync_s, self._keep_days = capacity, sync_s, keep_days
        self._today = trusted_day or ClockTrust().today
        self._open = open_store
        self._pending: deque[VisitRow] = deque()
        self._number = 0  # of the last visit that was taken over
        self._store: Store | None = None
        self._fault: Exception | None = None
        self._retry_s = self._retention_s = 0.0
        self._unsynced_s: float | None = None  # since when a transaction may not be on the disk
        self.lost = 0

    @property
    def waiting(self) -> int:
        """Visits in memory; for any thread."""
        return len(self._pending)

    def run(self, worker: Worker) -> None:
        """Store visits until asked to stop, then the last ones; FacetError if some were lost."""
        try:
            while not worker.stopping.wait(POLL_S):
                self.step(time.monotonic())
            self._retry_s = 0.0
            self.step(time.monotonic())
        finally:
            self._close()
        if missing := self.lost + len(self._pending):
            text = f"{counted(missing, 'visit')} of the store {self._path} were lost"
            if self._fault:
                raise FacetError(f"{text}: {one_line(self._fault)}", hint_of(self._fault))
            raise FacetError(text, "raise buffer_rows in [rotation]")

    def step(self, now_s: float) -> None:
        """Do what is due at `now_s`, s of a monotonic clock; a disk that refuses is reported."""
        self._collect()
        if now_s < self._retry_s:
            return
        try:
            self._write(now_s)
            self._sync(now_s)
            self._delete_old(now_s)
        except (sqlite3.Error, OSError, UsageError) as error:
            self._fail(error, now_s)

    def _collect(self) -> None:
        for ended in self._state.visits(self._number):
            self.lost += ended.number - self._number - 1
            self._number = ended.number
            self._pending.append(row_of_visit(ended.visit, self._camera, self._names))
        while len(self._pending) > self._capacity:
            self._pending.popleft()
            self.lost += 1

    def _write(self, now_s: float) -> None:
        while self._pending:
            batch = list(islice(self._pending, BATCH))
            self._opened().add_visits(batch)
            for _ in batch:
                self._pending.popleft()
            if self._unsynced_s is None:
                self._unsynced_s = now_s
        if self._fault and self._store:
            lost = f"; {counted(self.lost, 'visit')} lost" if self.lost else ""
            log.warning("storing visits in %s again%s", self._path, lost)
            self._fault = None

    def _sync(self, now_s: float) -> None:
        if self._unsynced_s is not None and now_s - self._unsynced_s >= self._sync_s:
            self._engine.sync()
            self._unsynced_s = None

    def _delete_old(self, now_s: float) -> None:
        if not self._keep_days or now_s < self._retention_s:
            return
        self._retention_s = now_s + RETENTION_S
        store, now = self._opened(), utc_now()
        period = {"since": iso(now - timedelta(days=2)), "until": iso(now - timedelta(days=1))}
        rows = store.query(A_ROW_OF_YESTERDAY, period)
        today = self._today([datetime.fromisoformat(row["hour"]) for row in rows])
        if today is None:  # the clock may be wrong: nothing is old
            return
        limit = today - timedelta(days=self._keep_days)
        gone = store.delete_visits(datetime.combine(limit, time_of_day(), UTC))
        if gone:
            self._engine.shrink()
            days = counted(self._keep_days, "day")
            visits = counted(gone, "visit")
            log.info("deleted %s of %s, older than %s (keep_days)", visits, self._path, days)

    def _opened(self) -> Store:
        if self._store is None:
            self._store = self._open(self._path)
        return self._store

    @property
    def _engine(self) -> SqliteEngine:
        engine = self._opened().engine
        assert isinstance(engine, SqliteEngine)
        return engine

    def _fail(self, error: Exception, now_s: float) -> None:
        self._close()
        self._retry_s = now_s + RETRY_S
        if not self._fault:
            message = (
                f"cannot store visits in {self._path}: {one_line(error)}; "
                f"up to {self._capacity} wait in memory"
            )
            log.warning("%s", FacetError(message, hint_of(error)))
        self._fault = error

    def _close(self) -> None:
        store, self._store = self._store, None
        if store:
            with contextlib.suppress(sqlite3.Error, OSError):
                store.engine.close()


def hint_of(error: Exception) -> str:
    """Return what a user can do about an error of the store."""
    if isinstance(error, FacetError):
        return error.hint
    if "full" in str(error):
        return "free the disk, or a smaller keep_days in [store]"
    return "file in [store], in a folder that you may write to"


def check_store(settings: Settings) -> None:
    """Make or migrate the store of the settings, before a camera is waited for.

    Raises UsageError if it cannot be one. A disk that is full is no error: visits wait for it.
    """
    path = settings.store.file
    assert path
    try:
        with open_sqlite(path):
            pass
    except (sqlite3.Error, OSError) as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in (
            sqlite3.SQLITE_FULL,
            sqlite3.SQLITE_IOERR,
            sqlite3.SQLITE_BUSY,
        ):
            return  # the writer reports it
        raise UsageError(f"cannot store visits in {path}: {one_line(error)}", hint_of(error)) from (
            error
        )


def open_writer(live: LiveRun, stack: contextlib.ExitStack) -> VisitWriter:
    """Return the writer of a run's visits, whose thread is entered on the stack."""
    settings = live.settings
    assert settings.store.file
    writer = VisitWriter(
        live.state,
        settings.store.file,
        camera_id(settings.mqtt.id),
        live.shown,
        settings.rotation.buffer_rows,
        settings.rotation.sync_s,
        settings.store.keep_days,
    )
    worker = Worker(f"the writer of {settings.store.file}", writer.run, JOIN_S)
    live.state.supervise(worker)
    stack.enter_context(worker)
    log.info("storing visits in %s", settings.store.file)
    return writer
