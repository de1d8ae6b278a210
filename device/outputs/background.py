"""Let a slow output work in a thread of its own, so that it never delays a camera."""

import queue
from typing import Any

from ..log import log
from ..types import Result
from ..worker import Worker
from . import Output

QUEUE_SIZE = 8  # results that wait: what a disk that stalls for a quarter of a second needs
JOIN_S = 30.0  # to write what waits
POLL_S = 0.1  # between two checks whether the run has ended


class BackgroundOutput:
    """An output whose `write` returns at once; its fault is raised at the next write or at the end.

    live: if the output falls behind, results are dropped and counted; else the loop waits.
    """

    def __init__(self, output: Output, name: str, live: bool):
        self._output, self._name, self._live = output, name, live
        self._queue: queue.Queue[Result] = queue.Queue(QUEUE_SIZE)
        self._worker = Worker(name, self._write_all, JOIN_S)
        self.dropped = 0

    def __enter__(self) -> "BackgroundOutput":
        self._output.__enter__()
        self._worker.start()
        return self

    def __exit__(self, *exc: Any) -> None:
        try:
            self._worker.__exit__(*exc)
        finally:
            if self.dropped:
                log.warning("%s: %d frames dropped, the disk is too slow", self._name, self.dropped)
            if not self._worker.running:  # else it still writes
                self._output.__exit__(*exc)

    @property
    def waiting(self) -> int:
        """Results that wait for the output; for any thread."""
        return self._queue.qsize()

    def write(self, result: Result) -> None:
        self._worker.check()
        if self._live:
            try:
                self._queue.put_nowait(result)
            except queue.Full:
                self.dropped += 1
            return
        while not self._worker.done.is_set():
            try:
                self._queue.put(result, timeout=0.1)
                return
            except queue.Full:
                continue
        self._worker.check()

    def _write_all(self, worker: Worker) -> None:
        while not (worker.stopping.is_set() and self._queue.empty()):
            try:
                result = self._queue.get(timeout=POLL_S)
            except queue.Empty:
                continue
            self._output.write(result)
