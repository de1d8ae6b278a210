"""Read a network camera's stream, RTSP or HTTP."""

import re

import cv2

from ..errors import SourceError
from ..types import Image

TIMEOUT_MS = 5000  # to open, and to wait for a frame
USUAL_FPS = 25.0  # if the stream gives none


class NetworkCamera:
    """A network camera, a Device; `name` is its address without user and password."""

    def __init__(self, url: str):
        self._url = url
        self.name = re.sub(r"//[^/@]*@", "//", url)
        self.fps, self.mode = USUAL_FPS, ""
        self._capture = cv2.VideoCapture()  # closed

    def open(self) -> None:
        limits = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, cv2.CAP_PROP_READ_TIMEOUT_MSEC)
        capture = cv2.VideoCapture(
            self._url, cv2.CAP_FFMPEG, [n for limit in limits for n in (limit, TIMEOUT_MS)]
        )
        if not capture.isOpened():
            capture.release()
            raise SourceError(f"cannot open the stream {self.name}", f"ffplay {self.name}")
        self._capture = capture
        self.fps = capture.get(cv2.CAP_PROP_FPS) or USUAL_FPS
        width, height = (
            capture.get(side) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
        self.mode = f"{width:.0f}x{height:.0f}, {self.fps:.3g} frames/s"

    def read(self) -> Image:
        ok, bgr = self._capture.read()
        if not ok:
            raise SourceError(f"{self.name} dropped")
        return bgr

    def close(self) -> None:
        self._capture.release()
