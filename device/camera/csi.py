"""Read a Raspberry Pi's CSI camera through Picamera2, which is loaded only when one is asked for.

One stream feeds detection and display. A second, smaller one for the detector might be faster;
nobody has measured it yet, so there is none.
"""

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import SourceError
from ..settings import CameraSettings
from .device_users import holders
from .v4l2 import LOOK, in_use

WAIT_S = 1.0  # for a frame, until somebody may ask us to stop
WAKE_S = 5.0


class NoPicamera2(SourceError):
    """Picamera2 is not installed, as on every computer but a Pi."""


def _picamera2() -> type:
    """Return the class Picamera2; SourceError names what installs it."""
    # libcamera tells its life on stderr otherwise.
    os.environ.setdefault("LIBCAMERA_LOG_LEVELS", "*:ERROR")
    try:
        from picamera2 import Picamera2
    except ModuleNotFoundError as error:
        if error.name != "picamera2":
            raise _broken(error) from error
        raise NoPicamera2(
            "CSI cameras need Picamera2, which is not installed or which this venv does not see",
            "Run: sudo apt install python3-picamera2; and make the venv with: "
            "python3 -m venv --system-site-packages .venv",
        ) from None
    except Exception as error:  # its compiled parts raise what they like
        raise _broken(error) from error
    logging.getLogger("picamera2").setLevel(logging.CRITICAL)  # it raises what it has logged
    return Picamera2


def _broken(error: Exception) -> SourceError:
    mend = "Run: sudo apt install --reinstall python3-picamera2"
    if "numpy" in str(error).lower():
        # Bookworm's simplejpeg was compiled for NumPy 1, and the venv has NumPy 2.
        mend = "Run: .venv/bin/pip install --force-reinstall --no-deps simplejpeg"
    return SourceError(f"Picamera2 does not load: {error}", mend)


@dataclass(frozen=True)
class Listed:
    """A CSI camera as Picamera2 lists it."""

    number: int  # among the CSI cameras
    title: str  # the sensor: imx708
    position: int  # among all that Picamera2 lists, USB cameras too

    @property
    def name(self) -> str:
        """What --camera calls it."""
        return f"csi:{self.number}"

    def modes(self) -> list[str]:
        """Return one line: the sensor's sizes, each with the most frames/s. Opens the camera."""
        try:
            with _picamera2()(self.position) as camera:
                most: dict[tuple[int, int], float] = {}
                for mode in camera.sensor_modes:
                    if "size" in mode:
                        most[mode["size"]] = max(mode["fps"], most.get(mode["size"], 0.0))
        except RuntimeError as error:
            return [_refused(self.name, error).message]
        return [" ".join(f"{w}x{h}@{fps:.4g}" for (w, h), fps in sorted(most.items()))]


def cameras() -> list[Listed]:
    """Return the CSI cameras; SourceError where Picamera2 cannot be loaded."""
    infos = _picamera2().global_camera_info()
    csi = [place for place, info in enumerate(infos) if "/usb" not in info["Id"]]
    return [Listed(number, infos[place]["Model"], place) for number, place in enumerate(csi)]


def _refused(name: str, error: Exception, dev: Path = Path("/dev")) -> SourceError:
    """Return what Picamera2's error means, with whoever has the camera's devices."""
    reason = str(error.__cause__ or error)
    nodes = [*dev.glob("video*"), *dev.glob("media*")]
    if "busy" in reason.lower() and holders(*nodes):
        return in_use(name, *nodes)
    return SourceError(f"{name} cannot be opened: {reason}", "Look: rpicam-hello --list-cameras")


class CsiCamera:
    """A CSI camera, a Device. wake_s: how long it may take to give its first frame."""

    def __init__(self, number: int, settings: CameraSettings, wake_s: float = WAKE_S):
        self._number, self._settings, self._wake_s = number, settings, wake_s
        self.name = f"csi:{number}"
        self.fps, self.mode = float(settings.fps), ""
        self._camera: Any = None
        self._coming: Any = None  # the frame that was asked for

    def open(self) -> None:
        found = cameras()
        if self._number >= len(found):
            there = ", ".join(f"{one.name} {one.title}" for one in found) or "none"
            raise SourceError(
                f"no camera {self.name}: Picamera2 finds {there}",
                f"Check the ribbon cable, then: rpicam-hello --list-cameras. {LOOK}",
            )
        try:
            self._camera = _picamera2()(found[self._number].position)
            self._start(found[self._number].title)
        except (RuntimeError, TimeoutError, OSError) as error:
            self.close()
            if isinstance(error, TimeoutError):
                wrong = f"{self.name} gave no picture within {self._wake_s:.0f} s"
                raise SourceError(wrong, "Check the ribbon cable") from error
            raise _refused(self.name, error) from error
        except BaseException:
            self.close()
            raise

    def _start(self, title: str) -> None:
        wanted, camera = self._settings, self._camera
        frame_us = round(1e6 / wanted.fps)
        camera.configure(
            camera.create_video_configuration(
                # Called RGB888, it is B, G, R in memory, as OpenCV and our frames are.
                main={"size": (wanted.width, wanted.height), "format": "RGB888"},
                controls={"FrameDurationLimits": (frame_us, frame_us)},
            )
        )
        camera.start()
        seen = camera.wait(camera.capture_metadata(wait=False), timeout=self._wake_s)
        self.fps = 1e6 / seen["FrameDuration"] if seen.get("FrameDuration") else float(wanted.fps)
        main = camera.stream_configuration("main")
        width, height = main["size"]
        self.mode = f"{title}, {width}x{height} {main['format']}, {self.fps:.3g} frames/s"

    def read(self) -> np.ndarray | None:
        if self._coming is None:
            self._coming = self._camera.capture_array("main", wait=False)
        try:
            bgr = self._camera.wait(self._coming, timeout=WAIT_S)
        except TimeoutError:
            return None
        except RuntimeError as error:
            raise SourceError(f"{self.name} dropped ({error})") from error
        self._coming = None
        return bgr

    def close(self) -> None:
        camera, self._camera, self._coming = self._camera, None, None
        if camera is not None:
            camera.cancel_all_and_flush()  # a frame still waited for would keep it from stopping
            camera.close()
