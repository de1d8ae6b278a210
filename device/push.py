"""Push messages, text only, to phones, chats and mail through apprise; sent in a thread.

with PushMessages(Path("urls.txt")) as push:    # a line for each service, such as ntfy://TOPIC
    push.send("Facet", "a face has crossed the line door")

What the lines look like: https://github.com/caronc/apprise/wiki
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .errors import UsageError, one_line, os_reason
from .files import read_text
from .log import log
from .resources import install_hint
from .text import counted, printable
from .worker import Worker

if TYPE_CHECKING:
    import apprise

QUEUE = 20  # messages
MAX_TEXT = 2000  # characters of a title or body
MAX_BYTES = 100_000  # of the file of addresses
CLOSE_S = 5.0  # for the messages that wait at the end
JOIN_S = 30.0  # an address may be tried for 8 s: apprise waits 4 s to connect and 4 s to read
LOG_EVERY_S = 60.0  # between two lines about messages that were not sent


class Message(NamedTuple):
    """What a service shows."""

    title: str
    body: str


class PushMessages:
    """Sends messages to every service of a file, one after the other; a context manager.

    `send` never waits: QUEUE messages are kept while a service is slow, then the oldest is dropped.
    A message that a service refuses is not tried again, unless its address says so (`?retry=2`). A
    log line a minute, at most, says what was not sent and why, without addresses: they hold
    passwords. Raises UsageError for a file that cannot be read or has a wrong line, and without
    apprise.
    """

    def __init__(
        self,
        urls: Path,
        queue: int = QUEUE,
        close_s: float = CLOSE_S,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._services = read_services(urls)
        self._close_s, self._clock = close_s, clock
        self._queue: deque[Message] = deque(maxlen=queue)
        self._changed = threading.Condition()
        self._unreported, self._reason, self._logged_s = 0, "", -LOG_EVERY_S
        self.sent = self.lost = 0  # messages so far
        self._worker = Worker("the push messages", self._run, JOIN_S, self._wake)

    def __enter__(self) -> PushMessages:
        self._worker.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._worker.__exit__(*exc)

    def send(self, title: str, body: str) -> None:
        """Take a message; control characters become escapes, longer text is cut."""
        message = message_of(title, body)
        with self._changed:
            full = len(self._queue) == self._queue.maxlen
            self._queue.append(message)
            self._changed.notify_all()
        if full:
            self._lose(1, "the services are slower than the messages")

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _run(self, worker: Worker) -> None:
        end_s = None
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or worker.stopping.is_set())
                if worker.stopping.is_set():
                    end_s = end_s or time.monotonic() + self._close_s
                    if not self._queue:
                        break
                    if time.monotonic() >= end_s:
                        left = len(self._queue)
                        self._queue.clear()
                        self._lose(left, "Facet has ended")
                        break
                message = self._queue.popleft()
            fault = fault_of(self._services, message)
            if fault:
                self._lose(1, fault)
            else:
                self.sent += 1
        self._report()

    def _lose(self, number: int, reason: str) -> None:
        with self._changed:
            self.lost += number
            self._unreported, self._reason = self._unreported + number, reason
            due = self._clock() - self._logged_s >= LOG_EVERY_S
            if due:
                self._logged_s = self._clock()
        if due:
            self._report()

    def _report(self) -> None:
        with self._changed:
            number, self._unreported = self._unreported, 0
        if number:
            log.warning("%s not sent: %s", counted(number, "push message"), self._reason)


def message_of(title: str, body: str) -> Message:
    """Return a message; control characters become escapes, longer text is cut."""
    lines = (printable(line) for line in body.splitlines())
    return Message(one_line(printable(title), MAX_TEXT), "\n".join(lines)[:MAX_TEXT])


def fault_of(services: apprise.Apprise, message: Message) -> str:
    """Send a message to services; return why one has not taken it, or ""."""
    import apprise

    # In this thread alone: apprise's own lines would go to stderr.
    with apprise.LogCapture(level=apprise.logging.WARNING, fmt="%(message)s") as lines:
        try:
            taken = services.notify(
                message.body, message.title, body_format=apprise.NotifyFormat.TEXT
            )
        except Exception as error:  # of one of apprise's many services
            return one_line(printable(f"{type(error).__name__}: {error}"))
        reason = one_line(printable(" ".join(lines.getvalue().split())))
    return "" if taken else reason or "a service has refused it"


def read_services(urls: Path) -> apprise.Apprise:
    """Return the services that a file names, one a line; empty lines and those with # are comments.

    Raises UsageError, which names the line but not the address, for one that apprise does not know.
    """
    try:
        import apprise
    except ImportError:
        raise UsageError("push messages need the package apprise", install_hint("push")) from None
    try:
        lines = read_text(urls, MAX_BYTES).splitlines()
    except (OSError, ValueError) as error:
        message = f"cannot read the push addresses {urls}: {os_reason(error)}"
        raise UsageError(message, "a text file with a line such as ntfy://TOPIC") from error
    services = apprise.Apprise()
    with apprise.LogCapture():
        for number, line in enumerate(map(str.strip, lines), 1):
            if line and not line.startswith("#") and not services.add(line):
                raise UsageError(
                    f"{urls}: line {number} is no address of a push service",
                    "https://github.com/caronc/apprise/wiki",
                )
    if not len(services):
        raise UsageError(f"{urls} names no push service", "a line such as ntfy://TOPIC")
    return services
