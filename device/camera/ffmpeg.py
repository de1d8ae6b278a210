"""Open what comes over a wire with OpenCV's FFmpeg, which may then open nothing else."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any

import cv2

from ..silence import silence_opencv

OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"  # that OpenCV reads at every opening
# Containers that cameras send. Others (concat, sdp, hls, ...) name files and hosts to open.
CONTAINERS = "mpegts,mpeg,mov,mp4,matroska,webm,flv,avi"
BYTES = f"protocol_whitelist;none|format_whitelist;{CONTAINERS}"
# No tls: rtsp_relay.py encrypts. No udp: anybody can send such packets.
RTSP = "protocol_whitelist;rtsp,tcp|format_whitelist;rtsp|rtsp_transport;tcp"

_lock = threading.Lock()


def open_capture(source: object, options: str, *parameters: int) -> Any:
    """Return cv2.VideoCapture of an address or of bytes; not opened where that failed."""
    silence_opencv()
    capture = cv2.VideoCapture()
    with _options(options), contextlib.suppress(cv2.error):
        capture.open(source, cv2.CAP_FFMPEG, list(parameters))  # type: ignore[call-overload]
    return capture


@contextlib.contextmanager
def _options(options: str) -> Iterator[None]:
    """Set OpenCV's only way to FFmpeg's options, a variable of the process, within the block."""
    with _lock:
        before = os.environ.get(OPTIONS)
        os.environ[OPTIONS] = options
        try:
            yield
        finally:
            if before is None:
                del os.environ[OPTIONS]
            else:
                os.environ[OPTIONS] = before
