"""Messages of other threads, such as a rule's, on their way to the broker; none is waited for."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from ..errors import FacetError
from ..text import counted
from .connection import BrokerConnection
from .messages import Message

SIZE = 100  # messages that wait, sent or not, for the broker's acknowledgement
LOG_OF_MQTT = "the lines of the log that begin with MQTT"


class Outbox:
    """Takes messages from any thread while the broker is there; `put` is for any thread.

    The rest is for the thread of the connection. place: the broker's. report: takes a line for the
    log, which may repeat.
    """

    def __init__(self, place: str, report: Callable[[str], None], size: int = SIZE):
        self._place, self._report, self._size = place, report, size
        self._lock = threading.Lock()
        self._unsent: deque[Message] = deque()
        self._sent: set[int] = set()  # numbers of those that the broker has not acknowledged
        self._open = False
        self.lost = 0
        """Number of messages that were taken, and did not arrive as far as is known."""

    def put(self, topic: str, payload: bytes) -> None:
        """Take a message and return at once; FacetError if the broker is away or too slow."""
        with self._lock:
            if not self._open:
                raise FacetError(f"the broker {self._place} is away", LOG_OF_MQTT)
            if len(self._unsent) + len(self._sent) >= self._size:
                raise FacetError(
                    f"the broker {self._place} is slower than the messages", LOG_OF_MQTT
                )
            self._unsent.append(Message(topic, payload, qos=1))

    @property
    def waiting(self) -> bool:
        """Whether messages wait for their acknowledgement."""
        with self._lock:
            return bool(self._unsent or self._sent)

    def begin(self) -> None:
        """Begin a connection: messages are taken from now on."""
        with self._lock:
            self._open = True

    def send(self, broker: BrokerConnection) -> None:
        """Note what has arrived, and send what may follow."""
        with self._lock:
            arrived = self._sent & broker.acknowledged
            refused = self._sent & broker.refused.keys()
            self._sent -= arrived | refused
            broker.acknowledged -= arrived
            due = [self._unsent.popleft() for _ in range(min(len(self._unsent), broker.free))]
            self._sent |= {broker.publish(message) for message in due}
        for number in refused:
            self.lost += 1
            self._report(str(broker.refused.pop(number)))

    def end(self) -> None:
        """End a connection: what waits is lost, for an event of the past must not switch a lamp."""
        with self._lock:
            self._open = False
            lost = len(self._unsent) + len(self._sent)
            self._unsent.clear()
            self._sent.clear()
        if lost:
            self.lost += lost
            self._report(f"{counted(lost, 'message')} of rules lost with the connection")
