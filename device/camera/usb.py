"""Read a USB camera, or any other that V4L2 gives by itself."""

import os
import time
from pathlib import Path

import cv2
import numpy as np

from ..errors import SourceError
from ..settings import CameraSettings
from .v4l2 import LOOK, Node, V4l2, name_of

WAIT_S = 1  # for a frame, until somebody may ask us to stop


class UsbCamera:
    """A V4L2 camera, a Device. Unplugged and back under another number it is the same camera.

    `name` is what it was first called. It is known again by the maker's name for it and by the
    socket; the same kind of camera in another socket will do.
    """

    def __init__(self, path: Path, settings: CameraSettings, v4l2: V4l2):
        self._path, self._settings, self._v4l2 = path, settings, v4l2
        self.name = name_of(path)
        self.fps, self.mode = float(settings.fps), ""
        self._known: Node | None = None  # the last that worked
        self._capture: cv2.VideoCapture | None = None
        self._failed = False

    def open(self) -> None:
        node = self._find()
        self._v4l2.refuse_busy(node)
        # OpenCV reads this once, at the first frame: 10 s would be too long to wait when stopping.
        os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", str(WAIT_S))
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        self._capture, self._failed = self._v4l2.capture(str(node.path), cv2.CAP_V4L2), False
        try:
            self._ask_for_mode(self._v4l2.formats(node))
            self._read_back(node, self._first_picture())
        except SourceError:
            self.close()
            raise
        self._known = node

    def _find(self) -> Node:
        """Return the camera's node, which after the first time may be another."""
        known = self._known
        if known is None:
            node = self._v4l2.node(self._path)
            if not node.is_camera:
                what = f"{node.title}, {node.driver}"
                raise SourceError(f"{self._path} is no camera but a part of one ({what})", LOOK)
            return node
        same = [node for node in self._v4l2.cameras() if node.title == known.title]
        if not same:
            raise SourceError(f"{self.name} is not there", LOOK)
        return min(same, key=lambda node: (node.bus != known.bus, node.path != known.path))

    def _ask_for_mode(self, formats: list[str]) -> None:
        if "MJPG" in formats:
            # Raw 640x480 at 30 frames/s fills a USB 2 bus that cameras share.
            self._capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        self._capture.set(cv2.CAP_PROP_FRAME_WIDTH, self._settings.width)
        self._capture.set(cv2.CAP_PROP_FRAME_HEIGHT, self._settings.height)
        self._capture.set(cv2.CAP_PROP_FPS, self._settings.fps)

    def _first_picture(self) -> np.ndarray:
        for _ in range(5):  # some cameras take seconds to wake up
            ok, bgr = self._capture.read()
            if ok:
                return bgr
        raise SourceError(
            f"{self.name} gives no picture", f"Plug it in again, or look: dmesg; {LOOK}"
        )

    def _read_back(self, node: Node, bgr: np.ndarray) -> None:
        self.fps = self._capture.get(cv2.CAP_PROP_FPS) or float(self._settings.fps)
        code = int(self._capture.get(cv2.CAP_PROP_FOURCC)) & 0xFFFFFFFF
        letters = code.to_bytes(4, "little").decode("ascii", "replace").strip("\0 ")
        height, width = bgr.shape[:2]
        self.mode = f"{node.title}, {width}x{height} {letters}, {self.fps:.3g} frames/s"

    def read(self) -> np.ndarray | None:
        since = time.monotonic()
        if self._capture.grab():
            self._failed = False
            ok, bgr = self._capture.retrieve()
            return bgr if ok else None  # a torn JPEG
        # Nothing for a second: it sleeps or hangs, which is for others to judge. Refused at once,
        # and not only by a signal that came in between: it has gone.
        if time.monotonic() - since < WAIT_S / 2:
            if self._failed:
                raise SourceError(f"{self.name} dropped")
            self._failed = True
        return None

    def close(self) -> None:
        if self._capture is not None:
            self._capture.release()
            self._capture = None
