"""Read an RTSP camera through the relay of rtsp_relay.py, with the FFmpeg in OpenCV."""

from __future__ import annotations

import cv2

from ..errors import SourceError
from ..settings import CameraSettings
from ..types import Image
from .address import Address
from .decoders import open_wire
from .ffmpeg import RTSP
from .http_client import DROPPED_HINT, TIMEOUT_S
from .rtsp_relay import Relay

TIMEOUT_MS = round(1000 * TIMEOUT_S)  # to open, and to wait for a frame


class RtspStream:
    """The pictures of an RTSP address, a Stream. Raises SourceError where there are none."""

    finite, kind = False, "RTSP"

    def __init__(
        self, address: Address, settings: CameraSettings, name: str, by_pyav: bool = False
    ):
        self._name, self.by_opencv = name, not by_pyav
        self._relay = Relay(address, settings, name)
        limits = (cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, cv2.CAP_PROP_READ_TIMEOUT_MSEC)
        parameters = [number for limit in limits for number in (limit, TIMEOUT_MS)]
        try:
            max_pixels = settings.max_video_megapixels * 1e6
            self._capture = open_wire(
                self._relay.url, RTSP, name, max_pixels, tuple(parameters), by_pyav
            )
            if not self._capture.opened:
                raise self._relay.end() or SourceError(
                    f"{name} gives no picture", "the path in the camera's manual"
                )
        except BaseException:
            self._relay.close()
            raise
        self.fps = self._capture.fps

    def read(self) -> Image:
        bgr = self._capture.read()
        if bgr is None:
            raise self._relay.end() or SourceError(f"{self._name} dropped", DROPPED_HINT)
        self._relay.silent_bytes = 0
        return bgr

    def close(self) -> None:
        """End the relay, and with it what `read` waits for."""
        self._relay.close()
