"""The thread that keeps the broker informed: what is in view, how the camera is, each visit."""

from __future__ import annotations

from collections.abc import Mapping

from .. import __version__
from ..errors import one_line
from ..log import log
from ..outputs.live import LiveRun
from ..rowlog.tail import RowTail
from ..worker import Worker
from . import discovery, messages
from .access import Access
from .connection import (
    BrokerConnection,
    BrokerError,
    Received,
    TakenOverError,
    taken_over,
)
from .messages import Message
from .outbox import Outbox
from .ownership import Run, next_run, run_of
from .session import Clocks, Session
from .snapshot import Snapshots
from .topics import OFFLINE, ONLINE, Topics
from .values import InView, SteppedNumber, VisitsToday
from .visits import VisitSender

POLL_S = 0.2  # between two looks at the run
VALUES_S = 1.0  # least time between two messages about who is in view
GRACE_S = 0.5  # for retained messages to arrive after a subscription
DRAIN_S = 2.0  # limit for the last visits at the end of a run
STABLE_S = 30.0  # a connection that lasted so long begins with the shortest pause again
BIRTH_S = 10.0  # between two answers to Home Assistant's start: it may start over and over
MODEL_DIGITS = 12  # of its SHA-256, as in messages of errors
FLOOD = 200  # messages received in VALUES_S


