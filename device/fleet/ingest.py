"""The loop of the ingest: from the broker into the database, then the acknowledgement."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from ..log import log
from ..mqtt.access import Access
from ..mqtt.connection import BrokerError
from ..store.rows import VisitRow
from ..text import counted
from .database import DatabaseAwayError, FleetDatabase, Letter, Written
from .records import record_of
from .subscription import Delivery, Subscription

POLL_S = 0.1
BACKOFF_S = (0.5, 1.0, 2.0, 5.0)  # between two attempts to reach the broker or the database
REPORT_S = 60.0
RETENTION_S = 3600.0  # between two looks for old months
IN_FLIGHT = 8  # batches that the broker may send while one is being written


@dataclass(frozen=True)
class IngestOptions:
    """How the ingest works."""

    client_id: str = "facet-ingest"
    """The broker keeps the messages for this name."""
    batch: int = 4000
    """Messages of one transaction at most."""
    wait_s: float = 0.5
    """Time for which a batch waits to fill."""
    keep_months: int = 0
    """Months of visits to keep, this one among them; 0: all."""


@dataclass(slots=True)
class Minute:
    """What happened since the last line of the log."""

    since_s: float
    written: Written = field(default_factory=Written)
    batches: int = 0
    slowest_s: float = 0.0
    """Longest transaction."""
    delays_s: list[float] = field(default_factory=list)
    """From the end of a visit to its row, by the cameras' clocks."""

    def line(self, waiting: int) -> str:
        one, delays = self.written, sorted(self.delays_s)
        delay = f"delay {delays[len(delays) // 2]:.1f} s (median), " if delays else ""
        return (
            f"{counted(one.visits, 'visit')}, {counted(one.counts, 'row')} of counts, "
            f"{one.refused} refused ({one.overflowed} of them not kept) in "
            f"{counted(self.batches, 'transaction')}; {delay}"
            f"slowest {self.slowest_s:.2f} s, {waiting} waiting"
        )


class Ingest:
    """Takes messages into the database until asked to stop.

    stopping: asks. now_s: s of a monotonic clock.
    """

    def __init__(
        self,
        access: Access,
        database: FleetDatabase,
        options: IngestOptions,
        stopping: Callable[[], bool],
        now_s: Callable[[], float] = time.monotonic,
        today: Callable[[], date] = lambda: datetime.now(UTC).date(),
    ):
        self._access, self._database, self._options = access, database, options
        self._stopping, self._now_s, self._today = stopping, now_s, today
        # Not stored yet. A number counts on its own connection only.
        self._pending: list[tuple[Subscription, Delivery]] = []
        self._due_s = 0.0  # when the oldest of them has waited long enough
        self._retry_s, self._failures = 0.0, 0  # of the database
        self._retention_s = 0.0
        self._minute = Minute(now_s())
        self._reported: dict[str, str] = {}
        self.connected = False
        """Whether the broker has accepted; for any thread."""

    def run(self) -> None:
        """Work until asked to stop; what has arrived by then is stored.

        Raises UsageError for a database that cannot be used. Brokers and databases that are away
        are waited for.
        """
        failures = 0
        while not self._stopping():
            broker = Subscription(
                self._access, self._options.client_id, IN_FLIGHT * self._options.batch
            )
            begun_s = self._now_s()
            try:
                broker.open(self._stopping)
                self.connected = True
                self._report("broker", f"connected to the broker {self._access.place}")
                # It sends these again; the database may be away for many connections.
                del self._pending[IN_FLIGHT * self._options.batch :]
                self._serve(broker)
            except BrokerError as error:
                if not self._stopping():
                    self._report("broker", str(error))
            finally:
                self.connected = False
                broker.close()
            failures = 0 if self._now_s() - begun_s > 30 else failures
            self._pause(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
            failures += 1
        self._database.close()
        log.info("%s", self._minute.line(len(self._pending)))

    def _serve(self, broker: Subscription) -> None:
        while not self._stopping():
            # Large transactions count the hours of a burst less often.
            most = max(1, self._options.batch - len(self._pending))
            broker.loop(min(POLL_S, self._options.wait_s) if self._pending else POLL_S, most)
            self._collect(broker)
            self._work(broker)
        while self._pending and self._write(broker):
            pass

    def _pause(self, pause_s: float) -> None:
        """Wait without a broker; the database gets what has arrived."""
        end_s = self._now_s() + pause_s
        while not self._stopping() and self._now_s() < end_s:
            self._work(None)
            time.sleep(POLL_S)

    def _collect(self, broker: Subscription) -> None:
        if broker.inbox and not self._pending:
            self._due_s = self._now_s() + self._options.wait_s
        self._pending += ((broker, delivery) for delivery in broker.inbox)
        broker.inbox.clear()

    def _work(self, broker: Subscription | None) -> None:
        """Do what is due."""
        now_s = self._now_s()
        full = len(self._pending) >= self._options.batch
        if self._pending and now_s >= self._retry_s and (full or now_s >= self._due_s):
            self._write(broker)
        if self._options.keep_months and now_s >= self._retention_s:
            self._drop_months(now_s)
        if now_s - self._minute.since_s >= REPORT_S:
            log.info("%s", self._minute.line(len(self._pending)))
            self._minute = Minute(now_s)

    def _write(self, broker: Subscription | None) -> bool:
        """Store one batch, then acknowledge it; return whether the database took it."""
        batch = self._pending[: self._options.batch]
        letters = [
            Letter(one.topic, one.payload, record_of(one.topic, one.payload)) for _, one in batch
        ]
        begun_s = self._now_s()
        try:
            written = self._database.write(letters)
        except DatabaseAwayError as error:
            self._report("database", f"{error}; the broker keeps the messages")
            self._retry_s = self._now_s() + BACKOFF_S[min(self._failures, len(BACKOFF_S) - 1)]
            self._failures += 1
            return False
        if self._failures:
            self._report("database", "the database is back")
            self._failures = 0
        del self._pending[: len(batch)]
        self._due_s = self._now_s()  # what has waited meanwhile waits no longer
        if broker:
            broker.acknowledge(one.number for source, one in batch if source is broker)
        self._note(letters, written, self._now_s() - begun_s)
        return True

    def _drop_months(self, now_s: float) -> None:
        self._retention_s = now_s + RETENTION_S
        try:
            for name in self._database.drop_months(self._options.keep_months, self._today()):
                log.info("dropped %s: older than %d months", name, self._options.keep_months)
        except DatabaseAwayError as error:
            self._report("database", str(error))

    def _note(self, letters: list[Letter], written: Written, took_s: float) -> None:
        minute, sums = self._minute, self._minute.written
        minute.batches += 1
        minute.slowest_s = max(minute.slowest_s, took_s)
        for name in Written.__slots__:
            setattr(sums, name, getattr(sums, name) + getattr(written, name))
        now = datetime.now(UTC)
        minute.delays_s += (
            (now - datetime.fromisoformat(one.record.last_seen)).total_seconds()
            for one in letters
            if isinstance(one.record, VisitRow) and one.record.clock_set
        )

    def _report(self, about: str, line: str) -> None:
        """Log a line about the broker or the database, once until there is another."""
        if self._reported.get(about) != line:
            self._reported[about] = line
            good = line.startswith(("connected", "the database is back"))
            log.log(20 if good else 30, "%s", line)
