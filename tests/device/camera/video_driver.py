"""A V4L2 driver in memory: nodes are files, and ioctls answer with the kernel's structures.

The structures are declared a second time, as in <linux/videodev2.h>, and laid out by ctypes.
"""

import ctypes
import errno
import os
import time
from ctypes import c_char, c_uint32
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np

from device.camera.v4l2 import V4l2

CAPTURE, META, M2M, IO_MC = 0x00000001, 0x00800000, 0x00004000, 0x20000000
STREAMING, DEVICE_CAPS = 0x04000000, 0x80000000


class Capability(ctypes.Structure):
    _fields_ = (
        ("driver", c_char * 16),
        ("card", c_char * 32),
        ("bus_info", c_char * 32),
        ("version", c_uint32),
        ("capabilities", c_uint32),
        ("device_caps", c_uint32),
        ("reserved", c_uint32 * 3),
    )


class FmtDesc(ctypes.Structure):
    _fields_ = (
        ("index", c_uint32),
        ("type", c_uint32),
        ("flags", c_uint32),
        ("description", c_char * 32),
        ("pixelformat", c_char * 4),
        ("mbus_code", c_uint32),
        ("reserved", c_uint32 * 3),
    )


class RequestBuffers(ctypes.Structure):
    _fields_ = (
        ("count", c_uint32),
        ("type", c_uint32),
        ("memory", c_uint32),
        ("capabilities", c_uint32),
        ("flags", c_uint32),
    )


class FrmSize(ctypes.Structure):
    _fields_ = (
        ("index", c_uint32),
        ("pixel_format", c_char * 4),
        ("type", c_uint32),
        ("sides", c_uint32 * 6),  # width, height; or width from, to, step, height from, to, step
        ("reserved", c_uint32 * 2),
    )


class FrmIval(ctypes.Structure):
    _fields_ = (
        ("index", c_uint32),
        ("pixel_format", c_char * 4),
        ("width", c_uint32),
        ("height", c_uint32),
        ("type", c_uint32),
        ("fractions", c_uint32 * 6),
        ("reserved", c_uint32 * 2),
    )


def number(direction: int, nr: int, structure: type) -> int:
    """Return an ioctl's number, as <asm-generic/ioctl.h> builds it: 2 reads, 3 writes and reads."""
    return direction << 30 | ctypes.sizeof(structure) << 16 | ord("V") << 8 | nr


@dataclass
class FakeCamera:
    """A camera's node. formats: {pixel format: {(w, h): [frames/s as (frames, seconds)]}}."""

    card: str = "HD Webcam"
    bus: str = "usb-0000:01:00.0-1.2"
    driver: str = "uvcvideo"
    caps: int = CAPTURE | STREAMING
    formats: dict = field(
        default_factory=lambda: {
            "YUYV": {(640, 480): [(30, 1), (15, 1)], (1280, 720): [(10, 1)]},
            "MJPG": {(640, 480): [(30, 1)], (1280, 720): [(30, 1)], (1920, 1080): [(30, 1)]},
        }
    )
    busy: bool = False
    silent: bool = False  # gives no frame, and no error
    silence_s: float = 1.0  # until a read ends without a frame
    opened: int = 0  # number of open captures
    sizes: list = field(default_factory=list)  # (w, h) of the next frames; then those of the mode
    picture: np.ndarray | None = None  # uint8 (H, W, 3) BGR that it gives; None: one colour


