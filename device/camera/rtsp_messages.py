"""Divide what RTSP carries into messages and packets, and add user and password to requests."""

import re
from collections.abc import Iterator

from ..errors import SourceError
from .address import Address
from .authorization import authorize
from .http_client import NO_PICTURE_HINT

MAX_HEAD_BYTES = 16 << 10  # of a request or an answer
MAX_BODY_BYTES = 64 << 10  # of an answer: a description of the stream is 1 kB
MAX_TRIES = 2  # of user and password


class Request:
    """What FFmpeg asks: sent on with user and password once the camera has asked for them."""

    def __init__(self, address: Address):
        self._address = address
        self.head = b""  # of the last request, without Authorization
        self.method = ""
        self._challenges: list[str] = []
        self._tries = 0

    def begin(self, message: bytes) -> bytes:
        """Return a new request as it is sent."""
        self.head, self._tries = message, 0
        self.method = message.partition(b" ")[0].decode("ascii", "replace")
        return self._with_authorization()

    def authorized(self, challenges: list[str]) -> bytes:
        """Return the last request once more, answering a challenge; empty where that is useless."""
        # Twice: the second time for a challenge that has expired.
        self._tries += 1
        if not self._address.user or self._tries > MAX_TRIES:
            return b""
        self._challenges = challenges
        again = self._with_authorization()
        return again if again != self.head else b""

    def _with_authorization(self) -> bytes:
        if not self._challenges:
            return self.head
        line, _, rest = self.head.partition(b"\r\n")
        words = line.decode("utf-8", "replace").split(" ")
        if len(words) != 3:
            return self.head
        method, uri, _ = words
        user, password = self._address.user, self._address.password
        answer = authorize(self._challenges, method, uri, user, password)
        if not answer:
            return self.head
        return b"%s\r\nAuthorization: %s\r\n%s" % (line, answer.encode(), rest)


class Answers:
    """Divides what a camera sends into whole parts, of limited size: answers and packets."""

    def __init__(self, name: str):
        self._name, self._left = name, b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield the parts that are whole; SourceError for one beyond the limits."""
        self._left += data
        while self._left:
            size = packets_bytes(self._left)
            if size:
                packets, self._left = self._left[:size], self._left[size:]
                yield packets
                continue
            if not (self._left[:1] == b"$" or self._left[:1].isalpha()):
                # Some cameras send a few stray bytes; an answer begins with a letter.
                self._left = self._left[1:]
                continue
            length = promised_bytes(self._left)
            if length > MAX_BODY_BYTES:
                raise SourceError(
                    f"{self._name} promises an answer of {length} bytes", NO_PICTURE_HINT
                )
            part, self._left = split_message(self._left)
            if not part:
                if len(self._left) > MAX_HEAD_BYTES + MAX_BODY_BYTES:
                    raise SourceError(
                        f"{self._name} does not answer as RTSP demands", NO_PICTURE_HINT
                    )
                return
            yield part


def packets_bytes(data: bytes) -> int:
    """Return the length of the whole packets that data begins with: $, channel, length, content."""
    at = 0
    while data[at : at + 1] == b"$" and at + 4 <= len(data):
        end = at + 4 + int.from_bytes(data[at + 2 : at + 4])
        if end > len(data):
            break
        at = end
    return at


def split_message(data: bytes) -> tuple[bytes, bytes]:
    """Return (the first message or packet, the rest); (b"", all) where it is not whole."""
    if data.startswith(b"$"):
        size = 4 + int.from_bytes(data[2:4]) if len(data) >= 4 else len(data) + 1
    else:
        end = data.find(b"\r\n\r\n")
        size = end + 4 + promised_bytes(data) if end >= 0 else len(data) + 1
    return (data[:size], data[size:]) if size <= len(data) else (b"", data)


def promised_bytes(data: bytes) -> int:
    """Return the length of the body that a message's head announces; 0 for a packet."""
    if data.startswith(b"$"):
        return 0
    values = header_values(data, "Content-Length")
    return max((int(value) for value in values if re.fullmatch("[0-9]{1,18}", value)), default=0)


def header_values(message: bytes, name: str) -> list[str]:
    head = message.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    fields = [line.partition(":") for line in head.split("\r\n")[1:]]
    return [value.strip() for key, _, value in fields if key.strip().lower() == name.lower()]
