"""List the kernel's video devices (V4L2) and what they can do."""

import contextlib
import errno
import fcntl
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2

from ..errors import SourceError
from . import LIST_CAMERAS, v4l2_ioctl
from .device_users import in_use
from .v4l2_ioctl import CAPTURE, CAPTURE_MPLANE, Ioctl, text

# Drivers of parts of a Pi's camera pipeline, which are no cameras: CSI cameras are Picamera2's.
PIPELINE_DRIVERS = {
    *("unicam", "rp1-cfe", "bcm2835-isp", "pispbe"),
    *("bcm2835-codec", "rpivid", "rpi-hevc-dec"),
}


def name_of(path: Path) -> str:
    """Return what --camera calls a device node: usb:0 for /dev/video0."""
    return f"usb:{path.name.removeprefix('video')}"


@dataclass(frozen=True)
class Node:
    """A /dev/videoN. One camera may have several: for pictures, for metadata."""

    path: Path
    driver: str  # uvcvideo
    title: str  # the product name
    bus: str  # the port it is plugged into
    capabilities: int

    @property
    def name(self) -> str:
        """What --camera calls it."""
        return name_of(self.path)

    @property
    def kind(self) -> str:
        return "USB" if self.bus.startswith("usb") else "V4L2"

    @property
    def is_camera(self) -> bool:
        """Whether it captures pictures without other devices being set up first."""
        return (
            bool(self.capabilities & (CAPTURE | CAPTURE_MPLANE))
            and not self.capabilities & (v4l2_ioctl.MEMORY_TO_MEMORY | v4l2_ioctl.MEDIA_CONTROLLED)
            and self.driver not in PIPELINE_DRIVERS
        )

    @property
    def buffer_type(self) -> int:
        single_plane = self.capabilities & CAPTURE
        return v4l2_ioctl.BUFFER_CAPTURE if single_plane else v4l2_ioctl.BUFFER_CAPTURE_MPLANE


@dataclass(frozen=True)
class V4l2:
    """The computer's video devices.

    folder: of the device nodes. ioctl, capture: those of the kernel and of OpenCV, unless a test
    brings its own driver. Methods raise SourceError if a node is missing, may not be opened by
    this user, is in use (InUse) or is not a video device.
    """

    folder: Path = Path("/dev")
    ioctl: Callable[[int, int, bytearray, bool], int] = fcntl.ioctl
    capture: Callable[[str, int], cv2.VideoCapture] = cv2.VideoCapture
    ports: dict[str, str] = field(default_factory=dict, compare=False)
    """The bus of each camera that was opened, by its name: no other one is found there."""
    open_paths: dict[str, Path] = field(default_factory=dict, compare=False)
    """The device node of each camera that is open, by its name."""

    def paths(self) -> list[Path]:
        """Return the device nodes in the order of their numbers."""
        numbers = (path.name.removeprefix("video") for path in self.folder.glob("video*"))
        return [self.path(number) for number in sorted(map(int, filter(str.isdecimal, numbers)))]

    def path(self, number: int) -> Path:
        return self.folder / f"video{number}"

    def node(self, path: Path) -> Node:
        """Return a device node's description; it need not be a camera."""
        empty = v4l2_ioctl.CAPABILITY.pack(b"", b"", b"", 0, 0, 0)
        with self._open(path) as ioctl:
            fields = v4l2_ioctl.CAPABILITY.unpack(ioctl(v4l2_ioctl.QUERYCAP, empty))
        driver, card, bus = (text(field) for field in fields[:3])
        return Node(path, driver, card, bus, fields[5])

    def cameras(self) -> list[Node]:
        """Return the nodes that are cameras, in the order of their numbers."""
        nodes = []
        for path in self.paths():
            with contextlib.suppress(SourceError):
                nodes.append(self.node(path))
        return [node for node in nodes if node.is_camera]

    def formats(self, node: Node) -> list[str]:
        """Return the pixel formats that a camera offers, each by its four letters: MJPG."""
        with self._open(node.path) as ioctl:
            return [text(code) for code in v4l2_ioctl.pixel_formats(ioctl, node.buffer_type)]

    def modes(self, node: Node) -> list[str]:
        """Return a line for each pixel format: its sizes, each with its highest frames/s."""
        with self._open(node.path) as ioctl:
            return [
                " ".join([text(code), *v4l2_ioctl.sizes(ioctl, code)]).strip()
                for code in v4l2_ioctl.pixel_formats(ioctl, node.buffer_type)
            ]

    def is_free(self, node: Node, name: str) -> bool:
        """Whether a node may be the camera of that name: it is no other one's of this run."""
        # Copies: the cameras are opened in threads of their own.
        if any(path == node.path for other, path in list(self.open_paths.items()) if other != name):
            return False
        buses = {bus for other, bus in list(self.ports.items()) if other != name}
        return node.bus not in buses or node.bus == self.ports.get(name)

    def refuse_busy(self, node: Node) -> None:
        """Raise InUse, which names the other program, if a camera is streaming to one.

        Requesting zero buffers changes nothing, and is refused while another program has some.
        """
        request = v4l2_ioctl.REQUESTBUFFERS.pack(0, node.buffer_type, v4l2_ioctl.MEMORY_MMAP)
        with self._open(node.path) as ioctl:
            try:
                ioctl(v4l2_ioctl.REQBUFS, request)
            except OSError as error:
                if error.errno == errno.EBUSY:
                    raise in_use(node.name, node.path) from error

    @contextlib.contextmanager
    def _open(self, path: Path) -> Iterator[Ioctl]:
        """Open a node and yield its ioctl."""
        descriptor = _open_descriptor(path)

        def ioctl(number: int, structure: bytes) -> bytes:
            answer = bytearray(structure)
            self.ioctl(descriptor, number, answer, True)
            return bytes(answer)

        try:
            yield ioctl
        except OSError as error:
            if isinstance(error, SourceError):
                raise
            raise SourceError(
                f"{path} is not a video device: {error.strerror}", LIST_CAMERAS
            ) from error
        finally:
            os.close(descriptor)


def _open_descriptor(path: Path) -> int:
    name = name_of(path)
    try:
        return os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except FileNotFoundError:
        raise SourceError(f"no camera {name}: {path} does not exist", LIST_CAMERAS) from None
    except PermissionError:
        raise SourceError(
            f"this user may not open {path}", "sudo usermod -aG video $USER, then log in again"
        ) from None
    except OSError as error:
        if error.errno == errno.EBUSY:
            raise in_use(name, path) from error
        raise SourceError(f"cannot open {path}: {error.strerror}", LIST_CAMERAS) from error
