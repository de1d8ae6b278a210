"""Let a slow output work in a thread of its own, so that it never holds a camera up."""

import queue
import threading

from ..log import log
from . import Output, Result

ROOM = 8  # results that wait: what a disk that stalls for a quarter of a second needs


class BackgroundOutput:
    """An output whose `write` returns at once; what it raises is raised at the next write or end.

    live: where the output falls behind, results are left out and counted; else the loop waits.
    """

    def __init__(self, output: Output, name: str, live: bool):
        self._output, self._name, self._live = output, name, live
        self._waiting: queue.Queue[Result | None] = queue.Queue(ROOM)
        self._fault: BaseException | None = None
        self._going_on = True
        self.left_out = 0
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def __enter__(self):
        self._output.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *exc):
        self._waiting.put(None)
        self._thread.join()
        if self.left_out:
            log.info(f"{self._name}: {self.left_out} frames left out, the disk is too slow")
        self._output.__exit__(*exc)
        if self._fault and exc[0] is None:
            raise self._fault

    def write(self, result: Result) -> bool:
        if self._fault:
            fault, self._fault = self._fault, None
            raise fault
        if self._live:
            try:
                self._waiting.put_nowait(result)
            except queue.Full:
                self.left_out += 1
        else:
            self._waiting.put(result)
        return self._going_on

    def _work(self) -> None:
        while (result := self._waiting.get()) is not None:
            if self._fault or not self._going_on:
                continue  # taken, so that nobody waits for room
            try:
                self._going_on = self._output.write(result)
            except BaseException as error:  # handed to the loop's thread
                self._fault = error
