"""Open the camera that a name means: usb:0, csi:0, an address, a file, demo or auto."""

from __future__ import annotations

import re
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ..errors import SourceError, UsageError
from ..log import log
from ..settings import CameraSettings
from ..silence import silence_opencv
from . import Camera
from .image_io import PHOTO_ENDINGS
from .orientation import UNTURNED, Oriented

if TYPE_CHECKING:
    from .newest_frame import NewestFrameReader
    from .reconnect import Device
    from .v4l2 import V4l2

SOURCES = "0, usb:0, csi:0, /dev/video0, rtsp://HOST/PATH, a video, a photo, a folder, demo, auto"
NUMBER = "[0-9]{1,6}"


def open_camera(
    settings: CameraSettings,
    stopping: Callable[[], bool] = lambda: False,
    v4l2: V4l2 | None = None,
) -> Camera:
    """Return the camera that `settings.source` names, ready to be entered.

    stopping: polled while a live camera gives no frame; True ends its iteration. v4l2: the video
    devices to choose from; None: this computer's. Raises SourceError if the camera is missing or
    gives no picture, UsageError for a malformed name. Turns OpenCV's own log off.
    """
    camera = _open_source(settings, stopping, v4l2)
    if isinstance(camera, Oriented) and camera.orientation == UNTURNED:
        camera.orient(settings)
    return camera


def _open_source(
    settings: CameraSettings, stopping: Callable[[], bool], v4l2: V4l2 | None
) -> Camera:
    source = settings.source
    if not source:
        raise UsageError("--camera is empty", f"one of {SOURCES}")
    silence_opencv()
    if source == "demo":
        from .demo import Demo

        return Demo()
    if re.fullmatch(rf"auto|{NUMBER}|(usb|csi):.*|/dev/video{NUMBER}|/dev/v4l/[^\0]+", source):
        return _open_connected(settings, stopping, v4l2)
    if re.match(r"(rtsp|rtsps|http|https)://", source):
        from .network import NetworkCamera

        return _live(NetworkCamera(source), stopping)
    if re.match(r"\w+://", source):
        raise SourceError(f"cannot read {source}: unknown protocol", f"one of {SOURCES}")
    return _open_file(Path(source), stopping)


def _open_connected(
    settings: CameraSettings, stopping: Callable[[], bool], v4l2: V4l2 | None
) -> Camera:
    """Return a USB or CSI camera; for auto the first that works, else the demo clip."""
    from . import discovery
    from .csi import CsiCamera
    from .usb import UsbCamera
    from .v4l2 import V4l2

    v4l2, source = v4l2 or V4l2(), settings.source
    if source == "auto":
        return _open_first(settings, stopping, v4l2)
    if source.isdecimal():
        source = discovery.by_index(int(source), v4l2).name
    if source.startswith("/dev/"):
        # The stable names in /dev/v4l/ are links to /dev/videoN.
        return _live(UsbCamera(Path(source).resolve(), settings, v4l2), stopping)
    kind, _, number = source.partition(":")
    if not re.fullmatch(NUMBER, number):
        raise UsageError(f"{source!r} is not a camera", f"{kind}:0")
    if kind == "csi":
        return _live(CsiCamera(int(number), settings), stopping)
    return _live(UsbCamera(v4l2.path(int(number)), settings, v4l2), stopping)


def _open_first(settings: CameraSettings, stopping: Callable[[], bool], v4l2: V4l2) -> Camera:
    from . import discovery

    for info in discovery.cameras(v4l2):
        try:
            return open_camera(msgspec.structs.replace(settings, source=info.name), stopping, v4l2)
        except SourceError as error:
            log.info(str(error))
    log.info("no camera found, playing the built-in demo clip")
    return open_camera(msgspec.structs.replace(settings, source="demo"))


def _live(device: Device, stopping: Callable[[], bool]) -> NewestFrameReader:
    from .newest_frame import NewestFrameReader
    from .reconnect import ReconnectingCamera

    return NewestFrameReader(ReconnectingCamera(device), stopping)


def _open_file(path: Path, stopping: Callable[[], bool]) -> Camera:
    from .photos import Photos
    from .video import VideoFile

    try:
        path = path.expanduser()
        if not path.exists():
            close = get_close_matches(str(path), ("demo", "auto"), 1, 0.7)
            hint = f"--camera {close[0]}" if close else f"one of {SOURCES}"
            raise SourceError(f"no camera and no file is called {path}", hint)
        if path.is_dir() or path.suffix.lower() in PHOTO_ENDINGS:
            return Photos(path)
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(f"cannot read {str(path)!r}: {error}", f"one of {SOURCES}") from error
    return VideoFile(path, stopping)
