"""A live camera for the bench: pictures in memory, each at its time, whether it is taken or not."""

import math
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Self

import numpy as np

from ..types import Frame

FPS = 25.0


class LiveScene:
    """A LiveCamera of `pictures`, uint8 (number, H, W, 3), in a loop at FPS frames/s.

    first: number of the picture that it begins with. Each frame is a copy, as a driver gives one.
    It has no thread: the frames that were due while the last one was analyzed are `dropped`.
    """

    fps, newest, reconnecting = FPS, None, False

    def __init__(self, name: str, pictures: np.ndarray, first: int = 0):
        self.name, self._pictures, self._first = name, pictures, first
        self.mode = f"{pictures.shape[2]}x{pictures.shape[1]}, {FPS:g} frames/s"
        self.dropped = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        pass

    def __iter__(self) -> Iterator[Frame]:
        began_s, last = time.monotonic(), -1
        while True:
            due_s = began_s + (last + 1) / FPS
            time.sleep(max(0.0, due_s - time.monotonic()))
            index = max(last + 1, math.floor((time.monotonic() - began_s) * FPS))
            self.dropped += index - last - 1
            last = index
            bgr = self._pictures[(self._first + index) % len(self._pictures)].copy()
            yield Frame(bgr, index, datetime.now(UTC), began_s + index / FPS, self.name)
