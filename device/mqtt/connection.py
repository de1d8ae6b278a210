"""One connection to the broker, from its begin to its loss, in the thread that uses it.

A connection is never used again: paho would keep messages in memory that the disk keeps better.
"""

import select
import ssl
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import FacetError, one_line, os_reason
from .access import Access
from .client import client_for, trust_hint  # before paho: it says how to install it
from .messages import Message

# isort: split
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

ANSWER_S = 10.0  # limit for the broker's answer to a connection or a subscription
KEEPALIVE_S = 30  # after 1.5 times that long without a sign of life the broker sends the last will
MAX_PACKET = 262_144  # bytes that the broker may send at once: no rubbish fills the memory
MAX_INBOX = 100  # messages that wait to be read; the oldest are dropped
TAKEN_OVER = 0x8E
HINTS = {
    0x01: "Mosquitto 1.6 or later, or another broker with MQTT 5",
    0x84: "Mosquitto 1.6 or later, or another broker with MQTT 5",
    0x85: "another id in [mqtt]",
    0x86: "user and password_file in [mqtt]",
    0x87: "user and password_file in [mqtt], or the broker's rules of access",
    0x97: "a higher quota of the broker",
}
LOG_OF_BROKER = "the log of the broker: journalctl -u mosquitto"


class BrokerError(FacetError):
    """The broker cannot be reached, refuses or was lost; the next attempt may succeed."""


class TakenOverError(BrokerError):
    """Another client with the same id has connected: the broker allows one."""


def taken_over() -> TakenOverError:
    """Return the error; what it says is said once, for a second attempt would end the other one."""
    return TakenOverError(
        "another Facet with the same id has connected to the broker; this one sends no more",
        "another id in [mqtt], then restart",
    )


@dataclass(frozen=True)
class Received:
    """A message of the broker."""

    topic: str
    payload: bytes
    retained: bool


