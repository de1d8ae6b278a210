"""Read an RTSP camera through the relay of rtsp_relay.py, with the FFmpeg in OpenCV."""

from __future__ import annotations

import cv2

from ..errors import SourceError
from ..settings import CameraSettings
from ..types import Image
from .address import Address
from .ffmpeg import RTSP, open_capture
from .http_client import DROPPED_HINT, TIMEOUT_S
from .rtsp_relay import Relay

TIMEOUT_MS = round(1000 * TIMEOUT_S)  # to open, and to wait for a frame


class RtspStream:
    """The pictures of an RTSP address, a Stream. Raises SourceError where there are none."""

    finite, kind = False, "RTSP"

    def __init__(self, address: Address, settings: CameraSettings, name: str):
        self._name = name
        self._relay = Relay(address, settings, name)
        limits = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, cv2.CAP_PROP_READ_TIMEOUT_MSEC)
        parameters = [number for limit in limits for number in (limit, TIMEOUT_MS)]
        try:
            self._capture = open_capture(self._relay.url, RTSP, *parameters)
            if not self._capture.isOpened():
                raise self._relay.end() or SourceError(
                    f"{name} gives no picture", "the path in the camera's manual"
                )
            self._check_size(settings.max_megapixels)
        except BaseException:
            self._relay.close()
            raise
        self.fps = self._capture.get(cv2.CAP_PROP_FPS)

    def _check_size(self, max_megapixels: float) -> None:
        width, height = (
            self._capture.get(side)
            for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
        )
        if width * height > max_megapixels * 1e6:
            raise SourceError(
                f"{self._name} sends pictures of {width:.0f}x{height:.0f}",
                "[camera] max_megapixels",
            )

    def read(self) -> Image:
        ok, read = self._capture.read()
        if not ok:
            raise self._relay.end() or SourceError(f"{self._name} dropped", DROPPED_HINT)
        self._relay.silent_bytes = 0
        bgr: Image = read
        return bgr

    def close(self) -> None:
        """End the relay, and with it what `read` waits for."""
        self._relay.close()
