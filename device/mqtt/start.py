"""Begin to send a run's messages."""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from ..attributes.model_card import ModelCard
from ..errors import FacetError, UsageError, nearest, one_line, os_reason
from ..log import log
from ..outputs.live import LiveRun
from ..rowlog.tail import RowTail
from ..settings import MqttSettings, Settings
from ..worker import Worker
from .access import access_of
from .publisher import Publisher
from .session import CLOCKS, Clocks
from .topics import topics_of
from .values import VisitsToday

LOCAL = ("localhost", "127.0.0.1", "::1")
STOP_S = 3.0  # for the last messages, of which the publisher has DRAIN_S
STORE = ".mqtt"  # suffix of the file that stores how far visits were sent


def check_mqtt(
    settings: Settings, card: ModelCard, shown: Sequence[str], visits: Path | None
) -> None:
    """Raise UsageError or SourceError for settings of [mqtt] that cannot be used.

    shown: the attributes that labels may name. visits: the file of visits, if one is written.
    """
    mqtt = settings.mqtt
    if not settings.permits.visit_rows:
        return
    if mqtt.visits and not visits:
        raise UsageError(
            "[mqtt] sends visits, which wait for the broker in a file that is not named",
            "--events visits.csv, or visits = false in [mqtt]",
        )
    if (
        mqtt.visits
        and visits
        and (str(visits) == "-" or (visits.exists() and not visits.is_file()))
    ):
        raise UsageError(
            f"[mqtt] sends visits, which wait for the broker in a file, and {visits} is none",
            "--events visits.csv, or visits = false in [mqtt]",
        )
    if mqtt.people and not settings.people.enabled:
        raise UsageError("[mqtt] people without recognition", "--people, or enabled in [people]")
    thresholds_of(mqtt, card, shown)
    access_of(mqtt)


def thresholds_of(
    settings: MqttSettings, card: ModelCard, shown: Sequence[str]
) -> dict[str, float]:
    """Return the thresholds of the attributes to send, 0..1; UsageError for one not shown."""
    known = dict(zip(card.names, card.values("threshold").tolist(), strict=True))
    for name in settings.attributes:
        if name not in known:
            raise UsageError(f"[mqtt] attributes: unknown {name!r}", nearest(name, shown))
        if name not in shown:
            raise UsageError(f"[mqtt] attributes: {name} is not shown", f"--attributes {name},..")
    return {name: known[name] for name in settings.attributes}


@contextlib.contextmanager
def open_mqtt(live: LiveRun, clocks: Clocks = CLOCKS) -> Iterator[Callable[[str, bytes], None]]:
    """Send a run's messages from a thread of its own, until left.

    Yields what publishes a message of others, by the end of its topic; see `Publisher.publish`.
    Raises UsageError or SourceError for settings that cannot be used. A broker that is not there is
    no error: it is tried again.
    """
    settings = live.settings.mqtt
    check_mqtt(live.settings, live.card, live.shown, live.visits)
    thresholds, access = thresholds_of(settings, live.card, live.shown), access_of(settings)
    if access.password and not access.tls and access.host not in LOCAL:
        log.warning("MQTT: the password goes to %s unencrypted. Try: tls in [mqtt]", access.host)
    tail = _tail_of(live.visits) if settings.visits and live.visits else None
    counts = _tail_of(live.counts) if live.counts and live.counts.is_file() else None
    publisher = Publisher(
        live, access, topics_of(settings), thresholds, tail, _today(tail), clocks, counts
    )

    def work(worker: Worker) -> None:
        try:
            publisher.run(worker)
        except Exception as error:  # the run goes on, and ends with it
            log.error("MQTT has ended, please report it (%s)", one_line(repr(error)))
            raise

    worker = Worker("MQTT", work, STOP_S).start()
    try:
        yield publisher.publish
    finally:
        _stop(worker, access.place)


def _tail_of(visits: Path) -> RowTail:
    store = visits.with_name(visits.name + STORE)
    try:
        tail = RowTail(visits, store)
    except OSError as error:
        raise UsageError(
            f"cannot store in {store} how far visits were sent: {os_reason(error)}",
            "--events FILE.csv in a folder that you may write to",
        ) from error
    if tail.damaged:
        log.warning("MQTT: %s is damaged; the visits of %s are sent again", store, visits)
    return tail


def _today(tail: RowTail | None) -> VisitsToday:
    if not tail:
        return VisitsToday()
    # The local day may have begun on another day in UTC.
    since = (datetime.now(UTC).date() - timedelta(days=2)).isoformat()
    return VisitsToday((row.get("first_seen", "") for row in tail.values(since)), date.today)


def _stop(worker: Worker, place: str) -> None:
    try:
        worker.stop()
    except FacetError:
        if not worker.running:
            raise
        # In a call of the system, such as a connection's begin, that has limits of its own. A
        # broker that hangs makes no run fail; after the call the thread sends nothing more.
        log.warning("MQTT: the end does not wait for the broker %s", place)
