"""Read what stands in stdin: a photo, or a whole video."""

import os
import select
import shutil
import tempfile
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import IO

from ..errors import SourceError, Stopped
from . import Camera
from .photo_files import HEAD, photo_format
from .photos import Photos
from .video import MAX_PIXELS, VideoFile

NAME = "stdin"
MAX_BYTES = 1 << 30  # kept in memory as a photo, or on the disk as a video
MAX_PHOTO = 100_000_000  # bytes
BLOCK = 1 << 16  # bytes
POLL_S = 0.25  # of `stopping`, while nothing comes


def open_stdin(
    stopping: Callable[[], bool], descriptor: int = 0, max_pixels: float = MAX_PIXELS
) -> Camera:
    """Return the photo or the video that stdin holds, read to its end.

    Raises SourceError where it holds neither, is a terminal, or gives more than MAX_BYTES, and
    Stopped where `stopping` is true.
    """
    if os.isatty(descriptor):
        raise SourceError("--camera - reads stdin, which is a terminal", "cat photo.jpg | ...")
    folder = tempfile.mkdtemp(prefix="facet-")
    try:
        path = Path(folder) / NAME
        with path.open("w+b") as file:
            size = _copy(descriptor, file, stopping)
            file.seek(0)
            if photo_format(file.read(HEAD)) and size <= MAX_PHOTO:
                file.seek(0)
                photos = Photos(Path(NAME), content=file.read())
                shutil.rmtree(folder, ignore_errors=True)
                return photos
        video = VideoFile(path, max_pixels)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    weakref.finalize(video, shutil.rmtree, folder, ignore_errors=True)
    return video


def _copy(descriptor: int, file: IO[bytes], stopping: Callable[[], bool]) -> int:
    """Copy stdin to a file until it ends; return its bytes."""
    size = 0
    while not stopping():
        try:
            if not select.select([descriptor], [], [], POLL_S)[0]:
                continue
            block = os.read(descriptor, BLOCK)
            size += file.write(block)
        except OSError as error:
            raise SourceError(f"cannot read stdin: {error.strerror}", "cat FILE | ...") from error
        if not block:
            return size
        if size > MAX_BYTES:
            raise SourceError(f"stdin gives more than {MAX_BYTES >> 20} MB", "save it as a file")
    raise Stopped("stopped while stdin was read")
