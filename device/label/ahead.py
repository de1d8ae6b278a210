"""Fetch a shard's next objects while the one before is analyzed: a store answers in 0.1 s."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Self

from .sources import Kind, kind_of
from .storage import is_url, read_photo_bytes

AHEAD = 4  # photos; each is held in memory


class ReadAhead:
    """The contents of a shard's photos in a store, in order; a context manager.

    Names of other inputs are passed over, and cost nothing.
    """

    def __init__(self, inputs: Sequence[str]):
        self._names = deque(name for name in inputs if is_url(name) and kind_of(name) == Kind.PHOTO)
        self._pending: dict[str, Future[bytes]] = {}
        self._pool: ThreadPoolExecutor | None = None

    def __enter__(self) -> Self:
        if self._names:
            self._pool = ThreadPoolExecutor(AHEAD)
            self._fill()
        return self

    def __exit__(self, *exc: object) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def read(self, name: str) -> bytes:
        """Return a photo's content; raises as `read_photo_bytes`."""
        future = self._pending.pop(name, None)
        self._fill()
        return read_photo_bytes(name) if future is None else future.result()

    def drop(self, name: str) -> None:
        """Pass over a photo that is not read after all."""
        self._pending.pop(name, None)
        self._fill()

    def _fill(self) -> None:
        while self._pool is not None and self._names and len(self._pending) < AHEAD:
            name = self._names.popleft()
            self._pending[name] = self._pool.submit(read_photo_bytes, name)
