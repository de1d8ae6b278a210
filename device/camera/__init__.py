"""The first room: anything that gives frames. `open_camera` finds the one that a name means.

Every camera is a context manager that yields Frames when iterated, and has `name`, `fps`
(frames/s), `mode` (its true size and rate, for people), `live` (it will not wait for us) and
`stills` (its frames are unrelated photos).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from device.camera.photo import PHOTO_ENDINGS
from device.command import note
from device.errors import SourceError, UsageError
from device.settings import CameraSettings
from device.types import Frame

if TYPE_CHECKING:
    from device.camera.v4l2 import V4l2

KINDS = "0, usb:0, csi:0, /dev/video0, rtsp://.., a video, a photo, a folder, demo or auto"
NUMBER = "[0-9]{1,6}"


class Camera(Protocol):
    """What the pipeline asks of a source of frames."""

    name: str
    fps: float
    mode: str
    live: bool
    stills: bool

    def __enter__(self): ...
    def __exit__(self, *exc): ...
    def __iter__(self) -> Iterator[Frame]: ...


def open_camera(
    settings: CameraSettings,
    stopping: Callable[[], bool] = lambda: False,
    v4l2: V4l2 | None = None,
) -> Camera:
    """Return the camera that `settings.source` names, ready to be entered.

    stopping: asked while a live camera gives no frame, whether to end. v4l2: the video devices to
    choose from, unless those of this computer. Raises SourceError where the camera is missing or
    gives no picture, UsageError for a malformed name.
    """
    source = settings.source
    if not source:
        raise UsageError("--camera names nothing", f"Give {KINDS}")
    if source == "demo":
        from device.camera.demo import Demo

        return Demo()
    if re.fullmatch(rf"auto|{NUMBER}|(usb|csi):.*|/dev/video{NUMBER}|/dev/v4l/[^\0]+", source):
        return _open_plugged(settings, stopping, v4l2)
    if re.match(r"(rtsp|rtsps|http|https)://", source):
        from device.camera.latest import Latest
        from device.camera.reopen import Reopening
        from device.camera.stream import Stream

        return Latest(Reopening(Stream(source)), stopping)
    if re.match(r"\w+://", source):
        raise SourceError(f"{source}: this version reads no such camera", f"It reads {KINDS}")
    return _open_file(Path(source))


def _open_plugged(
    settings: CameraSettings, stopping: Callable[[], bool], v4l2: V4l2 | None
) -> Camera:
    """Return a USB or CSI camera; for auto the first that works, else the demo clip."""
    from device.camera import listing
    from device.camera.csi import CsiCamera
    from device.camera.latest import Latest
    from device.camera.reopen import Reopening
    from device.camera.usb import UsbCamera
    from device.camera.v4l2 import V4l2

    v4l2, source = v4l2 or V4l2(), settings.source
    if source == "auto":
        for plugged in listing.cameras(v4l2):
            try:
                return open_camera(
                    dataclasses.replace(settings, source=plugged.name), stopping, v4l2
                )
            except SourceError as error:
                note(str(error))
        note("no camera found, playing the built-in demo clip")
        return open_camera(dataclasses.replace(settings, source="demo"))
    if source.isdecimal():
        source = listing.numbered(int(source), v4l2).name
    if source.startswith("/dev/"):
        # The stable names in /dev/v4l/ are links to /dev/videoN.
        path = Path(source).resolve()
        return Latest(Reopening(UsbCamera(path, settings, v4l2)), stopping)
    kind, _, number = source.partition(":")
    if not re.fullmatch(NUMBER, number):
        raise UsageError(f"{source!r} names no camera", f"Write {kind}:0, {kind}:1, ...")
    if kind == "csi":
        return Latest(Reopening(CsiCamera(int(number), settings)), stopping)
    return Latest(Reopening(UsbCamera(v4l2.path(int(number)), settings, v4l2)), stopping)


def _open_file(path: Path) -> Camera:
    from device.camera.files import Photos, VideoFile

    try:
        path = path.expanduser()
        if not path.exists():
            raise SourceError(f"no camera and no file is called {path}", f"Give {KINDS}")
        if path.is_dir() or path.suffix.lower() in PHOTO_ENDINGS:
            return Photos(path)
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, SourceError):
            raise
        raise SourceError(f"cannot read {str(path)!r}: {error}", f"Give {KINDS}") from error
    return VideoFile(path)
