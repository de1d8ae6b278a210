"""Read a video file: every frame, in order, to the end."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

import cv2

from ..errors import SourceError
from ..files import ffmpeg_path
from ..types import Frame

USUAL_FPS = 25.0  # some containers give 0 or NaN


class VideoFile:
    """A video; its frames are timed by their place in it, from when it was opened.

    Raises SourceError if the file is not a video or its first frame cannot be decoded; one that
    is cut short ends with its last whole frame.
    """

    def __init__(self, path: Path):
        self.name = path.name
        self._capture = cv2.VideoCapture(ffmpeg_path(path), cv2.CAP_FFMPEG)
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 0.1 < fps < 1000 else USUAL_FPS
        self._started = datetime.now(UTC)
        self._reading = threading.Lock()
        ok, self._first = self._capture.read()
        if not ok:
            self._capture.release()
            raise SourceError(f"{path} is not a video that can be read", f"ffprobe {path}")
        height, width = self._first.shape[:2]
        self.mode = f"{width}x{height}, {self.fps:.3g} frames/s"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        # A disk that hangs keeps a prefetching thread in read(): releasing then would crash.
        if self._reading.acquire(blocking=False):
            self._capture.release()

    def __iter__(self) -> Iterator[Frame]:
        ok, bgr, index = True, self._first, 0
        while ok:
            at_s = index / self.fps
            yield Frame(bgr, index, self._started + timedelta(seconds=at_s), at_s, self.name)
            index += 1
            with self._reading:
                ok, bgr = self._capture.read()
