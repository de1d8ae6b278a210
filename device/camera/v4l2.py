"""Ask the kernel which video devices there are and what they can do (V4L2).

The structures and numbers are those of <linux/videodev2.h>; none of them holds a pointer, so they
are alike on 32 and 64 bit. Not linuxpy: it does the same, but under the GPL.
"""

import contextlib
import errno
import fcntl
import os
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2

from ..errors import SourceError
from .device_users import holders

LOOK = "List cameras: python -m device.run --list-cameras; no camera at hand: --camera demo"

# ioctl numbers: direction, size of the structure, "V", number.
QUERYCAP = 0x80685600
ENUM_FMT = 0xC0405602
REQBUFS = 0xC0145608
ENUM_FRAMESIZES = 0xC02C564A
ENUM_FRAMEINTERVALS = 0xC034564B

CAPABILITY = struct.Struct("=16s32s32sIII12x")  # driver, card, bus, version, all nodes', this one's
FMTDESC = struct.Struct("=III32s4s16x")  # index, buffer type, flags, description, pixel format
REQUESTBUFFERS = struct.Struct("=III8x")  # count, buffer type, memory
FRMSIZE = struct.Struct("=I4sI6I8x")  # index, pixel format, type; w, h or w from, to, step, h ...
FRMIVAL = struct.Struct("=I4sIII6I8x")  # index, pixel format, w, h, type; s as fractions

CAPTURE, CAPTURE_MPLANE = 0x1, 0x1000
MEMORY_TO_MEMORY = 0x8000 | 0x4000  # codecs
MEDIA_CONTROLLED = 0x20000000  # raw: gives no picture until a libcamera has set up what precedes it
BUFFER_CAPTURE, BUFFER_CAPTURE_MPLANE, MEMORY_MMAP = 1, 9, 1
DISCRETE = 1

# Parts of a Pi's camera pipeline, which give no picture by themselves: CSI cameras are Picamera2's.
PARTS = {
    *("unicam", "rp1-cfe", "bcm2835-isp", "pispbe"),
    *("bcm2835-codec", "rpivid", "rpi-hevc-dec"),
}


class InUse(SourceError):
    """Another program has the camera."""


def name_of(path: Path) -> str:
    """Return what --camera calls a device node: usb:0 for /dev/video0."""
    return f"usb:{path.name.removeprefix('video')}"


@dataclass(frozen=True)
class Node:
    """A /dev/videoN. One camera may have several: for pictures, for metadata."""

    path: Path
    driver: str  # uvcvideo
    title: str  # what the maker calls it
    bus: str  # where it is plugged in
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
        """Whether it gives pictures, and by itself."""
        return (
            bool(self.capabilities & (CAPTURE | CAPTURE_MPLANE))
            and not self.capabilities & (MEMORY_TO_MEMORY | MEDIA_CONTROLLED)
            and self.driver not in PARTS
        )

    @property
    def buffer_type(self) -> int:
        return BUFFER_CAPTURE if self.capabilities & CAPTURE else BUFFER_CAPTURE_MPLANE


