"""Replace a recognition process that ended or hangs, with pauses that grow."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Protocol, Self

import numpy as np

from ..errors import FacetError
from ..log import Repeated
from ..types import Image
from .embedding_process import EmbeddingProcess

FIRST_PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0  # before a new start; doubled after each fault
STEADY_S = 60.0  # a process that ran for so long begins with the first pause again
TRIES = 3  # of one crop of a video or photo
POLL_S = 0.05


class Embeddings(Protocol):
    """What the recognizer needs of `RestartedProcess`."""

    @property
    def busy(self) -> bool: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *exc: object) -> None: ...
    def check(self) -> None: ...
    def submit(self, crop_rgb: Image) -> None: ...
    def result(self, wait: bool) -> np.ndarray | None: ...


class RestartedProcess:
    """An `EmbeddingProcess` and its replacements; a context manager, to be used from one thread.

    After a fault it is `busy` until the next process is ready, and the crop in work has no result.
    Faults are logged, at most a line a minute. Entering raises what `EmbeddingProcess` raises;
    `result(wait=True)` submits the crop again, and raises the fault after TRIES of them.
    """

    def __init__(
        self,
        stopping: Callable[[], bool] = lambda: False,
        make: Callable[[Callable[[], bool]], EmbeddingProcess] = EmbeddingProcess,
        clock_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ):
        self._stopping, self._make = stopping, make
        self._clock_s, self._sleep = clock_s, sleep
        self._process: EmbeddingProcess | None = None  # None while a pause lasts
        self._crop: Image | None = None  # submitted, without a result
        self._pause_s = FIRST_PAUSE_S
        self._started_s = self._due_s = 0.0
        self._interrupted = False  # since a fault, until the next process is ready
        self._faults, self._recoveries = Repeated(clock_s=clock_s), Repeated(clock_s=clock_s)

    def __enter__(self) -> Self:
        self._process = self._make(self._stopping).__enter__()
        self._started_s = self._clock_s()
        return self

    def __exit__(self, *exc: object) -> None:
        self._discard()

    @property
    def busy(self) -> bool:
        """Whether it takes no crop at present."""
        process = self._process
        return process is None or not process.ready or process.busy

    def check(self) -> None:
        """Notice that the process ended or hangs, and start the next one when that is due."""
        try:
            self._watch()
        except FacetError as error:
            self._fail(error)

    def submit(self, crop_rgb: Image) -> None:
        """Start on a crop, uint8 (150, 150, 3); only while not `busy`."""
        assert self._process
        self._crop = crop_rgb
        self._process.submit(crop_rgb)

    def result(self, wait: bool) -> np.ndarray | None:
        """Return the embedding of the submitted crop, float32 (128,); None if there is none (yet).

        wait: blocks until it is ready; raises FacetError if TRIES processes fail, or Stopped.
        """
        tries = 0
        while True:
            try:
                self._watch()
                if embedding := self._take(wait):
                    return embedding[0]
            except FacetError as error:
                tries += 1
                self._fail(error, keep_crop=wait)
                if wait and tries == TRIES:
                    raise
            if not wait or self._stopping():
                return None
            self._sleep(POLL_S)

    def _take(self, wait: bool) -> list[np.ndarray]:
        """Return the embedding, if it is ready; submit the crop if the process is a new one."""
        process, crop = self._process, self._crop
        if process is None or crop is None or not process.ready:
            return []
        if not process.busy:
            process.submit(crop)
        embedding = process.result(wait)
        if embedding is None:
            return []
        self._crop = None
        return [embedding]

    def _watch(self) -> None:
        process, now_s = self._process, self._clock_s()
        if process is None:
            if now_s < self._due_s:
                return
            process = self._make(self._stopping)
            self._started_s = now_s
            process.start()
            self._process = process
        process.check()
        if self._interrupted and process.ready:
            self._interrupted = False
            self._recoveries.info("the recognition process runs again")

    def _fail(self, error: FacetError, keep_crop: bool = False) -> None:
        now_s = self._clock_s()
        if now_s - self._started_s > STEADY_S:
            self._pause_s = FIRST_PAUSE_S
        self._due_s, self._interrupted = now_s + self._pause_s, True
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        if not keep_crop:
            self._crop = None
        self._discard()
        line = f"{error.message}; it is started again, and new faces have no names until then"
        self._faults.warning(str(FacetError(line, error.hint)))

    def _discard(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with contextlib.suppress(FacetError):  # it was logged, or nobody needs it any more
                process.__exit__(None, None, None)
