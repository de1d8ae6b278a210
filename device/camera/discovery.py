"""List the cameras that are plugged in, for `--camera 0`, `--camera auto` and `--list-cameras`."""

import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from ..errors import SourceError
from ..log import log
from ..text import printable
from . import LIST_CAMERAS, csi
from .v4l2 import V4l2

MODES_WIDTH = 72  # characters


@dataclass(frozen=True)
class CameraInfo:
    """A camera that was found, not opened."""

    name: str  # what --camera calls it
    title: str  # the product or sensor name
    kind: str  # USB, V4L2 or CSI
    modes: Callable[[], list[str]]  # queries it: lines with pixel format, sizes and frames/s


def cameras(v4l2: V4l2) -> Iterator[CameraInfo]:
    """Yield the cameras: USB by device number, then CSI.

    Importing Picamera2 takes seconds, so callers stop iterating once they have a USB camera.
    """
    for node in v4l2.cameras():
        yield CameraInfo(node.name, node.title, node.kind, partial(v4l2.modes, node))
    for info in _csi_cameras():
        yield CameraInfo(info.name, info.title, "CSI", info.modes)


def _csi_cameras() -> list[csi.CsiCameraInfo]:
    try:
        return csi.cameras()
    except csi.NoPicamera2:
        return []
    except SourceError as error:
        log.info(str(error))
        return []


def by_index(index: int, v4l2: V4l2) -> CameraInfo:
    """Return the camera at an index of the list, from 0; SourceError if there is none."""
    count = 0
    for count, camera in enumerate(cameras(v4l2), 1):
        if count == index + 1:
            return camera
    if not count:
        raise no_camera_error(v4l2)
    raise SourceError(f"no camera {index}: {count} found, counted from 0", LIST_CAMERAS)


def no_camera_error(v4l2: V4l2) -> SourceError:
    """Return the error for a computer without a camera: what was searched, and the first fault."""
    nodes = v4l2.paths()
    for path in nodes:
        try:
            v4l2.node(path)
        except SourceError as error:
            return SourceError(f"no camera found: {error.message}", error.hint)
    pattern = f"{v4l2.folder}/video*"
    searched = f"none of the {len(nodes)} {pattern} is one" if nodes else f"there is no {pattern}"
    try:
        csi.cameras()
    except SourceError as error:
        hint = error.hint
        if isinstance(error, csi.NoPicamera2):
            hint = f"connect a USB camera; for a CSI camera: {hint}"
        return SourceError(f"no camera found: {searched}, and {error.message}", hint)
    return SourceError(
        f"no camera found: {searched}, and Picamera2 finds no CSI camera", "--camera demo"
    )


def table(v4l2: V4l2) -> str:
    """Return the list to print; SourceError if there is no camera. Opens CSI cameras."""
    found = list(cameras(v4l2))
    if not found:
        raise no_camera_error(v4l2)
    rows = [
        (str(index), info.name, printable(info.title), info.kind)
        for index, info in enumerate(found)
    ]
    rows.insert(0, ("no", "--camera", "name", "kind"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    modes = [["modes, at most frames/s"], *(info.modes() for info in found)]
    return "\n".join(
        line
        for row, row_modes in zip(rows, modes, strict=True)
        for line in _lines(row, widths, row_modes)
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
