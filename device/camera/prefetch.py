"""Read an iterable some items ahead, so that decoding and the models run at the same time."""

import contextlib
import queue
import threading
from collections.abc import Generator, Iterable, Iterator
from typing import TypeVar

from ..log import log
from ..worker import Worker

T = TypeVar("T")

JOIN_TIMEOUT_S = 5.0


def prefetch(items: Iterable[T], size: int = 3) -> Generator[T, None, None]:
    """Yield every item in order, read by a thread of its own at most `size` items ahead.

    size: from 1; larger only takes more memory. What `items` raises is raised here, after the items
    before it. Closing this generator stops the thread and closes `items` if that is a generator;
    a source that hangs is left behind after JOIN_TIMEOUT_S.
    """
    ready: queue.SimpleQueue[tuple[T, ...]] = queue.SimpleQueue()  # one item each; () is the end
    room = threading.Semaphore(size - 1)

    def read(worker: Worker) -> None:
        try:
            with _closing(iter(items)) as source:
                for item in source:
                    ready.put((item,))
                    room.acquire()
                    if worker.stopping.is_set():
                        return
        finally:
            ready.put(())

    worker = Worker("prefetch", read, JOIN_TIMEOUT_S, wake=room.release)
    try:
        with worker:
            while got := ready.get():
                room.release()
                yield got[0]
    finally:
        if worker.running:
            log.warning("a source does not answer and stays open until Facet exits")


@contextlib.contextmanager
def _closing(source: Iterator[T]) -> Iterator[Iterator[T]]:
    try:
        yield source
    finally:
        if isinstance(source, Generator):
            source.close()
