"""Keep only a live camera's newest frame, so that a slow pipeline never works on an old one."""

import dataclasses
import threading
from collections.abc import Callable, Iterator
from typing import Self

from ..errors import FacetError
from ..log import log
from ..types import Frame
from ..worker import Worker
from .orientation import Oriented
from .reconnect import ReconnectingCamera

FRAME_TIMEOUT_S = 10.0  # without a frame the camera counts as hung
POLL_S = 0.25  # of `stopping` and of the reader's end, while no frame comes
JOIN_TIMEOUT_S = 1.5  # for the reader to end; a device's read() returns after 1 s without a frame


class NewestFrameReader(Oriented):
    """A LiveCamera: a thread reads the camera, and iterating yields the newest frame.

    stopping: polled while no frame comes; True ends the iteration. frame_timeout_s: without a frame
    for that long the camera counts as hung, unless it is reconnecting.
    Iterating raises FacetError if the camera ends or hangs, or what reading it raised.
    """

    def __init__(
        self,
        camera: ReconnectingCamera,
        stopping: Callable[[], bool] = lambda: False,
        frame_timeout_s: float = FRAME_TIMEOUT_S,
    ):
        self.newest: Frame | None = None  # taken or not
        self.dropped = 0  # frames that were replaced before they were taken
        self._camera, self._stopping, self._frame_timeout_s = camera, stopping, frame_timeout_s
        self._changed = threading.Condition()
        self._waiting: Frame | None = None  # the newest, until it is taken
        self._reader = Worker(f"{camera.name} reader", self._read, JOIN_TIMEOUT_S, camera.stop)

    @property
    def name(self) -> str:
        return self._camera.name

    @property
    def fps(self) -> float:
        return self._camera.fps

    @property
    def mode(self) -> str:
        return self._camera.mode + self.orientation.words

    @property
    def reconnecting(self) -> bool:
        """Whether the camera has dropped and is being reopened."""
        return self._camera.reconnecting

    def __enter__(self) -> Self:
        self._camera.__enter__()
        self._reader.start()
        return self

    def __exit__(self, *exc: object) -> None:
        try:
            self._reader.__exit__(*exc)
        except FacetError:
            if not self._reader.running:
                raise
        finally:
            # A driver that hangs in read() holds the device: closing it then would hang as well.
            if self._reader.running:
                log.warning(f"{self.name} does not answer and stays open until Facet exits")
            else:
                self._camera.__exit__(*exc)

    def __iter__(self) -> Iterator[Frame]:
        poll_s, waited_s = min(POLL_S, self._frame_timeout_s / 10), 0.0
        while not self._stopping():
            frame = self._take(poll_s)
            if frame:
                yield frame
            elif self._reader.done.is_set():
                self._reader.check()
                if self._camera.finite:
                    return
                raise FacetError(
                    f"{self.name} stopped giving frames", "check the cable, then dmesg | tail"
                )
            # Polls are counted, not seconds: a process that was suspended has not waited.
            waited_s = 0.0 if frame or self.reconnecting else waited_s + poll_s
            if waited_s >= self._frame_timeout_s:
                waited = f"{self._frame_timeout_s:.0f} s"
                raise FacetError(f"{self.name} gave no frame for {waited}", "check the cable")

    def _take(self, timeout_s: float) -> Frame | None:
        """Return the newest frame, once; None if none came in time or the reader has ended."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._reader.done.is_set(), timeout_s)
            frame, self._waiting = self._waiting, None
            self._changed.notify()
        return frame

    def _read(self, reader: Worker) -> None:
        for frame in self._camera:
            turned = self.orientation.apply(frame.bgr)
            if turned is not frame.bgr:
                frame = dataclasses.replace(frame, bgr=turned)
            with self._changed:
                while self._camera.finite and self._waiting and not reader.stopping.is_set():
                    self._changed.wait(POLL_S)  # each frame of a film counts
                self.dropped += self._waiting is not None
                self._waiting = self.newest = frame
                self._changed.notify()
            if reader.stopping.is_set():
                return
