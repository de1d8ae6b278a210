"""The first room: anything that gives frames. `open_camera` finds the one that a name means.

Every camera is a context manager that yields Frames when iterated, and has `name`, `fps`
(frames/s), `live` (it will not wait for us) and `stills` (its frames are unrelated photos).
"""

import contextlib
import dataclasses
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from device.camera.photo import PHOTO_ENDINGS
from device.command import note
from device.errors import SourceError, UsageError
from device.settings import CameraSettings
from device.types import Frame

KINDS = "0, usb:0, /dev/video0, rtsp://.., http://.., a video, a photo, a folder, demo or auto"


class Camera(Protocol):
    """What the pipeline asks of a source of frames."""

    name: str
    fps: float
    live: bool
    stills: bool

    def __enter__(self): ...
    def __exit__(self, *exc): ...
    def __iter__(self) -> Iterator[Frame]: ...


def open_camera(settings: CameraSettings) -> Camera:
    """Return the camera that `settings.source` names, ready to be entered.

    Raises SourceError where it is missing or gives no picture, UsageError for a malformed name.
    """
    source = settings.source
    if not source:
        raise UsageError("--camera names nothing", f"Give {KINDS}")
    if source == "auto":
        return _first_working(settings)
    if source == "demo":
        from device.camera.demo import Demo

        return Demo()
    number = re.fullmatch(r"(?:usb:|/dev/video)?(\d+)", source)
    if number:
        from device.camera.latest import Latest
        from device.camera.usb import UsbCamera

        return Latest(UsbCamera(int(number[1]), settings))
    if re.match(r"(rtsp|rtsps|http|https)://", source):
        from device.camera.latest import Latest
        from device.camera.stream import Stream

        return Latest(Stream(source), patience_s=None)  # it knows itself when to try again
    if re.match(r"(usb|csi):|\w+://", source):
        if source.startswith("usb:"):
            raise UsageError(f"{source!r} names no camera", "Write usb:0, usb:1, ...")
        raise SourceError(f"{source}: this version reads no such camera", f"It reads {KINDS}")
    return _open_file(Path(source))


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


def _first_working(settings: CameraSettings) -> Camera:
    numbers = sorted(int(p.name[5:]) for p in Path("/dev").glob("video*") if p.name[5:].isdigit())
    for number in numbers:
        with contextlib.suppress(SourceError):
            return open_camera(dataclasses.replace(settings, source=f"usb:{number}"))
    note("no camera found, playing the built-in demo clip")
    return open_camera(dataclasses.replace(settings, source="demo"))
