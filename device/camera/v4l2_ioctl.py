"""V4L2's ioctls: numbers, structures, and the lists a driver gives item by item.

Taken from <linux/videodev2.h>. No structure here holds a pointer, so they are alike on 32 and 64
bit. Not linuxpy: it does the same, but under the GPL.
"""

import struct
from collections.abc import Callable, Iterator

Ioctl = Callable[[int, bytes], bytes]  # (ioctl number, structure) -> structure; raises OSError

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
MEDIA_CONTROLLED = 0x20000000  # raw: gives no picture until libcamera has set up what precedes it
BUFFER_CAPTURE, BUFFER_CAPTURE_MPLANE, MEMORY_MMAP = 1, 9, 1
DISCRETE = 1  # type of a size or interval that is one value, not a range

MAX_ITEMS = 1000  # for a driver that never refuses


def text(field: bytes) -> str:
    """Return the text of a field that zeros fill up."""
    return field.partition(b"\0")[0].decode(errors="replace").strip()


def pixel_formats(ioctl: Ioctl, buffer_type: int) -> list[bytes]:
    """Return the pixel formats that a node offers, each as its four letters: b"MJPG"."""
    answers = _enumerate(
        ioctl, ENUM_FMT, lambda index: FMTDESC.pack(index, buffer_type, 0, b"", b"")
    )
    return [FMTDESC.unpack(answer)[4] for answer in answers]


def sizes(ioctl: Ioctl, pixel_format: bytes) -> list[str]:
    """Return "640x480@30", ... for a pixel format; "up to 1920x1080" if the size is a range."""
    answers = _enumerate(
        ioctl, ENUM_FRAMESIZES, lambda index: FRMSIZE.pack(index, pixel_format, 0, *[0] * 6)
    )
    found = []
    for answer in answers:
        _, _, kind, *sides = FRMSIZE.unpack(answer)
        if kind != DISCRETE:
            return [f"up to {sides[1]}x{sides[4]}"]
        width, height = sides[:2]
        fps = _max_fps(ioctl, pixel_format, width, height)
        found.append(f"{width}x{height}" + (f"@{fps:.4g}" if fps else ""))
    return found


def _max_fps(ioctl: Ioctl, pixel_format: bytes, width: int, height: int) -> float:
    """Return the highest frames/s at a size, 0 if the driver lists none."""
    answers = _enumerate(
        ioctl,
        ENUM_FRAMEINTERVALS,
        lambda index: FRMIVAL.pack(index, pixel_format, width, height, 0, *[0] * 6),
    )
    rates = [0.0]
    for answer in answers:
        _, _, _, _, kind, *fractions = FRMIVAL.unpack(answer)
        numerator_s, denominator = fractions[:2]  # the only interval, or the shortest of a range
        if numerator_s:
            rates.append(denominator / numerator_s)
        if kind != DISCRETE:
            break
    return max(rates)


def _enumerate(ioctl: Ioctl, number: int, pack: Callable[[int], bytes]) -> Iterator[bytes]:
    """Yield the answers for index 0, 1, ...; a driver refuses the first index beyond its last."""
    for index in range(MAX_ITEMS):
        try:
            answer = ioctl(number, pack(index))
        except OSError:
            return
        yield answer