class Driver:
    """The cameras of a computer whose /dev is `folder`."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._plugged: dict[int, FakeCamera] = {}  # by inode
        self.v4l2 = V4l2(folder, self.ioctl, self.capture)

    def plug(self, number: int, camera: FakeCamera) -> Path:
        path = self._folder / f"video{number}"
        path.touch()
        self._plugged[path.stat().st_ino] = camera
        return path

    def unplug(self, number: int) -> None:
        path = self._folder / f"video{number}"
        del self._plugged[path.stat().st_ino]
        path.unlink()

    def ioctl(self, descriptor: int, request: int, buffer: bytearray, mutate: bool) -> int:
        camera = self._plugged.get(os.fstat(descriptor).st_ino)
        if camera is None:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        kinds = {
            number(2, 0, Capability): (Capability, self._capability),
            number(3, 2, FmtDesc): (FmtDesc, self._format),
            number(3, 8, RequestBuffers): (RequestBuffers, self._buffers),
            number(3, 74, FrmSize): (FrmSize, self._size),
            number(3, 75, FrmIval): (FrmIval, self._interval),
        }
        structure, fill = kinds[request]
        assert mutate and len(buffer) == ctypes.sizeof(structure)
        fill(camera, structure.from_buffer(buffer))
        return 0

    @staticmethod
    def _capability(camera, answer) -> None:
        answer.driver, answer.card, answer.bus_info = (
            text.encode() for text in (camera.driver, camera.card, camera.bus)
        )
        # Of all the nodes of the device together, and of this one.
        answer.capabilities = CAPTURE | META | STREAMING | DEVICE_CAPS
        answer.device_caps = camera.caps

    @staticmethod
    def _format(camera, answer) -> None:
        answer.pixelformat = _item(list(camera.formats), answer.index).encode()

    @staticmethod
    def _buffers(camera, answer) -> None:
        assert answer.count == 0 and answer.memory == 1
        if camera.busy:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))

    @staticmethod
    def _size(camera, answer) -> None:
        sizes = camera.formats[answer.pixel_format.decode()]
        if isinstance(sizes, tuple):  # any, in steps
            _item([sizes], answer.index)
            answer.type, answer.sides = 3, sizes
        else:
            size = _item(list(sizes), answer.index)
            answer.type, answer.sides = 1, (*size, 0, 0, 0, 0)

    @staticmethod
    def _interval(camera, answer) -> None:
        sizes = camera.formats[answer.pixel_format.decode()]
        per, seconds = _item(sizes[answer.width, answer.height], answer.index)
        answer.type, answer.fractions = 1, (seconds, per, 0, 0, 0, 0)

    def capture(self, path: str, backend: int) -> "Capture":
        assert backend == cv2.CAP_V4L2
        return Capture(self, Path(path))

    def at(self, path: Path) -> FakeCamera | None:
        try:
            return self._plugged.get(path.stat().st_ino)
        except FileNotFoundError:
            return None


def _item(items: list, index: int):
    if index >= len(items):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return items[index]


class Capture:
    """Stands for cv2.VideoCapture: gives the camera's picture, or a uniform one."""

    def __init__(self, driver: Driver, path: Path):
        self._driver, self._path = driver, path
        self._camera = driver.at(path)
        self._properties = {cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"YUYV")}
        if self._camera:
            self._camera.opened += 1

    def set(self, key: int, value: float) -> bool:
        self._properties[key] = value
        return True

    def get(self, key: int) -> float:
        return float(self._properties.get(key, 0))

    def size(self) -> tuple[int, int]:
        """Return the offered size nearest to the requested one."""
        code = int(self.get(cv2.CAP_PROP_FOURCC)).to_bytes(4, "little").decode()
        wanted = self.get(cv2.CAP_PROP_FRAME_WIDTH)
        return min(self._camera.formats[code], key=lambda size: abs(size[0] - wanted))

    def grab(self) -> bool:
        gone = self._camera is None or self._driver.at(self._path) is not self._camera
        if gone or self._camera.busy:
            return False
        if self._camera.silent:
            time.sleep(self._camera.silence_s)
            return False
        time.sleep(0.002)
        return True

    def retrieve(self):
        width, height = self._camera.sizes.pop(0) if self._camera.sizes else self.size()
        if self._camera.picture is not None:
            return True, cv2.resize(self._camera.picture, (width, height))
        return True, np.full((height, width, 3), (10, 20, 200), np.uint8)

    def read(self):
        return self.retrieve() if self.grab() else (False, None)

    def release(self) -> None:
        if self._camera:
            self._camera.opened -= 1
            self._camera = None
