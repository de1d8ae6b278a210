"""The connection of the ingest to the broker: a session that the broker keeps, acknowledged by us.

The broker sends again what was not acknowledged, also to a later connection of the same client.
"""

from __future__ import annotations

import select
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from ..errors import one_line, os_reason
from ..mqtt.access import Access
from ..mqtt.client import client_for, trust_hint
from ..mqtt.connection import BrokerError

QOS_1 = ("facet/+/visit", "facet/+/counts")
QOS_0 = ("facet/+/status", "facet/+/run", "facet/+/diagnostics")
ANSWER_S = 10.0
KEEPALIVE_S = 30
SESSION_S = 30 * 86400  # that the broker keeps messages for an ingest that is away
READ_S = 0.5  # of messages at once, before others have their turn
BROKER = "--broker, --user, --password-file and --ca-file"


class Delivery(NamedTuple):
    """A message, and the number under which it is acknowledged; 0: it needs no acknowledgement."""

    topic: str
    payload: bytes
    number: int


class Subscription:
    """A connection; `open` first. To be used from one thread, and never again once it was lost.

    limit: messages that the broker may send before the first of them is acknowledged.
    """

    def __init__(self, access: Access, client_id: str, limit: int):
        self._access, self._limit = access, min(limit, 65535)
        self.inbox: list[Delivery] = []
        """What has arrived; the reader removes it."""
        self._connected: ReasonCode | None = None
        self._lost: ReasonCode | None = None
        self._granted: Sequence[ReasonCode] | None = None
        client = client_for(access, client_id, manual_ack=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        self._client = client

    def open(self, stopping: Callable[[], bool]) -> None:
        """Connect and subscribe; BrokerError if the broker is away or refuses, or if `stopping`."""
        place = self._access.place
        wishes = Properties(PacketTypes.CONNECT)
        wishes.SessionExpiryInterval, wishes.ReceiveMaximum = SESSION_S, self._limit
        try:
            self._client.connect(
                self._access.host,
                self._access.port,
                KEEPALIVE_S,
                clean_start=False,
                properties=wishes,
            )
        except ssl.SSLCertVerificationError as error:
            raise BrokerError(
                f"the certificate of the broker {place} is not trusted: {error.verify_message}",
                trust_hint(error, "--ca-file, and --broker as the certificate names it"),
            ) from error
        except (OSError, ValueError) as error:  # an ssl.SSLError is an OSError
            reason = os_reason(error)
            raise BrokerError(f"cannot reach the broker {place}: {reason}", BROKER) from error
        self._wait(lambda: self._connected is not None, stopping)
        self._check_accepted()
        topics = [(topic, 1) for topic in QOS_1] + [(topic, 0) for topic in QOS_0]
        self._client.subscribe(topics)
        self._wait(lambda: self._granted is not None, stopping)
        for (topic, _), answer in zip(topics, self._granted or (), strict=False):
            if answer.is_failure:
                raise BrokerError(
                    f"the broker {place} refuses {topic}: {answer}", "the broker's rules of access"
                )

    def loop(self, timeout_s: float, most: int = 1000) -> None:
        """Receive for up to timeout_s, or what is there, about `most` messages.

        Raises BrokerError if the connection is lost.
        """
        end_s = time.monotonic() + READ_S
        try:
            code = self._transfer(timeout_s)
            while code == MQTTErrorCode.MQTT_ERR_SUCCESS and self._readable():
                if len(self.inbox) >= most or time.monotonic() > end_s:
                    break
                code = self._client.loop_read()
        except Exception as error:  # paho reads whatever a peer sends as if it were MQTT
            raise BrokerError(
                f"{self._access.place} sends what is not MQTT: {one_line(error)}", BROKER
            ) from error
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._check_accepted()  # Mosquitto refuses, and ends the connection
            reason = f": {self._lost}" if self._lost is not None else ""
            raise BrokerError(
                f"lost the broker {self._access.place}{reason}", "the log of the broker"
            )

    def acknowledge(self, numbers: Iterable[int]) -> None:
        """Tell the broker that these messages need not be sent again."""
        for number in numbers:
            if number:
                self._client.ack(number, 1)

    def close(self) -> None:
        """End the connection; the broker keeps the session."""
        try:
            while self._client.want_write():
                if self._client.loop_write() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                    break
            self._client.disconnect()
            self._transfer(0.1)
        except Exception:  # as in loop; the connection ends in any case
            self._lost = None

    def _check_accepted(self) -> None:
        """Raise BrokerError if the broker has answered that it refuses."""
        if self._connected is not None and self._connected.is_failure:
            raise BrokerError(f"the broker {self._access.place} refuses: {self._connected}", BROKER)

    def _wait(self, condition: Callable[[], bool], stopping: Callable[[], bool]) -> None:
        end_s = time.monotonic() + ANSWER_S
        while not condition():
            if stopping() or time.monotonic() > end_s:
                self.close()
                raise BrokerError(f"the broker {self._access.place} does not answer", BROKER)
            self.loop(0.1)

    def _readable(self) -> bool:
        socket = self._client.socket()
        if socket is None:
            return False
        if isinstance(socket, ssl.SSLSocket) and socket.pending() > 0:
            return True
        return bool(_ready(socket, select.POLLIN, 0.0))

    def _transfer(self, timeout_s: float) -> MQTTErrorCode:
        client, socket = self._client, self._client.socket()
        if socket is None:
            return MQTTErrorCode.MQTT_ERR_NO_CONN
        buffered = isinstance(socket, ssl.SSLSocket) and socket.pending() > 0
        events = select.POLLIN | (select.POLLOUT if client.want_write() else 0)
        ready = _ready(socket, events, 0.0 if buffered else timeout_s)
        code = MQTTErrorCode.MQTT_ERR_SUCCESS
        if buffered or ready & ~select.POLLOUT:
            code = client.loop_read()
        if code == MQTTErrorCode.MQTT_ERR_SUCCESS and client.want_write():
            code = client.loop_write()
        return code or client.loop_misc()

    def _on_connect(
        self, client: Client, _: Any, flags: Any, code: ReasonCode, properties: Any
    ) -> None:
        self._connected = code

    def _on_disconnect(
        self, client: Client, _: Any, flags: Any, code: ReasonCode, properties: Any
    ) -> None:
        self._lost = self._lost or code

    def _on_subscribe(
        self, client: Client, _: Any, number: int, codes: list[ReasonCode], properties: Any
    ) -> None:
        self._granted = codes

    def _on_message(self, client: Client, _: Any, message: MQTTMessage) -> None:
        number = message.mid if message.qos else 0
        self.inbox.append(Delivery(message.topic, bytes(message.payload), number))


def _ready(socket: Any, events: int, timeout_s: float) -> int:
    poll = select.poll()
    poll.register(socket, events)
    return dict(poll.poll(1000 * timeout_s)).get(socket.fileno(), 0)
