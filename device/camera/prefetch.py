"""Read an iterable some items ahead, so that decoding and the models run at the same time."""

import contextlib
import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import TypeVar

from ..errors import FacetError
from ..log import log
from ..worker import Worker

T = TypeVar("T")

JOIN_TIMEOUT_S = 1.5  # a stop takes 2 s at most, whatever is being read
STOP_TIMEOUT_S = 1.0  # the same where the run was asked to stop
POLL_S = 0.2  # of `stopping`, while no item comes


def prefetch(
    items: Iterable[T],
    size: int = 3,
    stopping: Callable[[], bool] = lambda: False,
    alone: Callable[[T], bool] = lambda _: False,
) -> Generator[T, None, None]:
    """Yield every item in order, read by a thread of its own at most `size` items ahead.

    size: from 1; larger only takes more memory. stopping: polled while no item comes; True ends
    the iteration, and a source that hangs is left behind. alone: with size 1, whether an item is so
    large that the next one is not read while it is in use. What `items` raises is raised here,
    after the items before it. Closing this generator stops the thread and closes `items` if that is
    a generator; it raises FacetError if the source hangs for JOIN_TIMEOUT_S, and no fault of items
    not yet yielded.
    """
    # One item each, or a fault; () is the end.
    ready: queue.SimpleQueue[tuple[T, ...] | BaseException] = queue.SimpleQueue()
    room = threading.Semaphore(size - 1)
    idle = threading.Event()  # set while the consumer waits for an item

    def read(worker: Worker) -> None:
        try:
            with closing(items) as source:
                try:
                    for item in source:
                        large = alone(item)
                        ready.put((item,))
                        del item  # or it would stay in memory while the next one is read
                        room.acquire()
                        while large and not worker.stopping.is_set() and not idle.wait(POLL_S):
                            pass
                        if worker.stopping.is_set():
                            return
                except BaseException as error:  # raised in its turn, if it is reached
                    ready.put(error)
        finally:
            ready.put(())

    worker = Worker("prefetch", read, JOIN_TIMEOUT_S, wake=room.release)
    try:
        with worker:
            try:
                while True:
                    got = _next(ready, stopping, idle)
                    if isinstance(got, BaseException):
                        raise got
                    if not got:
                        return
                    room.release()
                    yield got[0]
                    del got
                    idle.set()
            finally:
                if stopping():
                    worker.join_s = STOP_TIMEOUT_S
    except FacetError:
        if not (worker.running and stopping()):
            raise
        log.warning("the source does not answer and stays open until Facet exits")


def _next(
    ready: queue.SimpleQueue[tuple[T, ...] | BaseException],
    stopping: Callable[[], bool],
    idle: threading.Event,
) -> tuple[T, ...] | BaseException:
    """Return what comes next; () at the end, and where the run is asked to stop first."""
    while not stopping():
        with contextlib.suppress(queue.Empty):
            got = ready.get(timeout=POLL_S)
            idle.clear()
            return got
    return ()


@contextlib.contextmanager
def closing(items: Iterable[T]) -> Iterator[Iterator[T]]:
    """Iterate items, and close their generator at the end, so that its faults are raised here."""
    source = iter(items)
    try:
        yield source
    finally:
        if isinstance(source, Generator):
            source.close()
