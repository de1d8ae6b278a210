"""Turn a device that may drop into a live camera: it is reopened until it is back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Protocol, Self

import numpy as np

from ..errors import FacetError, SourceError, Stopped
from ..log import REPEAT_S, Repeated, log
from ..types import Frame, Image
from ..worker import Worker

BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # pauses before each try to reopen; the last repeats
ATTEMPT_TIMEOUT_S = 60.0  # for a pause and the try after it; a longer one hangs in the driver
OPEN_POLL_S = 0.1  # of `stopping`
STEADY_S = 3.0  # of frames, after which the pauses begin anew
FROZEN_STEP = 8  # px between those that are compared: noise changes some of them in any picture


class Device(Protocol):
    """A camera that can be opened repeatedly; `fps` and `mode` are those of the last opening.

    One that waits for something else than a driver has a method `cancel`, which ends that.
    """

    name: str
    fps: float  # frames/s, as read back
    mode: str  # to display: size, pixel format and rate, as read back

    def open(self) -> None:
        """Start it; SourceError where it is missing or gives no picture."""

    def read(self) -> Image | None:
        """Return a new BGR image, or None where none came within about 1 s.

        Raises SourceError where the camera has gone.
        """

    def close(self) -> None:
        """Free it; does nothing where it is closed."""


class Frozen:
    """Finds a camera that repeats one picture. after_s: that long is too long; 0: never."""

    def __init__(self, after_s: float, clock_s: Callable[[], float] = time.monotonic):
        self._after_s, self._clock_s = after_s, clock_s
        self._last: Image | None = None
        self._since_s = 0.0

    def __call__(self, bgr: Image) -> bool:
        """Return whether the picture has been the same for `after_s`, once in that time."""
        if not self._after_s:
            return False
        sample, now_s = bgr[::FROZEN_STEP, ::FROZEN_STEP].copy(), self._clock_s()
        if self._last is None or not np.array_equal(sample, self._last):
            self._last, self._since_s = sample, now_s
            return False
        if now_s - self._since_s < self._after_s:
            return False
        self._since_s = now_s
        return True


class ReconnectingCamera:
    """A device as an endless stream of frames; it is reopened, with growing pauses, if it drops.

    Raises SourceError from the constructor where the device cannot be opened; afterwards it is
    tried forever. wait: it is tried forever from the start. stopping: polled while it is opened for
    the first time; True raises Stopped. The pauses grow until frames have come for `steady_s`.
    backoff_s: pause before each try, s; the last one repeats.
    attempt_timeout_s: a pause and try that take longer count as hung, s. frozen_s: identical
    pictures for so long are a warning, and with `frozen_restart` the camera is opened again.
    """

    def __init__(
        self,
        device: Device,
        backoff_s: tuple[float, ...] = BACKOFF_S,
        attempt_timeout_s: float = ATTEMPT_TIMEOUT_S,
        *,
        wait: bool = False,
        stopping: Callable[[], bool] = lambda: False,
        steady_s: float = STEADY_S,
        frozen_s: float = 0.0,
        frozen_restart: bool = False,
    ):
        self._device = device
        self._backoff_s, self._attempt_timeout_s = backoff_s, attempt_timeout_s
        self._steady_s, self._tries = steady_s, 0  # failed or short-lived ones in a row
        self._frozen, self._frozen_s = Frozen(frozen_s), frozen_s
        self._frozen_restart = frozen_restart
        self._stopping = threading.Event()
        self._attempt_began_s: float | None = None  # the last attempt, while it is reconnecting
        self._told, self._told_s = "", 0.0  # the reason that was logged last
        self._absent: SourceError | None = None  # why it is not open at the start
        self._lost_log, self._back_log, self._frozen_log = Repeated(), Repeated(), Repeated()
        try:
            self._open(stopping)
        except SourceError as error:
            if not wait:
                raise
            self._absent, self._attempt_began_s = error, time.monotonic()
        self._opened_s = time.monotonic()

    def _open(self, stopping: Callable[[], bool]) -> None:
        """Open the device in a thread, as a driver or a network may take long."""
        began_s = time.monotonic()
        opening = Worker(f"opening {self.name}", lambda _: self._device.open()).start()
        while not opening.done.wait(OPEN_POLL_S):
            if stopping():
                raise Stopped(f"stopped while opening {self.name}")
            if time.monotonic() - began_s > self._attempt_timeout_s:
                waited = f"{self._attempt_timeout_s:.0f} s"
                raise FacetError(f"{self.name} does not open within {waited}", "dmesg | tail")
        opening.check()

    @property
    def name(self) -> str:
        return self._device.name

    @property
    def fps(self) -> float:
        return self._device.fps

    @property
    def mode(self) -> str:
        return self._device.mode

    @property
    def finite(self) -> bool:
        """Whether it turned out to be a film, which ends and is read once."""
        return bool(getattr(self._device, "finite", False))

    @property
    def reconnecting(self) -> bool:
        """Whether it has dropped and is being reopened; False again where an attempt hangs."""
        began_s = self._attempt_began_s
        return began_s is not None and time.monotonic() - began_s < self._attempt_timeout_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._device.close()

    def stop(self) -> None:
        """End the iteration soon, also while it is reconnecting."""
        self._stopping.set()
        cancel = getattr(self._device, "cancel", None)
        if cancel is not None:
            cancel()

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        if self._absent is not None:
            self._lost_log.info(f"{self._absent.message}, waiting for it")
            self._reopen(self._absent)
        while not self._stopping.is_set():
            try:
                bgr = self._device.read()
                if bgr is not None and not self.finite:
                    self._check_frozen(bgr)
            except SourceError as lost:
                if self.finite:  # from its beginning its rows would be doubled
                    raise
                self._reconnect(lost)
                continue
            if bgr is not None:
                yield self._frame(bgr, index)
                index += 1
            elif self.finite:
                return

    def _frame(self, bgr: Image, index: int) -> Frame:
        """Return a frame of this moment; of a film, at its place in the film."""
        now, now_s = datetime.now(UTC), time.monotonic()
        at_s = self._opened_s + index / self.fps if self.finite else now_s
        return Frame(bgr, index, now + timedelta(seconds=at_s - now_s), at_s, self.name)

    def _check_frozen(self, bgr: Image) -> None:
        """Log that the camera repeats one picture; SourceError where it is to be opened again."""
        if self._frozen(bgr):
            line = f"{self.name} gives the same picture for {self._frozen_s:.0f} s"
            if self._frozen_restart:
                raise SourceError(line, "check the camera's power and cable")
            self._frozen_log.warning(f"{line}: it may be frozen. Try: [camera] frozen_restart")

    def _tell(self, error: SourceError) -> None:
        """Log why the camera cannot be opened where the reason is another than the one logged."""
        now_s = time.monotonic()
        if error.message != self._told and now_s - self._told_s >= REPEAT_S:
            log.info(str(error))
            self._told, self._told_s = error.message, now_s

    def _reconnect(self, lost: SourceError) -> None:
        if self._stopping.is_set():
            return
        if time.monotonic() - self._opened_s >= self._steady_s:
            self._tries = 0
        self._lost_log.info(f"{lost.message}, trying to open it again")
        self._device.close()
        self._reopen(lost)

    def _reopen(self, lost: SourceError) -> None:
        lost_s = time.monotonic()
        self._told, self._told_s = lost.message, lost_s
        while True:
            self._attempt_began_s = time.monotonic()
            pause_s = self._backoff_s[min(self._tries, len(self._backoff_s) - 1)]
            self._tries += 1
            if self._stopping.wait(pause_s):
                return
            try:
                self._device.open()
            except SourceError as error:
                self._tell(error)
                continue
            self._opened_s, self._attempt_began_s = time.monotonic(), None
            self._back_log.info(
                f"{self.name} is back after {self._opened_s - lost_s:.0f} s: {self.mode}"
            )
            return
