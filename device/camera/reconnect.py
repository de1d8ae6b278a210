"""Make a live camera out of a device that may drop: it is looked for until it is back."""

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Protocol

import numpy as np

from ..errors import SourceError
from ..log import log
from ..types import Frame

PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # between two tries; the last one stays
TRY_S = 60.0  # a try, with the pause before it, that takes longer hangs in the driver


class Device(Protocol):
    """A camera that can be opened more than once; `fps` and `mode` are those of the last time."""

    name: str
    fps: float  # frames/s, as read back
    mode: str  # size, pixel format and rate, as read back, for people

    def open(self) -> None:
        """Start it; SourceError where it is missing or gives no picture."""

    def read(self) -> np.ndarray | None:
        """Return a new uint8 (H, W, 3) BGR array, None where none came for a while.

        Raises SourceError where the camera has gone.
        """

    def close(self) -> None:
        """Free it; nothing where it is not open."""


class ReconnectingCamera:
    """A live camera; one that drops is noted once and opened again, with growing pauses.

    Raises SourceError where the device cannot be opened at the start; later it is tried for ever.
    try_s: a try to open it, with the pause before it, that takes longer counts as hung.
    """

    live, stills = True, False

    def __init__(
        self, device: Device, pauses_s: tuple[float, ...] = PAUSES_S, try_s: float = TRY_S
    ):
        self._device, self._pauses_s, self._try_s = device, pauses_s, try_s
        self._stopping = threading.Event()
        self._trying_s: float | None = None  # when the last try began, of a camera that is away
        device.open()
        self.name, self.fps, self.mode = device.name, device.fps, device.mode

    @property
    def away(self) -> bool:
        """Whether it has dropped and is being looked for; no longer where that hangs."""
        trying_s = self._trying_s
        return trying_s is not None and time.monotonic() - trying_s < self._try_s

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._device.close()

    def stop(self) -> None:
        """End the iteration soon, also while the camera is away."""
        self._stopping.set()

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        while not self._stopping.is_set():
            try:
                bgr = self._device.read()
            except SourceError as lost:
                self._look_for_it(lost)
                continue
            if bgr is not None:
                yield Frame(bgr, index, datetime.now(UTC), time.monotonic(), self.name)
                index += 1

    def _look_for_it(self, lost: SourceError) -> None:
        if self._stopping.is_set():
            return
        self._trying_s = since = time.monotonic()
        log.info(f"{lost.message}, trying to open it again")
        self._device.close()
        for pause_s in itertools.chain(self._pauses_s, itertools.repeat(self._pauses_s[-1])):
            self._trying_s = time.monotonic()
            if self._stopping.wait(pause_s):
                return
            with contextlib.suppress(SourceError):
                self._device.open()
                self._trying_s = None
                away_s = time.monotonic() - since
                log.info(f"{self.name} is back after {away_s:.0f} s: {self._device.mode}")
                return
