"""Read a network camera's stream, RTSP or HTTP, and open it again when it drops."""

import os
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import cv2

from device.command import note
from device.errors import SourceError
from device.types import Frame

TIMEOUT_MS = 5000  # to open, and to wait for a frame
PAUSES_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)  # between two tries; the last one stays
LOOK = "Try it in a player: ffplay URL; no camera at hand: --camera demo"


class Stream:
    """A network camera; `name` is its address without user and password.

    Raises SourceError where the stream cannot be opened at the start; later it is tried for ever.
    """

    live, stills = True, False

    def __init__(self, url: str, pauses_s: tuple[float, ...] = PAUSES_S):
        self._url, self._pauses_s = url, pauses_s
        self.name = re.sub(r"//[^/@]*@", "//", url)
        self._stopping = threading.Event()
        capture = self._open()
        if capture is None:
            raise SourceError(f"cannot open the stream {self.name}", LOOK)
        self._capture = capture
        self.fps = capture.get(cv2.CAP_PROP_FPS) or 25.0

    def _open(self) -> cv2.VideoCapture | None:
        limits = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, cv2.CAP_PROP_READ_TIMEOUT_MSEC)
        # FFmpeg's own complaints; descriptor 2 may not be closed here, beside a running loop.
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        capture = cv2.VideoCapture(
            self._url, cv2.CAP_FFMPEG, [n for limit in limits for n in (limit, TIMEOUT_MS)]
        )
        if capture.isOpened():
            return capture
        capture.release()
        return None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._capture.release()

    def stop(self) -> None:
        """End the iteration soon, also while it waits for the stream to come back."""
        self._stopping.set()

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        while not self._stopping.is_set():
            ok, bgr = self._capture.read()
            if ok:
                yield Frame(bgr, index, datetime.now(UTC), time.monotonic(), self.name)
                index += 1
            else:
                self._reopen()

    def _reopen(self) -> None:
        note(f"{self.name} dropped, trying to open it again")
        self._capture.release()
        lost = time.monotonic()
        for attempt in range(10**9):
            if self._stopping.wait(self._pauses_s[min(attempt, len(self._pauses_s) - 1)]):
                return
            if capture := self._open():
                self._capture = capture
                note(f"{self.name} is back after {time.monotonic() - lost:.0f} s")
                return
