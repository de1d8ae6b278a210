"""The one way that Facet runs a thread: a stop event, a join with a limit, its fault handed over.

with Worker("camera", read) as worker:      # read(worker) polls worker.stopping
    ...
    worker.check()                          # raises what `read` raised
# left: asked to stop, joined, and any fault not yet raised is raised now
"""

import threading
from collections.abc import Callable
from typing import TypeVar

from .errors import FacetError, Stopped

T = TypeVar("T")

POLL_S = 0.1
GRACE_S = 0.5  # for the call to notice a stop by itself


def call_until(stopping: Callable[[], bool], what: str, call: Callable[[], T]) -> T:
    """Return `call()`, made in a thread of its own; raise Stopped where `stopping` comes first.

    For calls that may block for ever, such as opening a pipe: the thread is then left behind. A
    call that polls `stopping` itself has GRACE_S to clean up.
    """
    results: list[T] = []
    worker = Worker(what, lambda _: results.append(call())).start()
    while not worker.done.wait(POLL_S):
        if stopping() and not worker.done.wait(GRACE_S):
            raise Stopped(f"stopped while {what}")
    worker.check()
    return results[0]


class Worker:
    """A thread that runs `work(worker)` until it returns or is asked to stop.

    work: returns soon after `stopping` is set, or after `wake` if it waits for something else.
    join_s: limit of the join; a thread that takes longer is named in a FacetError and left behind
    (it is a daemon). wake: called by `stop`, to end what `work` waits for.
    Use `start` and `stop` from one thread; `stopping`, `check` and `fault` from any.
    """

    def __init__(
        self,
        name: str,
        work: Callable[["Worker"], None],
        join_s: float = 5.0,
        wake: Callable[[], None] = lambda: None,
    ):
        self.name, self._work, self.join_s, self._wake = name, work, join_s, wake
        self.stopping = threading.Event()
        self.done = threading.Event()  # set when the thread has ended, by itself or asked
        self.fault: BaseException | None = None  # what `work` raised, until it is handed over
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> "Worker":
        self._thread.start()
        return self

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def check(self) -> None:
        """Raise what `work` raised, once."""
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault

    def stop(self) -> None:
        """Ask the thread to stop and join it; raise its fault, or FacetError if it lingers."""
        self.stopping.set()
        self._wake()
        if self._thread.ident is not None:
            self._thread.join(self.join_s)
        if self.running:
            raise FacetError(
                f"{self.name} did not stop within {self.join_s:g} s", "dmesg | tail, then restart"
            )
        self.check()

    def __enter__(self) -> "Worker":
        return self.start()

    def __exit__(self, *exc: object) -> None:
        try:
            self.stop()
        except BaseException:
            # The block's own exception is not replaced; the close of a generator is not a fault.
            if exc[0] in (None, GeneratorExit):
                raise

    def _run(self) -> None:
        try:
            self._work(self)
        except BaseException as error:  # handed to the caller of check or stop
            self.fault = error
        finally:
            self.done.set()
