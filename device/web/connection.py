"""One connection of a client: its limits in time and size, on top of uvicorn's HTTP protocol.

A client that is slow to ask, or slow to read what it asked for, is closed; nothing waits for it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol


@dataclass(frozen=True)
class Limits:
    """What a client may take."""

    header_s: float = 10.0
    """From the connection, or the end of the request before, to the last header."""
    body_s: float = 10.0
    """For what follows the headers."""
    stall_s: float = 10.0
    """With data that the client has not read; also the limit for one picture."""
    header_bytes: int = 16_384
    connections: int = 256
    """Of all clients."""
    per_address: int = 160
    """Of one address."""


@dataclass
class Connections:
    """The connections that are open, by address."""

    limits: Limits
    by_address: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    """Connections closed at once because there were too many."""
    slow: int = 0
    """Connections closed because their request did not come."""
    stalled: int = 0
    """Connections closed because the client did not read."""

    def enter(self, address: str) -> bool:
        """Count a connection; return whether it may stay."""
        self.by_address[address] += 1
        few = self.by_address.total() <= self.limits.connections
        return few and self.by_address[address] <= self.limits.per_address

    def leave(self, address: str) -> None:
        self.by_address[address] -= 1
        if not self.by_address[address]:
            del self.by_address[address]


class LimitedConnection(H11Protocol):
    """An HTTP/1.1 connection that ends at its limits."""

    shared: Connections  # set by `protocol_for`

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        self._late: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        # Anything that waits counts as unread. (Not high=0: TLS takes that for always too much.)
        transport.set_write_buffer_limits(high=1, low=0)
        if self.shared.enter(self._address):
            self._expect_request()
        else:
            self.shared.refused += 1
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.shared.leave(self._address)
        _cancel(self._late)
        _cancel(self._stall)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self.cycle
        super().data_received(data)
        if self.cycle is not before:  # a request is complete
            _cancel(self._late)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self.transport.is_closing() and self.cycle.response_complete:
            self._expect_request()

    def pause_writing(self) -> None:
        super().pause_writing()
        _cancel(self._stall)
        self._stall = self.loop.call_later(self.shared.limits.stall_s, self._stalled)

    def resume_writing(self) -> None:
        _cancel(self._stall)
        super().resume_writing()

    def _expect_request(self) -> None:
        _cancel(self._late)
        self._late = self.loop.call_later(self.shared.limits.header_s, self._too_late)

    def _too_late(self) -> None:
        self.shared.slow += 1
        self.transport.abort()

    def _stalled(self) -> None:
        self.shared.stalled += 1
        self.transport.abort()


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()


def protocol_for(connections: Connections) -> type[LimitedConnection]:
    """Return the protocol of a server whose connections are counted in `connections`."""
    return type("FacetConnection", (LimitedConnection,), {"shared": connections})
