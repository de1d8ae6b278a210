"""Read several cameras at the same time, and take their frames in fair turns.

Each camera is read by a thread of its own, so one without a frame holds up no other.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Self

from ..errors import FacetError
from ..fair_queue import FairQueue
from ..log import Repeated, log
from ..types import Frame
from ..worker import Worker
from . import Camera, is_live
from .prefetch import closing

POLL_S = 0.1  # of `stopping`, while no frame comes
RETRY_S = 1.0  # between two tries of a live camera that gives no frame
STOP_TIMEOUT_S = 1.5  # for all videos together, to be left by their threads


class Feed:
    """A live camera's newest frame, or a video's next one, read by a thread of its own.

    changed: guards the attributes, and is notified when they change.
    """

    def __init__(self, camera: Camera, changed: threading.Condition):
        self.camera, self._changed = camera, changed
        self.live = is_live(camera)
        self.waiting: Frame | None = None  # until it is taken
        self.ended = False
        self.fault: Exception | None = None  # that ended it
        self.hung: FacetError | None = None  # why a live camera gives no frame, until it gives one
        self._dropped = 0
        self._hung_log, self._back_log = Repeated(), Repeated()
        self.reader = Worker(f"{camera.name} feed", self._read)

    @property
    def dropped(self) -> int:
        """Frames of a live camera that were replaced before they were taken."""
        return self._dropped + (self.camera.dropped if is_live(self.camera) else 0)

    @property
    def reconnecting(self) -> bool:
        """Whether a live camera has dropped and is being opened again."""
        return is_live(self.camera) and self.camera.reconnecting

    @property
    def note(self) -> str:
        """What a status line says of it: "" while it gives frames."""
        if self.ended:
            return "ended"
        return "reconnecting" if self.reconnecting else "no frames" if self.hung else ""

    def take(self) -> Frame | None:
        """Return the waiting frame, once."""
        frame, self.waiting = self.waiting, None
        self._changed.notify_all()
        return frame

    def _read(self, reader: Worker) -> None:
        try:
            while not self._read_to_end(reader):
                reader.stopping.wait(RETRY_S)
        except FacetError as fault:
            log.warning(f"{fault.message}; the other cameras go on")
            self.fault = fault
        except Exception as fault:  # an internal error: handed over
            self.fault = fault
        finally:
            with self._changed:
                self.ended = True
                self._changed.notify_all()

    def _read_to_end(self, reader: Worker) -> bool:
        """Read the camera; return whether it has ended, and not only given no frame for long."""
        try:
            with closing(self.camera) as frames:
                for frame in frames:
                    self._offer(frame, reader)
                    if reader.stopping.is_set():
                        break
        except FacetError as fault:
            if not self.live:
                raise
            if reader.stopping.is_set():
                return True
            self._hung_log.warning(f"{fault.message}; the other cameras go on")
            with self._changed:
                self.hung = fault
                self._changed.notify_all()
            return False
        return True

    def _offer(self, frame: Frame, reader: Worker) -> None:
        if self.hung:
            self._back_log.info(f"{self.camera.name} gives frames again")
        with self._changed:
            while not self.live and self.waiting and not reader.stopping.is_set():
                self._changed.wait(POLL_S)  # each frame of a video counts
            self._dropped += self.waiting is not None
            self.waiting, self.hung = frame, None
            self._changed.notify_all()


class Feeds:
    """The frames of several cameras while entered; iterate it once, from one thread.

    The camera goes next that has a frame and was served longest ago. A camera that fails is named
    at once, and the others go on. The cameras are entered and left by their owner. stopping: polled
    while no frame comes; True ends the iteration.
    """

    def __init__(self, cameras: Sequence[Camera], stopping: Callable[[], bool] = lambda: False):
        self._changed = threading.Condition()
        self.feeds = [Feed(camera, self._changed) for camera in cameras]
        self._queue, self._stopping = FairQueue(len(cameras)), stopping

    def __enter__(self) -> Self:
        for feed in self.feeds:
            feed.reader.start()
        return self

    def __exit__(self, *exc: object) -> None:
        for feed in self.feeds:
            feed.reader.stopping.set()
        end_s = time.monotonic() + STOP_TIMEOUT_S
        # A live camera has a thread of its own, which its owner ends: what waits for it ends then.
        for feed in self.feeds:
            left_s = max(0.0, end_s - time.monotonic())
            if not feed.live and not feed.reader.done.wait(left_s):
                log.warning(f"{feed.camera.name} does not answer, and is not waited for")

    def __iter__(self) -> Iterator[tuple[int, Frame]]:
        """Yield (number of the camera, its frame) until all cameras have ended.

        Raises the first fault then; FacetError also where no camera is left that gives frames.
        """
        while not self._stopping():
            with self._changed:
                self._changed.wait_for(self._has_news, POLL_S)
                ready = {n for n, feed in enumerate(self.feeds) if feed.waiting}
                number = self._queue.take(ready)
                frame = None if number is None else self.feeds[number].take()
                over = self._is_over()
            self._raise_internal()
            if number is not None and frame is not None:
                yield number, frame
                del frame  # large ones of a video
            elif over:
                self._raise_first()
                return

    def _has_news(self) -> bool:
        return any(feed.waiting for feed in self.feeds) or self._is_over()

    def _is_over(self) -> bool:
        return all(feed.ended or feed.hung for feed in self.feeds)

    def _raise_internal(self) -> None:
        for feed in self.feeds:
            if feed.fault and not isinstance(feed.fault, FacetError):
                raise feed.fault

    def _raise_first(self) -> None:
        for feed in self.feeds:
            if fault := feed.fault or feed.hung:
                raise fault