class Publisher:
    """Sends a run's messages until it ends; `run` is the work of a Worker.

    tail: of the visits file; None: visits are not sent. thresholds: of the attributes to send.
    counts: of the counts file; None: counts are not sent.
    """

    def __init__(
        self,
        live: LiveRun,
        access: Access,
        topics: Topics,
        thresholds: Mapping[str, float],
        tail: RowTail | None,
        today: VisitsToday,
        clocks: Clocks,
        counts: RowTail | None = None,
    ):
        self._live, self._settings = live, live.settings.mqtt
        self._access, self._topics, self._thresholds = access, topics, thresholds
        self._today, self._clocks = today, clocks
        named = self._settings.people
        self._visits = VisitSender(
            tail,
            topics.visit,
            lambda row: messages.visit(row, topics.id, thresholds, named),
            self._report,
            self._settings.resend_s,
        )
        self._counts = VisitSender(
            counts,
            topics.counts,
            lambda row: messages.counts(row, topics.id),
            self._report,
            self._settings.resend_s,
        )
        self._permits = live.settings.permits
        self._view = InView(thresholds, self._settings.hold_s)
        self._fps, self._temperature = SteppedNumber(0.5, 0.1), SteppedNumber(1.0)
        self._with_temperature = clocks.temperature_c() is not None
        self._snapshots = Snapshots(self._settings.numbers_s) if self._settings.snapshot else None
        self._outbox = Outbox(access.place, self._report)
        self._run: Run | None = None  # known from the first connection on
        self._reported = ""  # the last line of the log about the broker

    def publish(self, topic_suffix: str, payload: bytes) -> None:
        """Take a message below the camera's topic, from any thread; return at once.

        Raises FacetError if the broker is away or slow: nothing is kept for later.
        """
        self._outbox.put(self._topics.below(topic_suffix), payload)

    def run(self, worker: Worker) -> None:
        """Connect, again after each loss with growing pauses, until the worker is stopped.

        That is after the end of the run: rules have seen its last result by then.
        """
        failures = 0
        while not worker.stopping.is_set():
            begun_s = self._clocks.now_s()
            try:
                self._connect(worker)
            except TakenOverError as error:
                self._report(str(error))
                return
            except BrokerError as error:
                if not worker.stopping.is_set():
                    self._report(f"{error}" + self._kept())
            finally:
                for sender in (self._visits, self._counts):
                    sender.save(self._clocks.now_s(), at_once=True)
            failures = 0 if self._clocks.now_s() - begun_s > STABLE_S else failures
            steps_s = self._clocks.backoff_s
            # Cameras that lost the same broker shall not all come back at the same moment.
            pause_s = steps_s[min(failures, len(steps_s) - 1)] * (0.5 + self._clocks.chance() / 2)
            failures += 1
            end_s = self._clocks.now_s() + pause_s
            while self._clocks.now_s() < end_s and not worker.stopping.is_set():
                worker.stopping.wait(min(POLL_S, pause_s))

    def _connect(self, worker: Worker) -> None:
        """Serve one connection, up to its loss (BrokerError) or the end of the run."""
        will = Message(self._topics.status, OFFLINE.encode(), retain=True)
        clock_s = self._clocks.now_s
        broker = BrokerConnection(self._access, self._topics.client_id, will, clock_s)
        broker.open(worker.stopping.is_set)
        session = Session(broker, clock_s())
        self._visits.begin()
        self._counts.begin()
        try:
            self._tidy(session)
            self._report(f"connected to the broker {self._access.place}, as {self._topics.id}")
            # Older ones are in the sums: a late message would switch a lamp in an empty room.
            session.crossing = max((one.number for one in self._live.state.crossings()), default=0)
            self._outbox.begin()
            while not worker.stopping.is_set():
                self._step(session)
            self._drain(session)
        finally:
            self._outbox.end()
            broker.close()

    def _step(self, session: Session) -> None:
        session.broker.loop(POLL_S)
        now_s = self._clocks.now_s()
        self._read_inbox(session, now_s)
        self._outbox.send(session.broker)
        self._visits.send(session.broker, now_s)
        self._counts.send(session.broker, now_s)
        self._send_crossings(session)
        reconnecting = self._live.reconnecting()
        newest = None if reconnecting else self._live.state.newest()
        self._view.update(newest, now_s)
        if now_s - session.values_s >= VALUES_S:
            session.values_s = now_s
            self._check_flood(session)
            self._send_values(session, now_s, available=newest is not None)
        if self._snapshots and newest is not None:
            self._send_snapshot(session, self._snapshots.take(newest, self._view.people, now_s))

    def _send_crossings(self, session: Session) -> None:
        if not self._permits.visit_rows:
            return
        for one in self._live.state.crossings(session.crossing):
            session.crossing = one.number
            payload = messages.crossing(one.crossing)
            session.broker.publish(Message(self._topics.crossing, payload))

    def _send_snapshot(self, session: Session, picture: bytes | None) -> None:
        if picture and len(picture) + len(self._topics.snapshot) + 16 > session.broker.max_packet:
            # The broker would end the connection.
            self._report("the broker takes no messages as large as a snapshot")
        elif picture:
            session.broker.publish(Message(self._topics.snapshot, picture))

    def _send_in_view(self, session: Session) -> None:
        """Send who is in view; empty messages remove what the broker keeps of an earlier run."""
        if not self._permits.people_in_view:
            self._send_changed(session, self._topics.state, b"")
            self._send_changed(session, self._topics.lines, b"")
            return
        today = self._today.update(self._live.state.visits(self._today.number))
        payload = messages.state(self._view, today, self._settings.people)
        self._send_changed(session, self._topics.state, payload)
        if names := [line.name for line in self._live.settings.lines]:
            payload = messages.lines(names, self._live.state.line_counts())
            self._send_changed(session, self._topics.lines, payload)

    def _send_values(self, session: Session, now_s: float, available: bool) -> None:
        self._send_in_view(session)
        if now_s - session.numbers_s >= self._settings.numbers_s:
            session.numbers_s = now_s
            newest = self._live.state.newest()
            payload = messages.diagnostics(
                self._fps.update(newest.fps if newest and available else None),
                self._temperature.update(self._clocks.temperature_c()),
            )
            self._send_changed(session, self._topics.diagnostics, payload)
        # Last: who hears that the camera is there finds the values there too.
        status = ONLINE if available else OFFLINE
        self._send_changed(session, self._topics.status, status.encode())

    def _send_changed(self, session: Session, topic: str, payload: bytes) -> None:
        if session.sent.get(topic) != payload:
            session.broker.publish(Message(topic, payload, retain=True))
            session.sent[topic] = payload

    def _drain(self, session: Session) -> None:
        """Send the visits and firings that came last, and that the camera is off."""
        end_s = self._clocks.now_s() + DRAIN_S
        self._send_values(session, self._clocks.now_s(), available=False)
        self._send_crossings(session)
        while True:
            self._outbox.send(session.broker)
            self._visits.send(session.broker, self._clocks.now_s())
            self._counts.send(session.broker, self._clocks.now_s())
            waiting = self._outbox.waiting or self._visits.waiting or self._counts.waiting
            if not waiting or self._clocks.now_s() >= end_s:
                break
            session.broker.loop(0.05)
        self._send_changed(session, self._topics.status, OFFLINE.encode())
        while session.broker.sending and self._clocks.now_s() < end_s:
            session.broker.loop(0.05)

    def _tidy(self, session: Session) -> None:
        """Introduce the camera to Home Assistant, and remove what others left on its topics."""
        topics = [topic for topic in (self._topics.config, *self._topics.passing) if topic]
        session.broker.subscribe([self._topics.run])
        # A broker sends what it keeps before it answers what comes next.
        session.broker.subscribe(topics)
        old = self._kept_messages(session)
        # Without delay: two cameras with one id may be ending each other's connections.
        self._claim(session, old.get(self._topics.run))
        session.broker.subscribe([self._topics.lines])
        old |= self._kept_messages(session)
        # Last: any number of messages may be there, and the inbox drops the oldest.
        session.broker.subscribe([self._topics.rules])
        end_s = self._clocks.now_s() + GRACE_S
        while self._clocks.now_s() < end_s:
            session.broker.loop(0.05)
        old |= self._kept_messages(session)
        session.broker.unsubscribe(
            [self._topics.run, *topics, self._topics.lines, self._topics.rules]
        )
        strange = sorted(old.keys() - set(self._topics.retained))
        for topic in strange:
            session.broker.publish(Message(topic, b"", retain=True))
        if strange:
            found = one_line(", ".join(strange), 300)
            log.warning("removed another program's retained message from %s", found)
        if self._topics.lines in old and not self._live.settings.lines:  # of an earlier run
            session.broker.publish(Message(self._topics.lines, b"", retain=True))
        if self._topics.config:
            self._introduce(session, old.get(self._topics.config))
            session.broker.subscribe([self._topics.birth])

    def _kept_messages(self, session: Session) -> dict[str, Received]:
        """Return the retained messages that have come, by topic."""
        found = {one.topic: one for one in session.broker.inbox if one.retained}
        session.broker.inbox.clear()
        return found

    def _claim(self, session: Session, found: Received | None) -> None:
        """Say that this run sends; raise TakenOverError if a later one does."""
        other = run_of(found.payload) if found else None
        if self._run is None:
            self._run = next_run(other)
        elif other and other > self._run:
            raise taken_over()
        payload = self._run.payload(__version__, self._live.card.sha256[:MODEL_DIGITS])
        session.broker.publish(Message(self._topics.run, payload, retain=True))

    def _introduce(self, session: Session, old: Received | None = None) -> None:
        """Send the discovery; old: the one that the broker keeps."""
        attributes = tuple(self._thresholds)

        def config(removed: Mapping[str, str] | None = None) -> bytes:
            return discovery.config(
                self._settings,
                self._topics,
                attributes,
                self._live.settings.lines,
                self._with_temperature,
                removed,
                self._permits.people_in_view,
            )

        if removed := discovery.leftover(old.payload if old else b"", config()):
            self._publish_config(session, config(removed))
        self._publish_config(session, config())

    def _publish_config(self, session: Session, payload: bytes) -> None:
        session.broker.publish(Message(self._topics.config, payload, retain=True))

    def _read_inbox(self, session: Session, now_s: float) -> None:
        inbox = session.broker.inbox
        while inbox:
            found = inbox.popleft()
            # A retained one was there before this connection, which has just introduced itself.
            if found.topic == self._topics.birth and not found.retained:
                session.born = session.born or found.payload == ONLINE.encode()
        if session.born and now_s - session.birth_s >= BIRTH_S:
            session.born, session.birth_s = False, now_s
            self._introduce(session)
            session.sent.clear()

    def _check_flood(self, session: Session) -> None:
        count = session.broker.received - session.received
        session.received = session.broker.received
        if count > FLOOD and not session.flooded:
            session.flooded = True
            session.broker.unsubscribe([self._topics.birth])
            log.warning(
                "%d messages a second on %s: it is not listened to until the next connection",
                count,
                self._topics.birth,
            )

    def _kept(self) -> str:
        return "; visits wait in their file" if self._visits.on or self._counts.on else ""

    def _report(self, line: str) -> None:
        """Log a line about the broker, once until there is another."""
        if line != self._reported:
            self._reported = line
            log.log(20 if line.startswith("connected") else 30, "MQTT: %s", line)