@dataclass(frozen=True)
class V4l2:
    """The computer's video devices.

    folder, ioctl, capture: where their nodes are, how one is asked and how one is read; those of
    the kernel and of OpenCV, unless a test brings its own driver.
    """

    folder: Path = Path("/dev")
    ioctl: Callable[[int, int, bytearray, bool], int] = fcntl.ioctl
    capture: Callable[[str, int], cv2.VideoCapture] = cv2.VideoCapture

    def paths(self) -> list[Path]:
        """Return the device nodes in the order of their numbers."""
        numbers = (path.name.removeprefix("video") for path in self.folder.glob("video*"))
        return [self.path(number) for number in sorted(map(int, filter(str.isdecimal, numbers)))]

    def path(self, number: int) -> Path:
        return self.folder / f"video{number}"

    def node(self, path: Path) -> Node:
        """Return what a node says of itself; SourceError where it is missing, forbidden, or other.

        It need not be a camera.
        """
        with self._opened(path) as ask:
            fields = CAPABILITY.unpack(ask(QUERYCAP, CAPABILITY.pack(b"", b"", b"", 0, 0, 0)))
        driver, card, bus = (_text(field) for field in fields[:3])
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
        with self._opened(node.path) as ask:
            return [_text(code) for code in _formats(ask, node)]

    def modes(self, node: Node) -> list[str]:
        """Return a line for each pixel format: its sizes, each with the most frames/s."""
        with self._opened(node.path) as ask:
            return [
                " ".join([_text(code), *_sizes(ask, code)]).strip() for code in _formats(ask, node)
            ]

    def refuse_busy(self, node: Node) -> None:
        """Raise SourceError, which names who has it, where a camera gives its pictures to others.

        Asking for no buffers changes nothing, and is refused while another program has some.
        """
        with self._opened(node.path) as ask:
            try:
                ask(REQBUFS, REQUESTBUFFERS.pack(0, node.buffer_type, MEMORY_MMAP))
            except OSError as error:
                if error.errno == errno.EBUSY:
                    raise in_use(node.name, node.path) from error

    @contextlib.contextmanager
    def _opened(self, path: Path) -> Iterator[Callable[[int, bytes], bytes]]:
        """Open a node and yield how to ask it: (ioctl number, structure) -> structure."""
        name = name_of(path)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        except FileNotFoundError:
            raise SourceError(f"no camera {name}: {path} does not exist", LOOK) from None
        except PermissionError:
            raise SourceError(
                f"{path} may not be opened by this user",
                "Run: sudo usermod -aG video $USER, then log in again",
            ) from None
        except OSError as error:
            if error.errno == errno.EBUSY:
                raise in_use(name, path) from error
            raise SourceError(f"cannot open {path}: {error.strerror}", LOOK) from error

        def ask(request: int, structure: bytes) -> bytes:
            answer = bytearray(structure)
            self.ioctl(descriptor, request, answer, True)
            return bytes(answer)

        try:
            yield ask
        except OSError as error:
            if isinstance(error, SourceError):
                raise
            raise SourceError(f"{path} is no video device: {error.strerror}", LOOK) from error
        finally:
            os.close(descriptor)


def in_use(name: str, *paths: Path) -> InUse:
    """Return the error for a camera that another program has, naming that where /proc tells."""
    who = holders(*paths)
    if who:
        return InUse(f"{name} is in use by {', '.join(who)}", "Stop that, or name another")
    asked = " ".join(map(str, paths))
    return InUse(
        f"{name} is in use by a program of another user", f"It is named by: sudo fuser -v {asked}"
    )


def _text(field: bytes) -> str:
    return field.partition(b"\0")[0].decode(errors="replace").strip()


def _until_refused(ask, request: int, pack: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield the answers for index 0, 1, ...; drivers refuse the first beyond their last."""
    for index in range(1000):
        try:
            answer = ask(request, pack(index))
        except OSError:
            return
        yield answer


def _formats(ask, node: Node) -> list[bytes]:
    answers = _until_refused(
        ask, ENUM_FMT, lambda index: FMTDESC.pack(index, node.buffer_type, 0, b"", b"")
    )
    return [FMTDESC.unpack(answer)[4] for answer in answers]


def _sizes(ask, code: bytes) -> list[str]:
    """Return "640x480@30", ... for one pixel format; "up to 1920x1080" where any size will do."""
    answers = _until_refused(
        ask, ENUM_FRAMESIZES, lambda index: FRMSIZE.pack(index, code, 0, *[0] * 6)
    )
    sizes = []
    for answer in answers:
        _, _, kind, *sides = FRMSIZE.unpack(answer)
        if kind != DISCRETE:
            return [f"up to {sides[1]}x{sides[4]}"]
        width, height = sides[:2]
        fps = _most_fps(ask, code, width, height)
        sizes.append(f"{width}x{height}" + (f"@{fps:.4g}" if fps else ""))
    return sizes


def _most_fps(ask, code: bytes, width: int, height: int) -> float:
    """Return the most frames/s at a size, 0 where the driver does not tell."""
    answers = _until_refused(
        ask,
        ENUM_FRAMEINTERVALS,
        lambda index: FRMIVAL.pack(index, code, width, height, 0, *[0] * 6),
    )
    rates = [0.0]
    for answer in answers:
        _, _, _, _, kind, *fractions = FRMIVAL.unpack(answer)
        seconds, per = fractions[:2]  # the only interval, or the shortest of a range
        if seconds:
            rates.append(per / seconds)
        if kind != DISCRETE:
            break
    return max(rates)
