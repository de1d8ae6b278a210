"""An answer of http.client that is given up after a time, however slowly its bytes drip."""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import Any

from ..errors import SourceError

MAX_WAIT_S = 60.0  # for the next bytes, whatever the socket's own limit is


class TimedResponse(http.client.HTTPResponse):
    """An HTTPResponse; `within` limits the time for what is read next, besides the socket's limit.

    name: of the camera, in the SourceError that reading raises when the time is up.
    """

    def __init__(self, name: str, sock: socket.socket, *arguments: Any, **options: Any):
        super().__init__(sock, *arguments, **options)
        self._timed = _TimedReader(name, self.fp.detach(), sock)
        self.fp = io.BufferedReader(self._timed)

    def within(self, limit_s: float | None) -> None:
        """Begin a time limit for everything that is read from now on, s; None ends the one set."""
        self._timed.begin(limit_s)


class _TimedReader(io.RawIOBase):
    def __init__(self, name: str, raw: Any, sock: socket.socket):
        self._name, self._raw, self._sock = name, raw, sock
        self._piece_s = sock.gettimeout() or float("inf")
        self._limit_s, self._until_s = 0.0, float("inf")

    def begin(self, limit_s: float | None) -> None:
        self._limit_s = limit_s or 0.0
        self._until_s = float("inf") if limit_s is None else time.monotonic() + limit_s

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left_s = self._until_s - time.monotonic()
        if left_s <= 0:
            raise self._too_late()
        self._sock.settimeout(min(left_s, self._piece_s, MAX_WAIT_S))
        try:
            count: int | None = self._raw.readinto(buffer)
        except TimeoutError:
            if time.monotonic() < self._until_s:
                raise
            raise self._too_late() from None
        return count

    def _too_late(self) -> SourceError:
        return SourceError(
            f"{self._name} does not answer within {self._limit_s:.0f} s",
            "check that the camera is on, and its network",
        )

    def close(self) -> None:
        self._raw.close()
        super().close()
