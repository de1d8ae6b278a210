"""Turn a device that may drop into a live camera: it is reopened until it is back."""

from __future__ import annotations

import contextlib
import itertools
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Protocol, Self

from ..errors import SourceError
from ..log import log
from ..types import Frame, Image

BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # pauses before each try to reopen; the last repeats
ATTEMPT_TIMEOUT_S = 60.0  # for a pause and the try after it; a longer one hangs in the driver


class Device(Protocol):
    """A camera that can be opened repeatedly; `fps` and `mode` are those of the last opening."""

    name: str
    fps: float  # frames/s, as read back
    mode: str  # to display: size, pixel format and rate, as read back

    def open(self) -> None:
        """Start it; SourceError if it is missing or gives no picture."""

    def read(self) -> Image | None:
        """Return a new BGR image, or None if none came within about 1 s.

        Raises SourceError if the camera has gone.
        """

    def close(self) -> None:
        """Free it; does nothing if it is closed."""


class ReconnectingCamera:
    """A device as an endless stream of frames; it is reopened, with growing pauses, if it drops.

    Raises SourceError from the constructor if the device cannot be opened; afterwards it is
    tried forever. backoff_s: pause before each try, s; the last one repeats.
    attempt_timeout_s: a pause and try that take longer count as hung, s.
    """

    def __init__(
        self,
        device: Device,
        backoff_s: tuple[float, ...] = BACKOFF_S,
        attempt_timeout_s: float = ATTEMPT_TIMEOUT_S,
    ):
        self._device = device
        self._backoff_s, self._attempt_timeout_s = backoff_s, attempt_timeout_s
        self._stopping = threading.Event()
        self._attempt_began_s: float | None = None  # the last attempt, while it is reconnecting
        device.open()
        self.name, self.fps, self.mode = device.name, device.fps, device.mode

    @property
    def reconnecting(self) -> bool:
        """Whether it has dropped and is being reopened; False again if an attempt hangs."""
        began_s = self._attempt_began_s
        return began_s is not None and time.monotonic() - began_s < self._attempt_timeout_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._device.close()

    def stop(self) -> None:
        """End the iteration soon, also while it is reconnecting."""
        self._stopping.set()

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        while not self._stopping.is_set():
            try:
                bgr = self._device.read()
            except SourceError as lost:
                self._reconnect(lost)
                continue
            if bgr is not None:
                yield Frame(bgr, index, datetime.now(UTC), time.monotonic(), self.name)
                index += 1

    def _reconnect(self, lost: SourceError) -> None:
        if self._stopping.is_set():
            return
        self._attempt_began_s = lost_s = time.monotonic()
        log.info(f"{lost.message}, trying to open it again")
        self._device.close()
        for pause_s in itertools.chain(self._backoff_s, itertools.repeat(self._backoff_s[-1])):
            self._attempt_began_s = time.monotonic()
            if self._stopping.wait(pause_s):
                return
            with contextlib.suppress(SourceError):
                self._device.open()
                self._attempt_began_s = None
                log.info(
                    f"{self.name} is back after {time.monotonic() - lost_s:.0f} s: "
                    f"{self._device.mode}"
                )
                return
