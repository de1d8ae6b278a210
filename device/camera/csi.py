"""Read a Raspberry Pi's CSI camera through Picamera2, which is imported only if needed.

One stream feeds detection and display. A second, smaller stream for the detector might be faster;
this was not measured.
"""

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import SourceError
from ..settings import CameraSettings
from ..types import Image
from .device_users import device_users, in_use

READ_TIMEOUT_S = 1.0  # for a frame; the longest that stopping waits
FIRST_FRAME_TIMEOUT_S = 5.0
LIST_CSI_CAMERAS = "rpicam-hello --list-cameras"


class NoPicamera2(SourceError):
    """Picamera2 is not installed, as on every computer but a Pi."""


def _picamera2() -> Any:
    """Return the class Picamera2; SourceError with the command that installs it."""
    # libcamera logs to stderr at every step otherwise.
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:ERROR")
    try:
        from picamera2 import Picamera2
    except ModuleNotFoundError as error:
        if error.name != "picamera2":
            raise _import_error(error) from error
        raise NoPicamera2(
            "CSI cameras need Picamera2, which is not installed or not visible in this venv",
            "sudo apt install python3-picamera2, then python3 -m venv --system-site-packages .venv",
        ) from None
    except Exception as error:  # its compiled parts raise errors of any type
        raise _import_error(error) from error
    logging.getLogger("picamera2").setLevel(logging.CRITICAL)  # it raises what it has logged
    return Picamera2


def _import_error(error: Exception) -> SourceError:
    hint = "sudo apt install --reinstall python3-picamera2"
    if "numpy" in str(error).lower():
        # Bookworm's simplejpeg was compiled for NumPy 1, and the venv has NumPy 2.
        hint = ".venv/bin/pip install --force-reinstall --no-deps simplejpeg"
    return SourceError(f"Picamera2 does not load: {error}", hint)


@dataclass(frozen=True)
class CsiCameraInfo:
    """A CSI camera as Picamera2 lists it."""

    number: int  # among the CSI cameras
    title: str  # the sensor: imx708
    position: int  # among all that Picamera2 lists, USB cameras too

    @property
    def name(self) -> str:
        """What --camera calls it."""
        return f"csi:{self.number}"

    def modes(self) -> list[str]:
        """Return one line: the sensor's sizes, each with its highest frames/s. Opens the camera."""
        try:
            with _picamera2()(self.position) as camera:
                max_fps: dict[tuple[int, int], float] = {}
                for mode in camera.sensor_modes:
                    if "size" in mode:
                        max_fps[mode["size"]] = max(mode["fps"], max_fps.get(mode["size"], 0.0))
        except RuntimeError as error:
            return [open_error(self.name, error).message]
        return [" ".join(f"{w}x{h}@{fps:.4g}" for (w, h), fps in sorted(max_fps.items()))]


def cameras() -> list[CsiCameraInfo]:
    """Return the CSI cameras; SourceError where Picamera2 cannot be imported."""
    infos = _picamera2().global_camera_info()
    positions = [position for position, info in enumerate(infos) if "/usb" not in info["Id"]]
    return [
        CsiCameraInfo(number, infos[position]["Model"], position)
        for number, position in enumerate(positions)
    ]


def open_error(name: str, error: Exception, dev: Path = Path("/dev")) -> SourceError:
    """Return Picamera2's error as a SourceError; InUse if another program has its devices open."""
    reason = str(error.__cause__ or error)
    nodes = [*dev.glob("video*"), *dev.glob("media*")]
    if "busy" in reason.lower() and device_users(*nodes):
        return in_use(name, *nodes)
    return SourceError(f"cannot open {name}: {reason}", LIST_CSI_CAMERAS)


class CsiCamera:
    """A CSI camera, a Device. first_frame_timeout_s: for its first frame after it was started."""

    def __init__(
        self,
        number: int,
        settings: CameraSettings,
        first_frame_timeout_s: float = FIRST_FRAME_TIMEOUT_S,
    ):
        self._number, self._settings = number, settings
        self._first_frame_timeout_s = first_frame_timeout_s
        self.name = f"csi:{number}"
        self.fps, self.mode = float(settings.fps), ""
        self._camera: Any = None
        self._pending: Any = None  # the frame that was requested

    def open(self) -> None:
        found = cameras()
        if self._number >= len(found):
            listed = ", ".join(f"{info.name} {info.title}" for info in found) or "none"
            raise SourceError(
                f"no camera {self.name}: Picamera2 finds {listed}",
                f"check the ribbon cable, then {LIST_CSI_CAMERAS}",
            )
        info = found[self._number]
        try:
            self._camera = _picamera2()(info.position)
            self._start(info.title)
        except TimeoutError as error:
            self.close()
            waited = f"{self._first_frame_timeout_s:.0f} s"
            raise SourceError(
                f"{self.name} gave no picture within {waited}", "check the ribbon cable"
            ) from error
        except (RuntimeError, OSError) as error:
            self.close()
            raise open_error(self.name, error) from error
        except BaseException:
            self.close()
            raise

    def _start(self, title: str) -> None:
        settings, camera = self._settings, self._camera
        frame_us = round(1e6 / settings.fps)
        camera.configure(
            camera.create_video_configuration(
                # Called RGB888, it is B, G, R in memory, as OpenCV and Frame.bgr are.
                main={"size": (settings.width, settings.height), "format": "RGB888"},
                controls={"FrameDurationLimits": (frame_us, frame_us)},
            )
        )
        camera.start()
        metadata = camera.wait(
            camera.capture_metadata(wait=False), timeout=self._first_frame_timeout_s
        )
        duration_us = metadata.get("FrameDuration")
        self.fps = 1e6 / duration_us if duration_us else float(settings.fps)
        main = camera.stream_configuration("main")
        width, height = main["size"]
        self.mode = f"{title}, {width}x{height} {main['format']}, {self.fps:.3g} frames/s"

    def read(self) -> Image | None:
        if self._pending is None:
            self._pending = self._camera.capture_array("main", wait=False)
        try:
            bgr: Image = self._camera.wait(self._pending, timeout=READ_TIMEOUT_S)
        except TimeoutError:
            return None
        except RuntimeError as error:
            raise SourceError(f"{self.name} dropped ({error})", "check the ribbon cable") from error
        self._pending = None
        return bgr

    def close(self) -> None:
        camera, self._camera, self._pending = self._camera, None, None
        if camera is not None:
            camera.cancel_all_and_flush()  # a pending frame would keep it from stopping
            camera.close()
