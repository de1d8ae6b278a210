"""Read an iterable some items ahead, so that decoding and the models run at the same time."""

import contextlib
import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from typing import TypeVar

from ..worker import Worker

T = TypeVar("T")

JOIN_TIMEOUT_S = 5.0


def prefetch(items: Iterable[T], size: int = 3) -> Generator[T, None, None]:
    """Yield every item in order, read by a thread of its own at most `size` items ahead.

    size: from 1; larger only takes more memory. What `items` raises is raised here, after the items
    before it. Closing this generator stops the thread and closes `items` if that is a generator; it
    raises FacetError if the source hangs for JOIN_TIMEOUT_S, and no fault of items not yet yielded.
    """
    # One item each, or a fault; () is the end.
    ready: queue.SimpleQueue[tuple[T, ...] | BaseException] = queue.SimpleQueue()
    room = threading.Semaphore(size - 1)

    def read(worker: Worker) -> None:
        try:
            with closing(items) as source:
                try:
                    for item in source:
                        ready.put((item,))
                        room.acquire()
                        if worker.stopping.is_set():
                            return
                except BaseException as error:  # raised in its turn, if it is reached
                    ready.put(error)
        finally:
            ready.put(())

    with Worker("prefetch", read, JOIN_TIMEOUT_S, wake=room.release):
        while got := ready.get():
            if isinstance(got, BaseException):
                raise got
            room.release()
            yield got[0]


@contextlib.contextmanager
def closing(items: Iterable[T]) -> Iterator[Iterator[T]]:
    """Iterate items, and close their generator at the end, so that its faults are raised here."""
    source = iter(items)
    try:
        yield source
    finally:
        if isinstance(source, Generator):
            source.close()
