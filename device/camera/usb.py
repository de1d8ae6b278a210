"""Read a USB camera through V4L2."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import cv2

from device.errors import SourceError
from device.settings import CameraSettings
from device.types import Frame

LOOK = "List cameras: v4l2-ctl --list-devices; no camera at hand: --camera demo"


class UsbCamera:
    """A V4L2 camera; `fps` and `size_wh` are what it really gives, not what was asked."""

    live, stills = True, False

    def __init__(self, index: int, settings: CameraSettings):
        self.name = f"usb:{index}"
        device = Path(f"/dev/video{index}")
        if not device.exists():
            raise SourceError(f"no camera {self.name}: {device} does not exist", LOOK)
        self._capture = cv2.VideoCapture(index, cv2.CAP_V4L2)
        # MJPG first: raw 640x480 at 30 frames/s fills a USB 2 bus that cameras share.
        self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, settings.width)
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, settings.height)
        self._capture.set(cv2.CAP_PROP_FPS, settings.fps)
        ok, bgr = self._capture.read()
        if not ok:
            self._capture.release()
            raise SourceError(
                f"{device} gives no picture: in use by another program, or no camera",
                f"See who has it: fuser -v {device}",
            )
        self.fps = self._capture.get(cv2.CAP_PROP_FPS) or float(settings.fps)
        self.size_wh = (bgr.shape[1], bgr.shape[0])

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self._capture.release()

    def stop(self) -> None:
        """Nothing: the iteration never waits longer than for one frame."""

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        while True:
            ok, bgr = self._capture.read()
            if not ok:
                return
            yield Frame(bgr, index, datetime.now(UTC), time.monotonic(), self.name)
            index += 1
