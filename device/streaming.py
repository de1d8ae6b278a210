"""A source that is analyzed in the background, for programs whose own loop is elsewhere.

with facet.stream(0) as stream:
    ...
    if stream.latest:
        print(len(stream.latest.faces))
"""

from __future__ import annotations

import atexit
import contextlib
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

from .api import merged, results
from .errors import Stopped
from .settings import Settings
from .types import Result
from .worker import Worker

JOIN_S = 10.0
POLL_S = 0.5  # between two looks whether Ctrl-C was pressed

Results = Callable[[Settings, Callable[[], bool]], Generator[Result, None, None]]


def stream(
    source: str | int | Path = "auto", *, settings: Settings | None = None, **overrides: Any
) -> Stream:
    """Return a Stream of a source; takes what `watch` takes.

    Returns when the first frame is analyzed, which takes some seconds. Raises SourceError,
    ModelError and UsageError.
    """
    return Stream(merged(settings, overrides | {"source": str(source)}))


class Stream:
    """A source that a thread analyzes until it ends or `close` is called; a context manager.

    Unlike `watch`, whose loop gets each result of a film, it only keeps the newest: nothing waits
    for a slow reader. Any thread may read it. What ends the thread with a fault, such as a camera
    that is unplugged for good, is raised to its readers. results: yields what `watch` yields.
    """

    def __init__(self, settings: Settings, results: Results = results):
        self.settings, self._results = settings, results
        self._changed = threading.Condition()
        self._result: Result | None = None
        self._count = 0
        self._ended = False
        self._fault: Exception | None = None
        self._worker = Worker("the stream", self._run, JOIN_S).start()
        atexit.register(self._stop)
        try:
            while not (self.wait(0, POLL_S)[1] or self.ended):
                pass
        except BaseException:
            self._stop()
            raise

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Result]:
        """Yield the newest result whenever there is a newer one, until the source ends."""
        count = 0
        while True:
            result, newer = self.wait(count, POLL_S)
            if result is not None and newer > count:
                count = newer
                yield result
            elif self.ended:
                return

    @property
    def latest(self) -> Result | None:
        """The newest result; None if the source had no frame. Never waits."""
        return self.wait(-1, 0)[0]

    @property
    def ended(self) -> bool:
        """Whether no further result comes."""
        with self._changed:
            return self._ended

    def wait(self, count: int, timeout_s: float | None = None) -> tuple[Result | None, int]:
        """Wait until there were more than `count` results; return the newest, and their number.

        Returns after timeout_s, and when the source ends, with what there is then.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._count > count, timeout_s)
            if self._fault:
                raise self._fault
            return self._result, self._count

    def close(self) -> None:
        """Stop the thread and close the camera. Raises FacetError if it does not stop in 10 s."""
        atexit.unregister(self._stop)
        self._worker.stop()

    def _stop(self) -> None:
        with contextlib.suppress(Exception):  # at the exit nobody can act on it
            self.close()

    def _run(self, worker: Worker) -> None:
        try:
            with contextlib.closing(self._results(self.settings, worker.stopping.is_set)) as found:
                for result in found:
                    with self._changed:
                        self._result, self._count = result, self._count + 1
                        self._changed.notify_all()
        except Stopped:
            pass
        except Exception as error:
            self._fault = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()
