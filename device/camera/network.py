"""Read a network camera's stream, RTSP or HTTP."""

import os
import re

import cv2
import numpy as np

from ..errors import SourceError

TIMEOUT_MS = 5000  # to open, and to wait for a frame
LOOK = "Try it in a player: ffplay URL; no camera at hand: --camera demo"


class NetworkCamera:
    """A network camera, a Device; `name` is its address without user and password."""

    def __init__(self, url: str):
        self._url = url
        self.name = re.sub(r"//[^/@]*@", "//", url)
        self.fps, self.mode = 25.0, ""
        self._capture: cv2.VideoCapture | None = None

    def open(self) -> None:
        limits = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, cv2.CAP_PROP_READ_TIMEOUT_MSEC)
        # FFmpeg's own complaints; descriptor 2 may not be closed here, beside a running loop.
        os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
        capture = cv2.VideoCapture(
            self._url, cv2.CAP_FFMPEG, [n for limit in limits for n in (limit, TIMEOUT_MS)]
        )
        if not capture.isOpened():
            capture.release()
            raise SourceError(f"cannot open the stream {self.name}", LOOK)
        self._capture = capture
        self.fps = capture.get(cv2.CAP_PROP_FPS) or 25.0
        sides = (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        self.mode = "{:.0f}x{:.0f}".format(*(capture.get(side) for side in sides))
        self.mode += f", {self.fps:.3g} frames/s"

    def read(self) -> np.ndarray:
        ok, bgr = self._capture.read()
        if not ok:
            raise SourceError(f"{self.name} dropped")
        return bgr

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None
