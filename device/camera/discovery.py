"""List the cameras that are plugged in: what `--camera 0`, `auto` and `--list-cameras` go by."""

import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from ..errors import SourceError
from ..log import log
from . import csi
from .v4l2 import LOOK, V4l2

MODES_WIDTH = 72  # characters


@dataclass(frozen=True)
class CameraInfo:
    """A camera that was found, not opened."""

    name: str  # what --camera calls it
    title: str  # what its maker calls it
    kind: str  # USB, V4L2 or CSI
    modes: Callable[[], list[str]]  # asks it: lines with pixel format, sizes and frames/s


def cameras(v4l2: V4l2) -> Iterator[CameraInfo]:
    """Yield the cameras: USB by device number, then CSI.

    Picamera2 takes seconds to load, so who finds what he looked for stops here before that.
    """
    for node in v4l2.cameras():
        yield CameraInfo(node.name, node.title, node.kind, partial(v4l2.modes, node))
    for one in _csi_cameras():
        yield CameraInfo(one.name, one.title, "CSI", one.modes)


def _csi_cameras() -> list[csi.Listed]:
    try:
        return csi.cameras()
    except csi.NoPicamera2:
        return []
    except SourceError as error:
        log.info(str(error))
        return []


def numbered(number: int, v4l2: V4l2) -> CameraInfo:
    """Return the camera of that number in the list; SourceError says how many there are."""
    count = 0
    for count, camera in enumerate(cameras(v4l2), 1):
        if count == number + 1:
            return camera
    if not count:
        raise none_found(v4l2)
    raise SourceError(f"no camera {number}: {count} found, counted from 0", LOOK)


def none_found(v4l2: V4l2) -> SourceError:
    """Return the error for a computer without a camera: what was looked for, and where."""
    nodes = v4l2.paths()
    for path in nodes:
        try:
            v4l2.node(path)
        except SourceError as error:
            return SourceError(f"no camera found: {error.message}", error.hint)
    which = f"none of the {len(nodes)}" if nodes else "there is no"
    looked = f"no camera found: {which} {v4l2.folder}/video*{' is one' if nodes else ''}"
    try:
        csi.cameras()
    except SourceError as error:
        return SourceError(f"{looked}, and {error.message}", error.hint)
    return SourceError(f"{looked}, and Picamera2 finds no CSI camera", "Or try: --camera demo")


def table(v4l2: V4l2) -> str:
    """Return the list for people; SourceError where there is none. Opens CSI cameras."""
    found = list(cameras(v4l2))
    if not found:
        raise none_found(v4l2)
    rows = [(str(number), one.name, one.title, one.kind) for number, one in enumerate(found)]
    rows.insert(0, ("no", "--camera", "name", "kind"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    modes = [["modes, at most frames/s"], *(one.modes() for one in found)]
    return "\n".join(
        line for row, told in zip(rows, modes, strict=True) for line in _lines(row, widths, told)
    )


def _lines(row: tuple[str, ...], widths: list[int], modes: list[str]) -> Iterator[str]:
    """Yield a camera's lines: its cells and beside them its modes, as many lines as these need."""
    left = "".join(f"{cell:{width}}  " for cell, width in zip(row, widths, strict=True))
    wrapped = [
        line for mode in modes for line in textwrap.wrap(mode, MODES_WIDTH, subsequent_indent="  ")
    ]
    for line in wrapped or [""]:
        yield (left + line).rstrip()
        left = " " * len(left)
