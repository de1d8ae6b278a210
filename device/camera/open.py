"""Open the camera that a name means: usb:0, csi:0, an address, a file, demo or auto."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import msgspec

from ..errors import FacetError, SourceError, UsageError, one_line, os_reason
from ..files import open_regular
from ..log import log
from ..settings import CameraSettings
from ..silence import silence_opencv
from ..types import Image
from ..worker import call_until
from . import LIST_CAMERAS, Camera, address
from .orientation import UNTURNED, Oriented
from .photo_files import HEAD, PHOTO_ENDINGS, is_video, photo_format

if TYPE_CHECKING:
    from .newest_frame import NewestFrameReader
    from .reconnect import Device
    from .v4l2 import V4l2

SOURCES = (
    "0, usb:0, csi:0, /dev/video0, rtsp://HOST/PATH, a video, a photo, a folder, "
    "- (stdin), demo, auto"
)
NUMBER = "[0-9]{1,6}"
MOTION_JPEG = (".mjpeg", ".mjpg")  # JPEGs one after the other, which begin as a photo does


def open_camera(
    settings: CameraSettings,
    stopping: Callable[[], bool] = lambda: False,
    v4l2: V4l2 | None = None,
) -> Camera:
    """Return the camera that `settings.source` names, ready to be entered.

    stopping: polled while it is opened, where True raises Stopped, and while a live camera gives no
    frame, where True ends its iteration. v4l2: the video devices to choose from; None: this
    computer's. Raises SourceError if the camera is missing or gives no picture, UsageError for a
    malformed name or several sources. Turns OpenCV's own log off.
    """
    # In a thread: a driver, a network or a pipe may not answer, and a stop does not wait for it.
    camera = call_until(
        stopping,
        f"opening {address.shown(settings.single_source)}",
        lambda: _open_source(settings, stopping, v4l2),
    )
    if isinstance(camera, Oriented) and camera.orientation == UNTURNED:
        camera.orient(settings)
    return camera


def _open_source(
    settings: CameraSettings, stopping: Callable[[], bool], v4l2: V4l2 | None
) -> Camera:
    source = settings.single_source
    if not source:
        raise UsageError("--camera is empty", f"one of {SOURCES}")
    silence_opencv()
    if source == "demo":
        from .demo import Demo

        return repeated(lambda _: Demo(), stopping) if settings.repeat else Demo()
    if re.fullmatch(rf"auto|{NUMBER}|(usb|csi):.*|/dev/video{NUMBER}|/dev/v4l/[^\0]+", source):
        return _open_connected(settings, stopping, v4l2)
    if source[:7].lower() == "file://":
        file = msgspec.structs.replace(settings, source=_of_file_url(source))
        return _open_file(file, stopping)
    if address.is_address(source):
        return _open_address(settings, stopping)
    if source == "-":
        _refuse_repeat(settings, "stdin")
        from .stdin import open_stdin

        return open_stdin(stopping, max_pixels=settings.max_video_megapixels * 1e6)
    return _open_file(settings, stopping)


def repeated(
    opened: Callable[[bool], Camera], stopping: Callable[[], bool] = lambda: False
) -> Camera:
    """Return a video that begins again at its end, at its own speed.

    opened: as of Repeated. stopping: as of PlaybackClock.
    """
    from .repeat import PlaybackClock, Repeated

    return Repeated(opened, PlaybackClock(stopping))


def _open_address(settings: CameraSettings, stopping: Callable[[], bool]) -> Camera:
    """Return a network camera; a film that the address turns out to be is not a live one."""
    source = settings.single_source
    name = address.printable(source)
    if not re.match(r"(rtsps?|https?)://", source, re.IGNORECASE):
        raise SourceError(f"cannot read {name}: unknown protocol", f"one of {SOURCES}")
    from .network import NetworkCamera, NetworkFilm

    device = NetworkCamera(source, settings)
    camera = _live(device, settings, stopping)
    if not device.finite:
        return camera
    try:
        _refuse_repeat(settings, "a film on another computer")
    except UsageError:
        device.close()
        raise
    return NetworkFilm(device)


def _open_connected(
    settings: CameraSettings, stopping: Callable[[], bool], v4l2: V4l2 | None
) -> Camera:
    """Return a USB or CSI camera; for auto the first that works, else the demo clip."""
    from .v4l2 import V4l2

    v4l2 = v4l2 or V4l2()
    source = settings.single_source
    if source == "auto":
        return _open_first(settings, stopping, v4l2)
    kind, _, number = source.partition(":")
    if kind in ("usb", "csi") and not re.fullmatch(NUMBER, number):
        raise UsageError(f"{one_line(source, 60)!r} is not a camera", f"{kind}:0")
    if settings.wait:
        waited = WaitedDevice(source, float(settings.fps), lambda: _device(settings, v4l2))
        return _live(waited, settings, stopping)
    return _live(_device(settings, v4l2), settings, stopping)


def _device(settings: CameraSettings, v4l2: V4l2) -> Device:
    """Return the USB or CSI camera that settings name; SourceError where there is none."""
    from . import discovery
    from .csi import CsiCamera
    from .usb import UsbCamera

    source = settings.single_source
    if source.isdecimal():
        source = discovery.by_index(int(source), v4l2).name
    if source.startswith("/dev/"):
        # The stable names in /dev/v4l/ are links to /dev/videoN.
        return UsbCamera(Path(source).resolve(), settings, v4l2)
    kind, _, number = source.partition(":")
    if kind == "csi":
        return CsiCamera(int(number), settings)
    return UsbCamera(v4l2.path(int(number)), settings, v4l2)


class WaitedDevice:
    """A camera that may be absent at the start, a Device: which one it is turns out later."""

    mode = "not connected"

    def __init__(self, name: str, fps: float, find: Callable[[], Device]):
        self.name, self.fps, self._find = name, fps, find
        self._device: Device | None = None

    def open(self) -> None:
        device = self._device or self._find()
        device.open()
        self._device = device
        self.name, self.fps, self.mode = device.name, device.fps, device.mode

    def read(self) -> Image | None:
        if self._device is None:
            raise SourceError(f"{self.name} is not connected", LIST_CAMERAS)
        return self._device.read()

    def close(self) -> None:
        if self._device is not None:
            self._device.close()


def _open_first(settings: CameraSettings, stopping: Callable[[], bool], v4l2: V4l2) -> Camera:
    from . import discovery

    for info in discovery.cameras(v4l2):
        found = msgspec.structs.replace(settings, source=info.name, wait=False)
        try:
            return open_camera(found, stopping, v4l2)
        except SourceError as error:
            log.info(str(error))
    log.info("no camera found, playing the built-in demo clip")
    return open_camera(msgspec.structs.replace(settings, source="demo"), stopping)


def _live(
    device: Device, settings: CameraSettings, stopping: Callable[[], bool]
) -> NewestFrameReader:
    from .newest_frame import NewestFrameReader
    from .reconnect import ReconnectingCamera

    camera = ReconnectingCamera(
        device,
        wait=settings.wait,
        stopping=stopping,
        frozen_s=settings.frozen_s,
        frozen_restart=settings.frozen_restart,
    )
    return NewestFrameReader(camera, stopping)


def _video(path: Path, settings: CameraSettings, stopping: Callable[[], bool]) -> Camera:
    """Return a video file, which begins again at its end if the settings say so."""
    from .video import VideoFile

    def opened(first: bool) -> VideoFile:
        video = VideoFile(path, settings.max_video_megapixels * 1e6, reports=first)
        video.orient(settings)
        return video

    return repeated(opened, stopping) if settings.repeat else opened(True)


def _open_file(settings: CameraSettings, stopping: Callable[[], bool]) -> Camera:
    """Return photos or a video, by the file's content."""
    from .image_io import is_animated
    from .photos import Photos

    name = settings.single_source
    try:
        path = _path(name)
        if not path.exists():
            shown = address.shown(str(path))
            close = get_close_matches(name, ("demo", "auto"), 1, 0.7)
            hint = f"--camera {close[0]}" if close else f"one of {SOURCES}"
            raise SourceError(f"no camera and no file is called {shown}", hint)
        if path.is_dir():
            _refuse_repeat(settings, "photos")
            return Photos(path, settings.recursive)
        if path.is_fifo() and path.suffix.lower() not in PHOTO_ENDINGS:
            _refuse_repeat(settings, "a pipe")
            log.info(f"{path.name} is a pipe: waiting for its writer")
            return _video(path, settings, stopping)
        with open_regular(path) as file:
            head = file.read(HEAD)
    except FacetError:
        raise
    except (OSError, ValueError) as error:
        raise SourceError(f"cannot read {name}: {os_reason(error)}", f"one of {SOURCES}") from error
    if is_animated(path, head) or path.suffix.lower() in MOTION_JPEG:
        return _video(path, settings, stopping)
    if photo_format(head) or (path.suffix.lower() in PHOTO_ENDINGS and not is_video(head)):
        _refuse_repeat(settings, "photos")
        return Photos(path)
    return _video(path, settings, stopping)


def _refuse_repeat(settings: CameraSettings, what: str) -> None:
    """Raise UsageError if a source that has no beginning to go back to is to be repeated."""
    if settings.repeat:
        raise UsageError(f"--repeat plays a video again, not {what}", "--camera clip.mp4, or demo")


def _of_file_url(url: str) -> str:
    """Return the path of "file:///a%20film.mp4"; SourceError where it names another computer."""
    host, slash, path = url[7:].partition("/")
    if host.lower() not in ("", "localhost"):
        raise SourceError("a file:// address of another computer", "the file's path here")
    return unquote(slash + path)


def _path(name: str) -> Path:
    """Return the path that a name means: "~/a" in the home folder, unless a file is called so."""
    path = Path(name)
    with contextlib.suppress(RuntimeError):  # no user is called so
        return path if path.exists() else path.expanduser()
    return path
