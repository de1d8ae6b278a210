"""Read a USB camera, or any other that V4L2 offers as a capture device."""

import os
import time
from pathlib import Path

import cv2

from ..errors import SourceError
from ..log import Repeated
from ..settings import CameraSettings
from ..types import Image
from . import LIST_CAMERAS
from .ffmpeg import reduced
from .v4l2 import Node, V4l2, name_of

READ_TIMEOUT_S = 1  # for a frame; the longest that stopping waits
FIRST_READS = 5  # some cameras take seconds to wake up


class UsbCamera:
    """A V4L2 camera, a Device, that is found again after it was unplugged.

    It is matched by product name and USB port, whatever its new number; the same model on another
    port is accepted, unless that is another camera of this run. `name` is what it was first called.
    """

    def __init__(self, path: Path, settings: CameraSettings, v4l2: V4l2):
        self._path, self._settings, self._v4l2 = path, settings, v4l2
        self.name = name_of(path)
        self.fps, self.mode = float(settings.fps), ""
        self._last: Node | None = None  # the one that was opened last
        self._capture = cv2.VideoCapture()  # closed
        self._failed = False  # the last read, at once
        self._bad = Repeated()

    def open(self) -> None:
        node = self._find()
        self._v4l2.refuse_busy(node)
        # OpenCV reads this once, at the first frame; its 10 s would delay stopping.
        os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(READ_TIMEOUT_S))
        self._capture, self._failed = self._v4l2.capture(str(node.path), cv2.CAP_V4L2), False
        try:
            self._request_mode(self._v4l2.formats(node))
            self._read_mode(node, self._first_frame())
        except SourceError:
            self.close()
            raise
        self._last = node
        self._v4l2.ports[self.name], self._v4l2.open_paths[self.name] = node.bus, node.path

    def _find(self) -> Node:
        """Return the camera's node, which changes when it is plugged in again."""
        last = self._last
        if last is None:
            node = self._v4l2.node(self._path)
            if not node.is_camera:
                device = f"{node.title}, {node.driver}"
                raise SourceError(f"{self._path} is not a capture device ({device})", LIST_CAMERAS)
            return node
        same_model = [
            node
            for node in self._v4l2.cameras()
            if node.title == last.title and self._v4l2.is_free(node, self.name)
        ]
        if not same_model:
            raise SourceError(f"{self.name} is not connected", LIST_CAMERAS)
        return min(same_model, key=lambda node: (node.bus != last.bus, node.path != last.path))

    def _request_mode(self, formats: list[str]) -> None:
        if "MJPG" in formats:
            # Raw 640x480 at 30 frames/s fills a USB 2 bus that cameras share.
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._settings.width)
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._settings.height)
        self._capture.set(cv2.CAP_PROP_FPS, self._settings.fps)

    def _first_frame(self) -> Image:
        for _ in range(FIRST_READS):
            if self._capture.grab():
                bgr = self._retrieve()
                if bgr is not None:
                    return bgr
        raise SourceError(f"{self.name} gives no picture", "plug it in again, then dmesg | tail")

    def _read_mode(self, node: Node, bgr: Image) -> None:
        """Set fps and mode to what the camera delivers, which may not be what was requested."""
        self.fps = self._capture.get(cv2.CAP_PROP_FPS) or float(self._settings.fps)
        code = int(self._capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
        pixel_format = code.to_bytes(4, "little").decode("ascii", "replace").strip("\0 ")
        height, width = bgr.shape[:2]
        self.mode = f"{node.title}, {width}x{height} {pixel_format}, {self.fps:.3g} frames/s"

    def read(self) -> Image | None:
        began_s = time.monotonic()
        if self._capture.grab():
            self._failed = False
            return self._retrieve()
        # A time-out: the camera sleeps or hangs, which the caller judges. Two failures at once: it
        # has gone; a single one may be a signal that interrupted select().
        if time.monotonic() - began_s < READ_TIMEOUT_S / 2:
            if self._failed:
                raise SourceError(f"{self.name} dropped", "check the cable, then dmesg | tail")
            self._failed = True
        return None

    def _retrieve(self) -> Image | None:
        """Return the frame that was grabbed; None for a torn, empty or huge JPEG, with a line."""
        try:
            ok, bgr = self._capture.retrieve()
        except cv2.error:
            ok, bgr = False, None
        if ok and bgr is not None and bgr.size:
            return reduced(bgr)
        self._bad.warning(f"{self.name}: a broken frame was dropped")
        return None

    def close(self) -> None:
        self._capture.release()
        self._v4l2.open_paths.pop(self.name, None)
