"""One value for many readers: each gets the newest when it is ready for it, and none is waited for.

Everything here runs in the server's thread.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator


class Feed:
    """The newest value of each kind, numbered from 1; a reader that is slow misses older ones."""

    def __init__(self) -> None:
        self._newest: dict[str, tuple[int, bytes]] = {}
        self._number = 0
        self._changed = asyncio.Event()
        self.readers = 0
        self.closed = False

    @contextlib.contextmanager
    def reader(self) -> Iterator[None]:
        """Count a reader while it reads: without any, nothing needs to be published."""
        self.readers += 1
        self._wake()
        try:
            yield
        finally:
            self.readers -= 1

    def publish(self, kind: str, value: bytes) -> None:
        """Replace the value of a kind."""
        self._number += 1
        self._newest[kind] = self._number, value
        self._wake()

    async def newer(self, after: int, timeout_s: float) -> tuple[list[bytes], int]:
        """Return the values newer than number `after`, oldest first, and the newest's number.

        Waits for one until timeout_s, and then returns none.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self._number <= after and not self.closed:
                    await self._changed.wait()
        values = sorted(entry for entry in self._newest.values() if entry[0] > after)
        return [value for _, value in values], self._number

    def clear(self) -> None:
        """Forget the values: a reader that comes later must not take them for new."""
        self._newest.clear()

    async def wait_for_reader(self) -> None:
        """Return when there is a reader, or the feed is closed."""
        while not (self.readers or self.closed):
            await self._changed.wait()

    def close(self) -> None:
        """End the readers."""
        self.closed = True
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