class BrokerConnection:
    """A connection; `open` first. To be used from one thread.

    will: what the broker sends if the connection is lost. clock_s: s of a monotonic clock.
    """

    def __init__(
        self, access: Access, client_id: str, will: Message | None, clock_s: Callable[[], float]
    ):
        self._access, self._clock_s = access, clock_s
        self.inbox: deque[Received] = deque(maxlen=MAX_INBOX)
        self.received = 0
        """Number of messages received."""
        self.acknowledged: set[int] = set()
        """Numbers of the messages that the broker has taken; the reader removes them."""
        self.refused: dict[int, BrokerError] = {}
        """Why, by the numbers of the messages that the broker has refused; the reader removes them.
        """
        # Topics of the messages with QoS 1, by number; paho reports the others too.
        self._awaited: dict[int, str] = {}
        self._window = 10  # of these at once
        self.max_packet = 2**28
        """Bytes of the largest message that the broker takes."""
        self._answers: dict[int, Sequence[ReasonCode]] = {}
        self._connected: ReasonCode | None = None
        self._lost: ReasonCode | None = None
        self._stopping: Callable[[], bool] = lambda: False
        client = client_for(access, client_id)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        if will:
            client.will_set(will.topic, will.payload, will.qos, will.retain)
        self._client = client

    def open(self, stopping: Callable[[], bool]) -> None:
        """Return when the broker has accepted; raise BrokerError if not, or if `stopping`."""
        wishes = Properties(PacketTypes.CONNECT)
        wishes.MaximumPacketSize, wishes.ReceiveMaximum = MAX_PACKET, 20
        place, self._stopping = self._access.place, stopping
        try:
            self._client.connect(
                self._access.host, self._access.port, KEEPALIVE_S, properties=wishes
            )
        except ssl.SSLCertVerificationError as error:
            raise BrokerError(
                f"the certificate of the broker {place} is not trusted: {error.verify_message}",
                trust_hint(error, "ca_file in [mqtt], and host as the certificate names it"),
            ) from error
        except ssl.SSLError as error:
            raise BrokerError(
                f"no TLS with the broker {place}: {one_line(error.reason or error)}",
                "port and tls in [mqtt]",
            ) from error
        except (OSError, ValueError) as error:  # a name that cannot be one is a ValueError
            reason = "no answer" if isinstance(error, TimeoutError) else os_reason(error)
            raise BrokerError(
                f"cannot reach the broker {place}: {reason}", "host, port and tls in [mqtt]"
            ) from error
        end_s = self._clock_s() + ANSWER_S
        while self._connected is None:
            if stopping() or self._clock_s() > end_s:
                self.close()
                raise BrokerError(f"the broker {place} does not answer", "port and tls in [mqtt]")
            self.loop(0.1)
        if self._connected.is_failure:
            raise self._refusal(self._connected)

    def loop(self, timeout_s: float) -> None:
        """Send and receive for up to timeout_s; raise BrokerError if the connection is lost."""
        try:
            code = self._transfer(timeout_s)
        except Exception as error:  # paho reads whatever a peer sends as if it were MQTT
            raise BrokerError(
                f"{self._access.place} sends what is not MQTT: {one_line(error)}",
                "port and tls in [mqtt]",
            ) from error
        if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
            raise self._loss()

    def _transfer(self, timeout_s: float) -> MQTTErrorCode:
        # Not Client.loop, which leaves a pair of sockets open.
        client, socket = self._client, self._client.socket()
        if socket is None:
            return MQTTErrorCode.MQTT_ERR_NO_CONN
        buffered = isinstance(socket, ssl.SSLSocket) and socket.pending() > 0
        poll = select.poll()
        poll.register(socket, select.POLLIN | (select.POLLOUT if client.want_write() else 0))
        ready = dict(poll.poll(0 if buffered else 1000 * timeout_s)).get(socket.fileno(), 0)
        code = MQTTErrorCode.MQTT_ERR_SUCCESS
        if buffered or ready & ~select.POLLOUT:
            code = client.loop_read()
        if code == MQTTErrorCode.MQTT_ERR_SUCCESS and client.want_write():
            code = client.loop_write()
        return code or client.loop_misc()

    def publish(self, message: Message) -> int:
        """Send a message; return its number, which `acknowledged` gets if its QoS is 1."""
        info = self._client.publish(message.topic, message.payload, message.qos, message.retain)
        if message.qos:
            self._awaited[info.mid] = message.topic
        return info.mid

    @property
    def free(self) -> int:
        """Number of messages with QoS 1 that may be sent now."""
        return max(0, self._window - len(self._awaited))

    def check_refused(self, numbers: Iterable[int]) -> None:
        """Raise BrokerError if the broker has refused one of these messages."""
        for number in numbers:
            if number in self.refused:
                raise self.refused[number]

    def subscribe(self, topics: Sequence[str]) -> Sequence[ReasonCode]:
        """Subscribe with QoS 0; return the broker's answer to each topic."""
        _, number = self._client.subscribe([(topic, 0) for topic in topics])
        end_s = self._clock_s() + ANSWER_S
        while number not in self._answers:
            if number is None or self._clock_s() > end_s or self._stopping():
                raise BrokerError("the broker does not answer a subscription", LOG_OF_BROKER)
            self.loop(0.1)
        return self._answers.pop(number)

    def unsubscribe(self, topics: Sequence[str]) -> None:
        self._client.unsubscribe(list(topics))

    @property
    def sending(self) -> bool:
        """Whether messages wait to be sent."""
        return self._client.want_write()

    def close(self) -> None:
        """End the connection, so that the broker does not send the last will."""
        try:
            self._client.disconnect()
            self._transfer(0.1)
        except Exception:  # as in loop; the connection ends in any case
            self._lost = None

    def _refusal(self, code: ReasonCode) -> BrokerError:
        if code.value == TAKEN_OVER:
            return taken_over()
        return BrokerError(
            f"the broker {self._access.place} refuses: {code}",
            HINTS.get(code.value, LOG_OF_BROKER),
        )

    def _loss(self) -> BrokerError:
        if self._lost is not None and self._lost.value == TAKEN_OVER:
            return taken_over()
        if self._connected is not None and self._connected.is_failure:
            return self._refusal(self._connected)
        for refusal in self.refused.values():  # Mosquitto refuses, and ends the connection
            return refusal
        reason = f": {self._lost}" if self._lost is not None else ""
        return BrokerError(f"lost the broker {self._access.place}{reason}", LOG_OF_BROKER)

    def _on_connect(
        self, client: Client, _: Any, flags: Any, code: ReasonCode, properties: Properties | None
    ) -> None:
        self._connected = code
        self._window = min(self._window, getattr(properties, "ReceiveMaximum", self._window))
        self.max_packet = getattr(properties, "MaximumPacketSize", 2**28)

    def _on_disconnect(
        self, client: Client, _: Any, flags: Any, code: ReasonCode, properties: Properties | None
    ) -> None:
        # paho calls twice after the broker's farewell; the first has its reason.
        self._lost = self._lost or code

    def _on_publish(
        self, client: Client, _: Any, number: int, code: ReasonCode, properties: Properties
    ) -> None:
        topic = self._awaited.pop(number, "")
        if topic and code.is_failure:
            self.refused[number] = BrokerError(
                f"the broker refuses {topic}: {code}", HINTS.get(code.value, LOG_OF_BROKER)
            )
        elif topic:
            self.acknowledged.add(number)

    def _on_subscribe(
        self, client: Client, _: Any, number: int, codes: list[ReasonCode], properties: Properties
    ) -> None:
        self._answers[number] = codes

    def _on_message(self, client: Client, _: Any, message: MQTTMessage) -> None:
        self.received += 1
        self.inbox.append(Received(message.topic, bytes(message.payload), message.retain))
