"""A camera that gives pictures out of memory at a fixed rate, as a real one does."""

import time
from collections.abc import Callable, Sequence

import numpy as np


class Pacer:
    """Waits for the multiples of a period, counted from the first wait.

    So the errors of single sleeps do not add up. Multiples that were missed are left out: a camera
    does not give late frames in a burst.
    """

    def __init__(
        self,
        period_s: float,
        now_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ):
        self._period_s, self._now_s, self._sleep = period_s, now_s, sleep
        self._began_s: float | None = None
        self._number = 0

    def wait(self) -> int:
        """Return the number of the multiple, from 0, when it is due."""
        now_s = self._now_s()
        if self._began_s is None:
            self._began_s = now_s
            return 0
        passed = int((now_s - self._began_s) / self._period_s)
        self._number = max(self._number + 1, passed)
        left_s = self._began_s + self._number * self._period_s - now_s
        if left_s > 0:
            self._sleep(left_s)
        return self._number


class PacedDevice:
    """A `Device` of `device.camera.reconnect`: a loop of pictures, each when it is due.

    pictures: uint8 (H, W, 3), BGR. fps: frames/s.
    """

    name = "paced"

    def __init__(self, pictures: Sequence[np.ndarray], fps: float, pacer: Pacer | None = None):
        height, width = pictures[0].shape[:2]
        self.fps, self.mode = fps, f"{width}x{height}, {fps:g} frames/s"
        self._pictures, self._pacer = pictures, pacer or Pacer(1 / fps)

    def open(self) -> None:
        pass

    def close(self) -> None:
        pass

    def read(self) -> np.ndarray:
        """Return the next picture, uint8 (H, W, 3), when it is due."""
        return self._pictures[self._pacer.wait() % len(self._pictures)]
